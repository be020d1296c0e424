# SPDX-License-Identifier: Apache-2.0
"""Broken and hostile libraries: a run ends, is not green, says what happened, leaves nothing."""

from __future__ import annotations

import re

import pytest

from degenerate.build import LIBRARIES, TERMINATES_PARENT, Builder, Degenerate
from suite import Run, Suite, names_case

RUN_LIMIT_S = 60
BY_NAME = {library.name: library for library in LIBRARIES}


def run_library(suite: Suite, builder: Builder, library: Degenerate, *options: str) -> Run:
    return suite.run(
        library.cases,
        builder.build(library),
        options=[*library.options, *options],
        limit_s=RUN_LIMIT_S,
    )


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_fails_cleanly(suite: Suite, degenerates: Builder, library: Degenerate) -> None:
    run = run_library(suite, degenerates, library)
    assert re.search(library.says, run.report), run.report
    if not library.verdicts:
        assert run.exit_code == 4, run.report
        assert not run.cases
        assert len(run.report.strip().splitlines()) == 1, run.report
        return
    assert run.exit_code == 1, run.report
    first = library.cases[0]
    assert run.verdicts[first] in library.verdicts, run.report
    assert names_case(run.report, run.verdicts[first], first), run.report
    assert run.end["complete"]
    assert set(run.verdicts) == set(run.start["planned"])


def test_a_library_that_kills_its_keeper_ends_no_run(suite: Suite, degenerates: Builder) -> None:
    """It has the verdict of its case; the others have theirs, and the harness has not failed."""
    run = run_library(suite, degenerates, BY_NAME["kills_parent"])
    assert run.verdicts["OBJ-05.1"] == "CRASH"
    assert run.verdicts["OBJ-01.1"] == "PASS"
    assert run.exit_code == 1


def test_a_library_cannot_cancel_its_case(suite: Suite, degenerates: Builder) -> None:
    """SIGTERM to the keeper is how the command ends a run; from a library it means nothing."""
    run = run_library(suite, degenerates, TERMINATES_PARENT)
    assert run.exit_code == 0, run.report
    assert run.end["complete"]
    assert set(run.verdicts.values()) == {"PASS"}


def test_always_ok_is_red_in_most_areas(suite: Suite, degenerates: Builder) -> None:
    run = run_library(suite, degenerates, BY_NAME["always_ok"])
    red = {name.split("-")[0] for name, verdict in run.verdicts.items() if verdict == "FAIL"}
    assert {"OBJ", "XFER"} <= red, run.verdicts


def test_children_that_stay_are_counted(suite: Suite, degenerates: Builder) -> None:
    run = run_library(suite, degenerates, BY_NAME["forks_child"])
    assert all(case["strays"] >= 1 for case in run.cases), run.cases


def test_output_is_kept_within_bounds(suite: Suite, degenerates: Builder) -> None:
    run = run_library(suite, degenerates, BY_NAME["ten_megabytes"])
    for case in run.cases:
        assert case["output_bytes"] > 8 * 1024 * 1024
        assert len(case["output"].encode()) < 64 * 1024


def test_hostile_output_stays_text(suite: Suite, degenerates: Builder) -> None:
    """What the library prints is quoted in the log, and no terminal gets its control characters."""
    run = run_library(suite, degenerates, BY_NAME["hostile_output_in_set"])
    kept = next(case["output"] for case in run.cases if case["case"] == "OBJ-05.1")
    assert "]]>" in kept
    assert "\\xff" in kept.lower()
    assert "\x1b" not in run.report
    assert len(run.cases) == len(run.start["planned"])


def test_an_exhausted_machine_is_not_ours(suite: Suite, degenerates: Builder) -> None:
    """After a library that takes all memory the next run is as ever."""
    run_library(suite, degenerates, BY_NAME["allocates"])
    run = suite.run(["OBJ-01.1"])
    assert run.exit_code == 0, run.report


def test_the_exit_code_is_not_a_count(suite: Suite, degenerates: Builder) -> None:
    """More than 256 failures are still exit code 1."""
    library = degenerates.build(BY_NAME["always_error"])
    run = suite.run((), library, options=["--jobs", "4", "--quiet"], limit_s=RUN_LIMIT_S)
    assert run.exit_code == 1
    assert sum(run.counts.values()) - run.counts["SKIP"] - run.counts["PASS"] > 256
