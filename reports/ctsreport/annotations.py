# SPDX-License-Identifier: Apache-2.0
"""Failures as workflow commands of GitHub Actions, which shows them at the run and in its files.

One line per case that failed. Whatever could end a line or a property is written as GitHub reads it
back (%0A, %2C), so that no text of a library can make a command of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from ctsreport import consistency, results
from ctsreport.text import short, visible

SHOWN_MAX = 50  # GitHub shows ten per step
TEXT_MAX = 1000


def _text(text: str) -> str:
    return visible(short(text, TEXT_MAX)).replace("%", "%25")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")


def _case_line(run: results.Run, case: results.CaseResult) -> str:
    end = case.shown.end if case.shown is not None else None
    title = f"{case.verdict or 'no verdict'} {case.case}"
    words = [f"title={_property(title)}"]
    if end is not None and end.at is not None:
        words = [f"file={_property(end.at.file)}", f"line={end.at.line}", *words]
    requirement = run.requirement(case.requirement)
    parts = [f"{case.requirement}: {requirement.claim}" if requirement else case.requirement]
    if end is not None:
        parts += [f"{name} {text}" for name, text in (("expected", end.expected),
                  ("seen", end.observed), ("why", end.reason)) if text]  # fmt: skip
        parts.append(f"rerun {end.repro}")
    return f"::error {','.join(words)}::{'%0A'.join(_text(part) for part in parts)}"


def _lines(run: results.Run) -> Iterator[str]:
    failed = [
        case for case in run.cases
        if consistency.group(case.verdict) in (consistency.FAILURE, consistency.ERROR)
    ]  # fmt: skip
    for case in failed[:SHOWN_MAX]:
        if case.waiver is not None:
            yield f"::notice title={_property(case.case)}::{_text('waiver ' + case.waiver)}"
        else:
            yield _case_line(run, case)
    if len(failed) > SHOWN_MAX:
        yield f"::error::{len(failed) - SHOWN_MAX} more cases failed"
    for problem in run.problems:
        yield f"::warning title=event log::{_text(problem)}"


def document(run: results.Run) -> str:
    return "".join(f"{line}\n" for line in _lines(run))
