# SPDX-License-Identifier: Apache-2.0
"""Libraries written from the requirement list alone: the right ones are green, each fault is red."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from blind import build as blind_build
from blind.build import Builder, Fault, Library
from suite import RED, Run, Suite

RECORDS = blind_build.load()
AREAS = {"ABI", "CALL", "LIFE", "OBJ", "RACE", "RECV", "SCOPE", "STATE", "TIME", "V14", "XFER"}
# Enough to see at each change that nothing right has become red: each build runs a part of all cases. Of libraries A to D
# two builds without adapter and one with it, for which the cases of several processes are, run each case, and so do two
# of the others, which are slow. ABI is about headers. The slow test runs them all.
PARTED = [
    pytest.param(index % parts + 1, parts, library, id=f"{library.name}-{index % parts + 1}of{parts}")
    for times, builds in (
        (2, [item for item in RECORDS.libraries if item.library in "abcd" and not item.adapter]),
        (1, [item for item in RECORDS.libraries if item.library in "abcd" and item.adapter]),
        (2, [item for item in RECORDS.libraries if item.library in "efghi"]),
    )
    for parts in [len(builds) // times]
    for index, library in enumerate(builds)
]
TIMEOUT_FACTOR = "0.5"


@pytest.fixture(scope="session")
def blind(build_dir: Path) -> Builder:
    return Builder(build_dir / "selftest" / "blind")


def adapter_of(record: Library | Fault, builder: Builder) -> Path | None:
    return builder.adapter(record) if record.adapter else None


def not_green(run: Run) -> list[str]:
    """What speaks against a right library; that the machine was too slow does not."""
    return [line for line in run.not_green() if " INCONCLUSIVE:" not in line]


@pytest.mark.parametrize(("part", "parts", "library"), PARTED)
def test_right_is_green(suite: Suite, blind: Builder, part: int, parts: int, library: Library) -> None:
    path = blind.library(library)
    options = ["--profile", "ce-1.4", "--shard", f"{part}/{parts}"]
    run = suite.run(sorted(AREAS - {"ABI"}), path, adapter_of(library, blind), options, limit_s=240)
    assert run.exit_code in (0, 6), not_green(run)
    assert not not_green(run)
    assert run.counts["PASS"] > 50


def test_a_small_table_is_right(suite: Suite, blind: Builder) -> None:
    """How many objects there may be is not written anywhere."""
    library = next(library for library in RECORDS.libraries if library.name == "a-small")
    run = suite.run(["OBJ-01", "OBJ-03", "OBJ-14"], blind.library(library))
    assert not not_green(run)
    assert "objects alive at once" in run.report


def test_a_function_in_name_only_is_none(suite: Suite, blind: Builder) -> None:
    library = next(library for library in RECORDS.libraries if library.name == "g-eventfd")
    path, adapter = blind.library(library), adapter_of(library, blind)
    options = ["--profile", "ce-1.4"]
    assert suite.run(["V14-01.1"], path, adapter, options).verdicts == {"V14-01.1": "SKIP"}
    claiming = suite.run(["V14-01.1"], path, adapter, [*options, "--claims", "autoclear"])
    assert claiming.verdicts == {"V14-01.1": "FAIL"}


@pytest.mark.slow
@pytest.mark.parametrize("library", RECORDS.libraries, ids=lambda library: library.name)
def test_right_is_green_in_all_cases(suite: Suite, blind: Builder, library: Library) -> None:
    path = blind.library(library)
    for profile in ("ce-1.2", "ce-1.4"):
        options = ["--profile", profile, "--repeat", "5", "--shuffle"]
        run = suite.run((), path, adapter_of(library, blind), options, limit_s=3600)
        assert not not_green(run)


def run_own_cases(suite: Suite, fault: Fault, library: Path, adapter: Path | None) -> Run:
    """The cases of the requirement, up to the first that is red; all of them if that is BROKEN."""
    # A leak is told from what is kept by many rounds, which take their time on a busy machine.
    factor = "1" if fault.requirement == "OBJ-15" else TIMEOUT_FACTOR
    options = ["--timeout-factor", factor, "--jobs", "2"]
    if fault.requirement.startswith("V14"):
        options += ["--profile", "ce-1.4"]
    if fault.soak:
        options += ["--profile", "soak"]
    ids = [fault.elsewhere or fault.requirement]
    run = suite.run(ids, library, adapter, [*options, "--stop-on-fail"], limit_s=240)
    if set(run.counts) & RED or not run.counts["BROKEN"]:
        return run
    return suite.run(ids, library, adapter, options)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.name, marks=pytest.mark.slow if fault.slow else ())
        for fault in RECORDS.faults
    ],
)
def test_fault_is_red_in_its_requirement(suite: Suite, blind: Builder, fault: Fault) -> None:
    if fault.by_chance:
        pytest.skip(fault.by_chance)
    run = run_own_cases(suite, fault, blind.fault(fault), adapter_of(fault, blind))
    if fault.refused:
        assert run.exit_code == fault.refused
        assert re.search("KnIpc(Set|Clear)Interrupt", run.report)
        return
    red = [case for case in run.cases if case["verdict"] in RED]
    if fault.silent or fault.missed:
        assert not red, f"a case tells it now: fault {fault.id} is not `silent` or `missed` any more"
        return
    assert red, f"survives {len(run.cases)} cases of {fault.requirement}: {run.not_green()}"
    assert run.exit_code == 1


def test_records_and_sources_agree() -> None:
    count = Counter(fault.id for fault in RECORDS.faults)
    assert not [number for number, times in count.items() if times > 1]
    for name in sorted({fault.library for fault in RECORDS.faults}):
        text = (blind_build.HERE / f"library_{name}.c").read_text(encoding="utf-8")
        switches = {int(number) for number in re.findall(r"\bFAULT(?:Y\(| == )(\d+)", text)}
        assert switches == {fault.id for fault in RECORDS.faults if fault.library == name}


def test_every_area_has_some() -> None:
    assert {fault.requirement.split("-")[0] for fault in RECORDS.faults} == AREAS
    assert len(RECORDS.faults) >= 100
