# SPDX-License-Identifier: Apache-2.0
"""A requirement that was edited after its cases were reviewed: its cases are suspect, are shown as
such everywhere, and a strict run refuses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolchain
from suite import Suite

EDITED = "OBJ-04"
SUPERVISOR = toolchain.REPOSITORY / "harness" / "src" / "supervisor"
REQUIREMENTS = toolchain.REPOSITORY / "conformance" / "requirements"
CATALOGUE = toolchain.REPOSITORY / "conformance" / "tools" / "catalogue.py"


@pytest.fixture(scope="module")
def edited(suite: Suite) -> Iterator[Suite]:
    """The command of this build, linked with a catalogue in which one claim was reworded. It stands beside
    the other, from where it finds the worker and what writes documents."""
    with tempfile.TemporaryDirectory(prefix="edited-", dir=suite.build) as directory:
        program = suite.program.with_name(Path(directory).name)
        try:
            yield link_edited(suite, Path(directory), program)
        finally:
            program.unlink(missing_ok=True)


def link_edited(suite: Suite, work: Path, program: Path) -> Suite:
    data = work / "requirements"
    shutil.copytree(REQUIREMENTS, data)
    text = (data / "obj.yaml").read_text()
    assert text.count("A new object does not interrupt;") == 1
    (data / "obj.yaml").write_text(
        text.replace("A new object does not interrupt;", "A fresh object does not interrupt;")
    )
    table = work / "table.c"
    command: list[str | Path] = [sys.executable, CATALOGUE, "--requirements", data, "--c", table]
    toolchain.run_tool(command)
    objects: list[Path] = []
    for source in (SUPERVISOR / "main.c", table):
        objects.append(work / f"{source.stem}.o")
        include: list[str | Path] = [f"-I{SUPERVISOR}", f"-I{toolchain.REPOSITORY / 'harness' / 'include'}"]
        toolchain.compile_object(source, objects[-1], include)
    # Its own logs: a refused run leaves what is there alone.
    made = Suite(suite.build, work)
    made.program = program
    library = suite.build / "lib" / "libcts_supervisor.a"
    link: list[str | Path] = [toolchain.compiler()[0], *objects, library, "-lcjson", "-lnettle", "-pthread"]
    try:
        toolchain.run_tool([*link, "-o", made.program])
    except toolchain.BuildError as error:
        pytest.skip(f"a build with instrumentation cannot be linked by hand: {error}")
    return made


def test_exactly_its_cases_are_suspect(edited: Suite, suite: Suite) -> None:
    rows = json.loads(edited.call(["list", "--json"]).stdout)
    suspect = {row["id"] for row in rows if row["suspect"] is not None}
    assert suspect == {row["id"] for row in rows if row["requirement"] == EDITED}
    assert suspect
    whole = json.loads(suite.call(["list", "--json"]).stdout)
    assert [row["id"] for row in whole if row["suspect"] is not None] == []


def test_it_is_shown(edited: Suite) -> None:
    lines = edited.call(["list", EDITED, "OBJ-01"]).stdout.splitlines()
    assert all(line.endswith("suspect") == line.startswith(EDITED) for line in lines)
    assert "suspect: reviewed against" in edited.call(["show", EDITED]).stdout
    assert "suspect    reviewed against" in edited.call(["show", f"{EDITED}.1"]).stdout
    assert "suspect" not in edited.call(["show", "OBJ-01"]).stdout


def test_a_run_says_so_and_goes_on(edited: Suite, tmp_path: Path) -> None:
    tap = tmp_path / "run.tap"
    run = edited.run([f"{EDITED}.1", "OBJ-01.1"], options=["--tap-file", str(tap)])
    assert run.exit_code == 0, run.report
    assert run.counts["PASS"] == 2
    starts = {e["case"]: e["suspect"] for e in run.events if e["event"] == "case_start"}
    assert starts["OBJ-01.1"] is None
    assert f"and {EDITED} reads" in starts[f"{EDITED}.1"]
    assert f"when reviewed:\n  {EDITED}\n" in run.stdout
    text = tap.read_text()
    assert text.count("suspect: ") == 1
    assert subprocess.run(["prove", "-e", "cat", tap], capture_output=True, check=False).returncode == 0


def test_strict_refuses_before_any_verdict(edited: Suite) -> None:
    run = edited.run([f"{EDITED}.1", "OBJ-01.1"], options=["--strict"])
    assert run.exit_code == 4
    assert run.events == []
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert "suspect cases" in run.stderr and EDITED in run.stderr
    # What is not suspect can be run strictly.
    run = edited.run(["OBJ-01.1"], options=["--strict"])
    assert run.exit_code == 0, run.report
    assert run.start["strict"] is True


def test_a_strict_run_that_tests_nothing_is_no_success(suite: Suite) -> None:
    plain = suite.run(["LIFE-02"], sut=suite.variant("condvar"))
    assert set(plain.counts) == {"SKIP"} and plain.exit_code == 0
    strict = suite.run(["LIFE-02"], sut=suite.variant("condvar"), options=["--strict"])
    assert strict.exit_code == 6
    assert strict.end["exit_code"] == 6


def test_strength_is_that_of_the_profile(suite: Suite) -> None:
    for profile, strength in (("ce-1.2", "derived"), ("ce-1.4", "must")):
        run = suite.run(["OBJ-04.1"], options=["--profile", profile])
        assert [e["strength"] for e in run.events if e["event"] == "case_start"] == [strength]
        rows = json.loads(suite.call(["list", "OBJ-04.1", "--profile", profile, "--json"]).stdout)
        assert [row["strength"] for row in rows] == [strength]
    assert "derived, must in ce-1.4" in suite.call(["show", "OBJ-04"]).stdout
