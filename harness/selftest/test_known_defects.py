# SPDX-License-Identifier: Apache-2.0
"""Defects D1 to D21 that other suites were seen to have, each as a regression test of this one.

Each test is named by the id and the defect. What it looks at stands in a `check_` function of its own,
so that D17 can feed every one of them with what a conforming library gives: a check that accepts that
as well would prove nothing.

Elsewhere: D5 (duplicate results unseen by the verifier) and D6 (unrestricted unpacking of a submission)
in reports/tests/test_verify.py, D16 (a waiver overwrites the raw verdict) in reports/tests/test_waivers.py,
D15 (records of functions that lcov drops without a word) in test_coverage.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tap.parser import Parser

import toolchain
from degenerate.build import LIBRARIES
from degenerate.build import Builder as DegenerateBuilder
from mutants import build as mutant_build
from suite import RED, Run, Suite
from test_degenerate import check_library

sys.path.insert(0, str(toolchain.REPOSITORY / "conformance" / "tools"))
sys.path.insert(0, str(toolchain.REPOSITORY / "ci" / "lint"))

import cases as case_lint  # noqa: E402
import catalogue  # noqa: E402
import trace_gate  # noqa: E402

BY_NAME = {library.name: library for library in LIBRARIES}
ALIVE, SET = "OBJ-01.1", "OBJ-05.1"
DESCRIPTION = re.compile(r"[A-Za-z0-9 _.,:/()-]+")
JUNIT_CONSUMERS = ("xml.etree", "lxml", "junitparser")


@pytest.fixture
def run_with(suite: Suite, degenerates: DegenerateBuilder) -> Callable[..., Run]:
    """Runs cases against one of the degenerate libraries."""

    def run(name: str, ids: str, *options: str, limit_s: float = 120) -> Run:
        library = degenerates.build(BY_NAME[name])
        return suite.run(ids.split(), library, options=options, limit_s=limit_s)

    return run


def points(path: Path) -> list[str]:
    """The top-level points of a TAP file."""
    return [line for line in path.read_text().splitlines() if re.match(r"(?:not )?ok\b", line)]


# --- D1 ------------------------------------------------------------------------------------------


def check_d1(run: Run, verdict: str) -> None:
    assert run.exit_code == 1
    assert dict(run.counts) == {verdict: 1}
    assert run.end["complete"]


def test_d1_a_hang_is_part_of_the_exit_status(run_with: Callable[..., Run]) -> None:
    """Of the call that the case is about: it failed. Of the whole process: the time is over."""
    check_d1(run_with("loop_in_create", ALIVE, "--timeout-factor", "0.1"), "FAIL")
    check_d1(run_with("stop_in_set", SET, "--timeout-factor", "0.1"), "TIMEOUT")


# --- D2, D4 --------------------------------------------------------------------------------------


def check_failures(run: Run, count: int) -> None:
    assert sum(run.counts[verdict] for verdict in RED) == count
    assert run.exit_code == 1


def test_d2_256_failures_are_no_success(run_with: Callable[..., Run]) -> None:
    run = run_with("always_error", ALIVE, "--repeat", "256", "--quiet", limit_s=300)
    check_failures(run, 256)


def test_d4_one_failure_among_many_is_not_lost(run_with: Callable[..., Run]) -> None:
    run = run_with("crash_in_set", f"{ALIVE} OBJ-01.2 {SET}")
    assert run.counts["PASS"] > 1
    check_failures(run, 1)


# --- D3 ------------------------------------------------------------------------------------------


def check_d3(run: Run) -> None:
    assert run.exit_code == 0
    assert run.counts["SKIP"] > 0
    assert all(case["reason"] for case in run.cases if case["verdict"] == "SKIP")


def test_d3_what_is_not_supported_has_not_failed(suite: Suite) -> None:
    check_d3(suite.run([ALIVE, "LIFE-02"], suite.variant("condvar")))


# --- D7, D12: documents beside TAP ----------------------------------------------------------------


def parse_junit(path: Path, consumer: str) -> list[tuple[str, str]]:
    """Name and outcome of every case, as one consumer reads them."""
    if consumer == "junitparser":
        junitparser = pytest.importorskip("junitparser")
        words = {"Failure": "failure", "Error": "error", "Skipped": "skipped"}
        return [
            (case.name, words[type(case.result[0]).__name__] if case.result else "")
            for report in junitparser.JUnitXml.fromfile(str(path))
            for case in report
        ]
    module = pytest.importorskip("lxml.etree" if consumer == "lxml" else "xml.etree.ElementTree")
    found = []
    for case in module.parse(str(path)).getroot().iter("testcase"):
        words_of = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        assert len(words_of) <= 1
        found.append((case.get("name"), words_of[0] if words_of else ""))
    return found


@pytest.mark.parametrize("consumer", JUNIT_CONSUMERS)
def test_d7_junit_tells_failure_from_error_with_names_and_escapes(
    suite: Suite, run_with: Callable[..., Run], tmp_path: Path, consumer: str
) -> None:
    path = tmp_path / "junit.xml"
    run = run_with("hostile_output_in_set", f"{ALIVE} {SET}", "--junit", str(path))
    assert run.verdicts == {ALIVE: "PASS", SET: "FAIL"}
    found = dict(parse_junit(path, consumer))
    assert all(found)
    outcomes = {case: next(o for n, o in found.items() if n.startswith(case)) for case in (ALIVE, SET)}
    assert outcomes == {ALIVE: "", SET: "failure"}
    run = run_with("crash_in_set", SET, "--junit", str(path))
    assert [outcome for _, outcome in parse_junit(path, consumer)] == ["error"]


def test_d12_skips_are_the_same_in_every_document(suite: Suite, tmp_path: Path) -> None:
    junit, tap = tmp_path / "junit.xml", tmp_path / "run.tap"
    options = ["--junit", str(junit), "--tap-file", str(tap)]
    run = suite.run(["LIFE", "OBJ-01"], suite.variant("condvar"), options=options)
    assert run.counts["SKIP"] > 0 and run.counts["PASS"] > 0
    outcomes = Counter(outcome for _, outcome in parse_junit(junit, "lxml"))
    assert outcomes["skipped"] == run.counts["SKIP"]
    assert outcomes[""] == run.counts["PASS"] + run.counts["OBSERVED"]
    assert sum("# SKIP" in point for point in points(tap)) == run.counts["SKIP"]


# --- D8 ------------------------------------------------------------------------------------------


def test_d8_the_environment_is_in_no_artefact(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "swordfish-0815"
    monkeypatch.setenv("SELFTEST_TOKEN", secret)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/{secret}")
    program = tmp_path / "shows"
    program.write_text("#!/bin/sh\nenv\nexit 1\n")
    program.chmod(0o755)
    for dialect in ("13", "14"):
        options = [f"--tap={dialect}", "--tap-file", str(tmp_path / f"run.tap{dialect}")]
        run = suite.run([ALIVE], options=options)
        assert run.exit_code == 0
        assert secret not in run.report + json.dumps(run.events)
    # A worker that prints all it was given: its output is captured and gets into the log.
    run = suite.call(["run", ALIVE, "--worker", program])
    assert secret not in run.report
    kept = [path for path in tmp_path.iterdir() if secret.encode() in path.read_bytes()]
    assert kept == []


# --- D9 ------------------------------------------------------------------------------------------


def check_d9(run: Run) -> None:
    assert run.exit_code == 1
    first = run.cases[0]
    assert (first["verdict"], first["exit_code"]) == ("EARLY_EXIT", 0)


@pytest.mark.parametrize("how", ["exit_in_call", "underscore_exit_in_call_ex", "quick_exit_in_call_ex"])
def test_d9_an_exit_with_status_0_is_no_pass(run_with: Callable[..., Run], how: str) -> None:
    case = "CALL-06.1" if how == "exit_in_call" else "CALL-01.1"
    check_d9(run_with(how, case))


# --- D10, D19: what a library prints ---------------------------------------------------------------


def check_d10(run: Run, path: Path) -> None:
    """One red point, though its message is full of directives; nothing else in the stream."""
    lines = points(path)
    assert [line.startswith("not ok") for line in lines] == [False, True]
    assert not any("#" in line for line in lines)
    assert not re.search(r"(?m)^(?:Bail out|\s*ok \d+ # SKIP|not ok 1 # TODO)", path.read_text())
    read = [line for line in Parser().parse_file(str(path)) if line.category == "test"]
    assert [(line.ok, bool(line.todo), bool(line.skip)) for line in read] == [
        (True, False, False), (False, False, False)
    ]  # fmt: skip
    assert subprocess.run(["prove", "-e", "cat", path], capture_output=True, check=False).returncode == 1
    assert run.exit_code == 1


def test_d10_text_of_a_library_is_no_directive(run_with: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "run.tap"
    options = ("--jobs", "1", "--tap=13", "--tap-file", str(path))
    check_d10(run_with("hostile_output_in_set", f"{ALIVE} {SET}", *options), path)


def check_d19(run: Run) -> None:
    """Every point is ours, and the only red one is there."""
    lines = [line for line in run.stdout.splitlines() if re.match(r"(?:not )?ok\b|1\.\.|Bail", line)]
    assert lines[0] == "1..1"
    assert len(lines) == 2 and re.match(r"not ok 1 - OBJ-10\.1 ", lines[1]), lines


def test_d19_a_library_cannot_add_a_point(suite: Suite, degenerates: DegenerateBuilder) -> None:
    library = degenerates.build(BY_NAME["prints_tap"])
    check_d19(suite.call(["run", "OBJ-10.1", "--tap=13", "--sut", library]))


# --- D11 -----------------------------------------------------------------------------------------


def check_d11(run: Run) -> None:
    """Suite.call has already looked that nothing is left."""
    assert run.exit_code == 1
    assert all((case["verdict"], case["strays"] >= 1) == ("LEAK", True) for case in run.cases)
    assert "still there" in run.report


def test_d11_a_descendant_that_escaped_is_killed_and_reported(run_with: Callable[..., Run]) -> None:
    check_d11(run_with("forks_grandchild", ALIVE))


# --- D13, D14, D20: TAP and names ------------------------------------------------------------------


def check_d13(path: Path) -> None:
    assert path.read_text().startswith("TAP version 13\n")
    assert subprocess.run(["prove", "-e", "cat", path], capture_output=True, check=False).returncode == 0
    read = list(Parser().parse_file(str(path)))
    assert all(line.ok for line in read if line.category == "test")
    assert not [line for line in read if line.category == "unknown"]


def test_d13_readers_take_the_default_dialect(suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "run.tap"
    run = suite.run(["OBJ-01", "XFER-08"], options=["--tap", "--tap-file", str(path)])
    assert run.exit_code == 0
    check_d13(path)
    with pytest.raises(AssertionError):  # prove refuses the newer one, which is why it is not the default
        newer = tmp_path / "newer.tap"
        suite.run(["OBJ-01"], options=["--tap=14", "--tap-file", str(newer)])
        check_d13(newer)


def test_d14_no_description_needs_an_escape(suite: Suite) -> None:
    rows = json.loads(suite.call(["list", "--json"]).stdout)
    assert all(DESCRIPTION.fullmatch(row["title"]) for row in rows)
    for title in ("a # TODO", "a \\# b", "100 %"):
        assert not case_lint.TITLE.match(title)
        assert not trace_gate.TITLE.fullmatch(title)


def test_d20_no_name_stands_twice(suite: Suite) -> None:
    rows = json.loads(suite.call(["list", "--json"]).stdout)
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    line = json.dumps({"id": ids[0], "title": "once more"})
    findings, _ = trace_gate.check([line, line], catalogue.load().catalogue)
    assert f"{ids[0]}: duplicate case id, also on line 1" in findings


# --- D17 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_d17_every_degenerate_check_can_fail(
    suite: Suite, reference_runs: dict[tuple[str, ...], Run], library: object
) -> None:
    """Fed with what the reference gives for the same cases, or for a few where it is all, it must complain."""
    row = BY_NAME[library.name]  # type: ignore[attr-defined]
    cases = row.cases or ("OBJ-01", "CALL-01")
    run = reference_runs.get(cases) or suite.run(cases, options=["--jobs", "2"])
    reference_runs[cases] = run
    with pytest.raises(AssertionError):
        check_library(run, row)


@pytest.fixture(scope="module")
def reference_runs() -> dict[tuple[str, ...], Run]:
    """Runs of the reference by their ids: several libraries are looked at by the same cases."""
    return {}


def test_d17_every_check_here_can_fail(suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "run.tap"
    good = suite.run([ALIVE, SET], options=["--jobs", "1", "--tap=13", "--tap-file", str(path)])
    assert good.exit_code == 0
    stdout = suite.call(["run", "OBJ-10.1", "--tap=13"])
    checks: list[Callable[[], None]] = [
        lambda: check_d1(good, "TIMEOUT"),
        lambda: check_failures(good, 256),
        lambda: check_failures(good, 1),
        lambda: check_d3(good),
        lambda: check_d9(good),
        lambda: check_d10(good, path),
        lambda: check_d11(good),
        lambda: check_d19(stdout),
    ]
    for number, check in enumerate(checks):
        with pytest.raises(AssertionError):
            check()
            raise RuntimeError(f"check {number} accepts the reference")


# --- D18 -----------------------------------------------------------------------------------------


def test_d18_a_mutant_that_is_none_does_not_count(
    suite: Suite, mutants: mutant_build.Builder, tmp_path: Path
) -> None:
    def mutant(find: str, replace: str) -> mutant_build.Mutant:
        change = mutant_build.Change("decisions.c", find, replace)
        return mutant_build.Mutant("trial", "OBJ-01", "source", "trial", (change,))

    for one, complaint in (
        (mutant("no such text", "x"), "0 times"),
        (mutant("/* --- Time --- */", "not C"), "error"),
        (mutant("/* --- Time --- */", "/* --- Hours ---\n */"), "that of the reference"),
    ):
        with pytest.raises(toolchain.BuildError, match=complaint):
            mutants.build(one)
    source = tmp_path / "nothing.c"
    source.write_text("int nothing;\n")
    toolchain.compile_object(source, tmp_path / "nothing.o", ())
    toolchain.link_library([tmp_path / "nothing.o"], tmp_path / "nothing.so")
    dead = mutant_build.Built(mutant("a", "b"), tmp_path / "nothing.so", "")
    alive = mutant_build.Built(mutant("a", "b"), suite.reference, "")
    assert not mutant_build.is_alive(dead, suite.build)
    assert mutant_build.is_alive(alive, suite.build)


# --- D21 -----------------------------------------------------------------------------------------

CONSTANTS = {
    "rest_limit_ms": "rest limit",
    "hang_limit_ms": "hang limit",
    "case_limit_ms": "case limit",
    "long_case_limit_ms": "long case limit",
    "safety_ms": "safety timeout",
    "infinite_timeout": "INFINITE_TIMEOUT",
    "invalid_handle": "INVALID_HANDLE",
    "rc_ok": "rcOk",
}


def constants(suite: Suite) -> dict[str, int]:
    """What the worker tells of itself."""
    words = (suite.build / "bin" / "cts-worker", "--probe", "--sut", suite.reference)
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])["constants"]
    return found


def test_d21_doctor_shows_every_constant(suite: Suite) -> None:
    values = constants(suite)
    assert set(values) == set(CONSTANTS)
    run = suite.call(["doctor", "--color=never"])
    assert run.exit_code == 0
    for name, shown in CONSTANTS.items():
        assert re.search(rf"(?m)^ok\s+{shown}\s+{values[name]}\b", run.stdout), run.stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        # Two classes that point to the same limit.
        ("long_case_limit_ms", "case_limit_ms", "at least 2 times the case limit"),
        ("case_limit_ms", "hang_limit_ms", "at least 2 times the hang limit"),
        ("hang_limit_ms", "rest_limit_ms", "at least 2 times the rest limit"),
        ("safety_ms", "long_case_limit_ms", "at least 2 times the long case limit"),
        ("rest_limit_ms", "7", "and should be 100 to 10000"),
        ("infinite_timeout", "7", "and should be"),
        ("rc_ok", "7", "and should be 0 to 0"),
        ("invalid_handle", '"x"', "the worker does not tell"),
    ],
)
def test_d21_doctor_finds_a_wrong_constant(
    suite: Suite, tmp_path: Path, name: str, value: str, says: str
) -> None:
    """A worker that was built with it: the real one, with one number of its report changed."""
    values = constants(suite)
    number = values.get(value, value)
    real = suite.build / "bin" / "cts-worker"
    worker = tmp_path / "worker"
    worker.write_text(
        "#!/bin/sh\nset -e\n"
        f"""'{real}' "$@" | sed -e 's/"{name}":{values[name]}/"{name}":{number}/'\n"""
    )
    worker.chmod(0o755)
    run = suite.call(["doctor", "--color=never", "--worker", worker])
    assert run.exit_code == 4, run.stdout
    wrong = [line for line in run.stdout.splitlines() if line.startswith("problem")]
    assert re.match(rf"problem\s+{CONSTANTS[name]}\s", wrong[0])
    assert says in wrong[0]
