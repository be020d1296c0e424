# SPDX-License-Identifier: Apache-2.0
"""Readers of TAP and JUnit that we did not write count what we count."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import junitparser
import pytest
from tap.parser import Parser

from degenerate.build import LIBRARIES
from degenerate.build import Builder as DegenerateBuilder
from mutants import build as mutant_build
from suite import Run, Suite
from toolchain import REPOSITORY

REPORTS = REPOSITORY / "reports"

BAD = ("FAIL", "CRASH", "TIMEOUT", "EARLY_EXIT", "LEAK", "BROKEN")
SKIPPED = ("SKIP", "INCONCLUSIVE")

# Name of a library with ids to run: reference, variants, mutants, degenerate libraries.
RUNS = (
    ("reference", "OBJ-05 CALL XFER"),
    ("condvar", "OBJ STATE-03 LIFE"),
    ("set-answers-woken-count", "OBJ-05 CALL-01"),
    ("second-close-is-ok", "OBJ-13 OBJ-05"),
    ("sync-handle-may-travel", "XFER-01.1 XFER-06"),
    ("create-null-crashes", "OBJ-02 RECV-12"),
    ("always_ok", "OBJ-10 RECV-11 XFER-01"),
    ("prints_tap", "OBJ-10 RECV-01"),
    ("crash_in_set", "OBJ-05 CALL-07"),
    ("hostile_output_in_set", "OBJ-05 CALL-07"),
    ("underscore_exit_in_call_ex", "OBJ-01 CALL-01"),
    ("forks_child", "OBJ-01"),
)


@dataclass(frozen=True)
class Totals:
    points: int
    bad: int
    skipped: int


def ours(run: Run) -> Totals:
    return Totals(
        len(run.cases),
        sum(run.counts[word] for word in BAD),
        sum(run.counts[word] for word in SKIPPED),
    )


def prove(path: Path) -> tuple[int, Totals]:
    """Exit status and totals of prove, without a program to run: it reads the file."""
    done = subprocess.run(
        ["prove", "--exec", "cat", "--verbose", "--nocolor", str(path)],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert "Parse errors" not in done.stdout, done.stdout[-2000:]
    count = re.search(r"Tests: (\d+) Failed: (\d+)", done.stdout)
    points = re.search(r"Files=1, Tests=(\d+)", done.stdout)
    assert points is not None, done.stdout[-2000:]
    skipped = re.search(r"\(less (\d+) skipped subtests?", done.stdout)
    skip_lines = len(re.findall(r"(?m)^ok \d+ .*# SKIP", done.stdout))
    assert skipped is None or int(skipped.group(1)) == skip_lines
    return done.returncode, Totals(
        int(points.group(1)), int(count.group(2)) if count else 0, skip_lines
    )


def tappy(path: Path) -> Totals:
    lines = [line for line in Parser().parse_file(str(path)) if line.category == "test"]
    return Totals(
        len(lines),
        sum(not line.ok and not line.todo for line in lines),
        sum(line.skip for line in lines),
    )


def junit(path: Path) -> Totals:
    """As junitparser reads it, and valid for xmllint."""
    schema = REPORTS / "schema" / "junit.xsd"
    subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema", str(schema), str(path)],
        capture_output=True, check=True,
    )  # fmt: skip
    xml = junitparser.JUnitXml.fromfile(str(path))
    cases = [case for suite in xml for case in suite]
    assert len({case.name for case in cases}) == xml.tests == len(cases)
    bad = sum(isinstance(r, (junitparser.Failure, junitparser.Error)) for c in cases for r in c.result)
    skipped = sum(isinstance(r, junitparser.Skipped) for c in cases for r in c.result)
    assert (bad, skipped) == (xml.failures + xml.errors, xml.skipped)
    return Totals(len(cases), bad, skipped)


def library_path(
    name: str, suite: Suite, mutants: mutant_build.Builder, degenerates: DegenerateBuilder
) -> tuple[Path, str | None]:
    if name == "reference":
        return suite.reference, "reference"
    if name in ("condvar", "futex"):
        return suite.variant(name), None
    for library in LIBRARIES:
        if library.name == name:
            return degenerates.build(library), None
    mutant = next(mutant for mutant in mutant_build.load() if mutant.id == name)
    return mutants.build(mutant).library, "reference"


@pytest.mark.parametrize(("name", "ids"), RUNS, ids=[name for name, _ in RUNS])
def test_totals_are_equal(
    name: str,
    ids: str,
    suite: Suite,
    mutants: mutant_build.Builder,
    degenerates: DegenerateBuilder,
    tmp_path: Path,
) -> None:
    sut, adapter = library_path(name, suite, mutants, degenerates)
    path = tmp_path / "run.tap"
    xml = tmp_path / "run.xml"
    options = ["--tap-file", str(path), "--timeout-factor", "0.5", "--jobs", "4"]
    options += ["--junit", str(xml)]
    run = suite.run(ids.split(), sut, adapter, options)
    status, totals = prove(path)
    assert totals == ours(run)
    assert (status == 0) == (run.exit_code == 0)
    assert tappy(path) == ours(run)
    assert junit(xml) == ours(run)


def test_a_broken_run_is_not_a_pass(suite: Suite, degenerates: DegenerateBuilder) -> None:
    """A library that cannot be loaded: what --tap prints is no success for a reader."""
    library = next(library for library in LIBRARIES if library.name == "missing_symbol")
    run = suite.call(["run", "--tap", "--sut", degenerates.build(library)])
    assert run.exit_code == 4
    done = subprocess.run(
        ["prove", "-"], input=run.stdout, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0


def test_stdout_is_only_tap(suite: Suite, degenerates: DegenerateBuilder) -> None:
    """What the library prints does not get into the stream."""
    library = next(library for library in LIBRARIES if library.name == "prints_tap")
    run = suite.call(["run", "OBJ-10", "--tap", "--sut", degenerates.build(library)])
    lines = run.stdout.splitlines()
    assert lines[0] == "TAP version 13"
    assert sum(re.fullmatch(r"1\.\.\d+", line) is not None for line in lines) == 1
    assert not [line for line in lines if re.match(r"ok \d+$|Bail out", line)]
