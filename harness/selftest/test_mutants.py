# SPDX-License-Identifier: Apache-2.0
"""Every faulty library turns red in a case of the requirement that it breaks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

import toolchain
from mutants import build as mutant_build
from mutants.build import Builder, Change, Mutant
from suite import RED, Run, Suite, explains, names_case

MUTANTS = mutant_build.load()
# Limits that end a hang; a mutant is killed by one more often than not.
TIMEOUT_FACTOR = "0.5"
AREAS = {
    "ABI", "CALL", "LIFE", "OBJ", "RACE", "RECV", "SCOPE", "STATE", "TIME", "V14", "XFER",
}  # fmt: skip
# Of these the whole suite is run: one that concerns nearly every case, and two that few cases see.
WHOLE = ("new-object-is-set", "set-answers-woken-count", "refusal-takes-rights-away")


def parameters() -> list[object]:
    """Survivors are expected to survive: when a new case kills one, its record has to say so."""
    return [
        pytest.param(
            mutant,
            id=mutant.id,
            marks=(
                [pytest.mark.xfail(reason=mutant.survives, strict=True)] if mutant.survives else []
            ),
        )
        for mutant in MUTANTS
    ]


def run_own_cases(suite: Suite, mutant: Mutant, library: Path, adapter: str | None) -> Run:
    """The cases of the requirement, up to the first that is red; all of them if that is BROKEN."""
    ids = list(mutant.expect_cases if adapter or not mutant.base.adapter else ())
    options = [*mutant.options, "--timeout-factor", TIMEOUT_FACTOR, "--jobs", "2"]
    if not ids:
        ids = [mutant.requirement]
        run = suite.run(ids, library, adapter, [*options, "--stop-on-fail"])
        if set(run.counts) & RED or not run.counts["BROKEN"]:
            return run
    return suite.run(ids, library, adapter, options)


@pytest.mark.parametrize("mutant", parameters())
def test_is_killed_by_its_requirement(suite: Suite, mutants: Builder, mutant: Mutant) -> None:
    built = mutants.build(mutant)
    assert mutant_build.is_alive(built, suite.build), f"{mutant.smoke_case} does not pass"
    run = run_own_cases(suite, mutant, built.library, mutant.base.adapter or None)
    killers = [
        case
        for case in run.cases
        if case["verdict"] in RED and case["case"].startswith(mutant.requirement + ".")
    ]
    assert killers, f"survives {len(run.cases)} cases of {mutant.requirement}: {run.not_green()}"
    assert run.exit_code == 1
    assert all(run.verdicts[case] in RED for case in mutant.expect_cases)
    for case in killers:
        assert names_case(run.report, case["verdict"], case["case"]), run.report
    assert f"requirement  {mutant.requirement} " in run.report
    explanation = suite.call(["explain", killers[0]["case"], run.log])
    assert explains(explanation.stdout, killers[0], mutant.requirement), explanation.report


# Those of the soak extent are found in cases that need no adapter, and once is enough for them.
ALONE = [
    mutant for mutant in MUTANTS if mutant.base.adapter and not (mutant.survives or mutant.profile)
]


@pytest.mark.parametrize("mutant", ALONE, ids=lambda mutant: mutant.id)
def test_is_killed_without_adapter(suite: Suite, mutants: Builder, mutant: Mutant) -> None:
    """Somebody who has nothing but the library learns the same, as far as one process can show it."""
    run = run_own_cases(suite, mutant, mutants.build(mutant).library, None)
    is_red = bool(set(run.counts) & RED)
    assert is_red == (mutant.needs_adapter is None), mutant.needs_adapter or run.not_green()


@pytest.mark.parametrize("name", WHOLE)
def test_whole_suite_is_red(suite: Suite, mutants: Builder, name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.id == name)
    library = mutants.build(mutant).library
    options = ["--timeout-factor", TIMEOUT_FACTOR, "--jobs", "4"]
    run = suite.run((), library, "reference", options, limit_s=240)
    assert run.exit_code == 1
    assert run.end["complete"]
    assert set(run.verdicts) == set(run.start["planned"])
    assert run.counts["PASS"] > 0
    assert f"\n  {mutant.requirement} " in run.report


def test_no_two_are_the_same(mutants: Builder) -> None:
    mutants.build_all(MUTANTS)


def test_every_area_has_some() -> None:
    assert {mutant.area for mutant in MUTANTS} == AREAS
    assert len(MUTANTS) >= 80


def test_records_name_real_requirements() -> None:
    known = {
        row["id"]
        for path in (toolchain.REPOSITORY / "conformance" / "requirements").glob("*.yaml")
        for row in yaml.safe_load(path.read_text(encoding="utf-8")).get("requirements", [])
    }
    assert {mutant.requirement for mutant in MUTANTS} <= known


def source_mutant(*changes: Change) -> Mutant:
    return Mutant("trial", "OBJ-01", "source", "trial", tuple(changes))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (Change("decisions.c", "no such text", "x"), "0 times"),
        (Change("decisions.c", "return", "x"), "times"),
        (Change("none.c", "a", "b"), "no file"),
        (Change("decisions.c", "/* --- Time --- */", "/* --- Time --- */"), "nothing changes"),
    ],
)
def test_what_does_not_apply_is_refused(mutants: Builder, change: Change, complaint: str) -> None:
    with pytest.raises(toolchain.BuildError, match=complaint):
        mutant_build.apply_changes(source_mutant(change), mutants.originals())


def test_what_compiles_to_the_same_is_refused(mutants: Builder) -> None:
    change = Change("decisions.c", "/* --- Time --- */", "/* --- Hours ---\n */")
    with pytest.raises(toolchain.BuildError, match="that of the reference"):
        mutants.build(source_mutant(change))


def test_what_does_not_compile_is_refused(mutants: Builder) -> None:
    change = Change("decisions.c", "/* --- Time --- */", "not C")
    with pytest.raises(toolchain.BuildError, match="error"):
        mutants.build(source_mutant(change))


def test_what_is_dead_is_found(suite: Suite, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.so"
    source = tmp_path / "nothing.c"
    source.write_text("int nothing;\n")
    subprocess.run([toolchain.compiler()[0], "-shared", "-fPIC", "-o", nothing, source], check=True)
    assert not mutant_build.is_alive(mutant_build.Built(MUTANTS[0], nothing, ""), suite.build)


def test_the_unchanged_build_is_green(suite: Suite, mutants: Builder, tmp_path: Path) -> None:
    """Our own way of building does not make a library faulty."""
    library = tmp_path / "unchanged.so"
    toolchain.link_library(list(mutants.base_objects().values()), library, mutant_build.LINK_FLAGS)
    run = suite.run(["CALL", "RECV"], library, "reference")
    assert run.exit_code == 0, run.not_green()
