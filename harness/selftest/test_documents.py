# SPDX-License-Identifier: Apache-2.0
"""explain, matrix, report and diff as commands, and documents as flags of run."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from suite import Run, Suite


@pytest.fixture(scope="module")
def reference_run(suite: Suite) -> Run:
    """A run in which every transition that one-process CALL cases have is reached."""
    return suite.run(["CALL-01", "CALL-02", "OBJ-05"], adapter="reference")


def test_explain_a_pass(suite: Suite, reference_run: Run) -> None:
    told = suite.call(["explain", "call-02.1", reference_run.log])
    assert told.exit_code == 0, told.report
    assert told.stdout.startswith("PASS CALL-02.1 ")
    for text in ("requirement   CALL-02 (must)", "Timeline", "S Set", "Run it again: "):
        assert text in told.stdout
    assert "model coverage: " in told.stdout
    # The client's call is seen to be held by the server while the object is set.
    assert [line for line in told.stdout.splitlines() if "#" in line and " S " in line]


def test_explain_the_last_run(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    missing = suite.call(["explain", "OBJ-05.1"])
    assert missing.exit_code == 4 and "there is no last run" in missing.stderr
    suite.call(["run", "-q", "OBJ-05.1"])
    assert "PASS OBJ-05.1" in suite.call(["explain", "OBJ-05.1"]).stdout
    kept = tmp_path / "ipc-cts" / "events.jsonl"
    assert kept.is_file() and not kept.is_symlink()
    named = suite.run(["CALL-01.1"])
    assert "PASS CALL-01.1" in suite.call(["explain", "CALL-01.1"]).stdout
    assert Path(os.readlink(kept)) == Path(named.log)
    assert [entry.name for entry in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize("home", ["", "relative", "/dev/null/x"])
def test_a_run_needs_no_home(suite: Suite, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    run = suite.call(["run", "-q", "OBJ-05.1"])
    assert (run.exit_code, run.stderr) == (0, "")
    assert "there is no last run" in suite.call(["matrix"]).stderr


def test_matrix_of_the_reference_names_every_requirement(suite: Suite, reference_run: Run) -> None:
    table = suite.call(["matrix", reference_run.log])
    assert table.exit_code == 0, table.report
    for event in reference_run.events:
        if event["event"] == "requirement":
            assert f"\n{event['id']} " in table.stdout
    assert "belongs to ce-1.4, not to ce-1.2: V14-01" in table.stdout
    assert "never: " in table.stdout


def test_model_coverage_names_only_what_is_listed(reference_run: Run) -> None:
    listed = {e["name"] for e in reference_run.events if e["event"] == "transition"}
    counted = {n for e in reference_run.events if e["event"] == "model" for n in e["coverage"]}
    assert counted and counted <= listed and counted != listed


def test_documents_are_written_after_the_run(suite: Suite, tmp_path: Path) -> None:
    matrix, tap = tmp_path / "matrix.txt", tmp_path / "run.tap"
    options = ["--matrix", str(matrix), "--tap-file", str(tap)]
    run = suite.run(["OBJ-05", "CALL-01"], options=options)
    assert run.exit_code == 0, run.report
    assert matrix.read_text() == suite.call(["matrix", run.log]).stdout
    assert tap.read_text() == suite.call(["report", "--format", "tap13", run.log]).stdout


def test_a_document_that_cannot_be_written(suite: Suite, tmp_path: Path) -> None:
    run = suite.call(
        ["run", "-q", "OBJ-05", "--events", tmp_path / "e", "--matrix", "/dev/full"]
    )
    assert run.exit_code == 3
    assert run.stderr.count("\n") == 1 and "cannot write" in run.stderr
    assert re.search(r": ([0-9]+) cases: \1 PASS", run.stdout)
    assert suite.call(["explain", "OBJ-05.1", tmp_path / "e"]).exit_code == 0


@pytest.mark.parametrize("verb", ["explain", "matrix", "report", "diff"])
def test_help(suite: Suite, verb: str) -> None:
    told = [suite.call([verb, "--help"]), suite.call(["help", verb])]
    assert [run.exit_code for run in told] == [0, 0]
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout.startswith(f"usage: ipc-cts {verb} ")
    assert "examples:" in told[0].stdout
    assert f"  {verb} " in suite.call(["--help"]).stdout


def test_without_the_package(suite: Suite, tmp_path: Path) -> None:
    """A command that was copied away from its tree says so."""
    copy = tmp_path / "ipc-cts"
    shutil.copy(suite.program, copy)
    alone = Suite(suite.build, tmp_path)
    alone.program = copy
    run = alone.call(["matrix"])
    assert run.exit_code == 3
    assert run.stderr.count("\n") == 1 and "ctsreport" in run.stderr


def test_the_environment_does_not_reach_python(
    suite: Suite, reference_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither modules of the caller's path nor of the current directory, nor its settings."""
    for name in ("json", "ctsreport", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    here = Suite(suite.build, tmp_path)
    assert here.call(["explain", "CALL-01.1", reference_run.log]).exit_code == 0
