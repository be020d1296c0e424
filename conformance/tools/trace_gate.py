#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The gate between requirements and cases.

    cts-worker --list > cases.jsonl
    trace_gate.py --cases cases.jsonl

Every requirement has a case or a stated reason why it has none, never both; every case has a
requirement that exists; ids and titles are well formed and unique; no case is suspect, which is to
say reviewed against another text of its requirement, or never (review.py records reviews). One line
per finding on stderr and exit status 1, or one summary line on stdout and exit status 0.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import catalogue

CASE_ID = re.compile(r"([A-Z][A-Z0-9]{1,7}-[0-9]{2})\.([1-9][0-9]{0,3})")
TITLE = re.compile(r"[A-Za-z0-9 _.,:/()-]+")


@dataclass(frozen=True)
class Case:
    line: int
    id: str
    title: str
    file: str = ""

    @property
    def requirement(self) -> str:
        return self.id.rpartition(".")[0]

    @property
    def area(self) -> str:
        return self.id.rpartition("-")[0]


def read_cases(lines: Iterable[str]) -> tuple[list[Case], list[str]]:
    """The cases with a well-formed id, and the findings about all others."""
    cases: list[Case] = []
    findings: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            findings.append(f"line {number}: not JSON")
            continue
        if not isinstance(record, dict):
            findings.append(f"line {number}: not a JSON object")
            continue
        case_id, title = record.get("id"), record.get("title")
        if not isinstance(case_id, str) or not CASE_ID.fullmatch(case_id):
            findings.append(f"line {number}: malformed case id {shown(case_id)}")
        elif not isinstance(title, str):
            findings.append(f"{case_id}: no title")
        else:
            file = record.get("file")
            cases.append(Case(number, case_id, title, file if isinstance(file, str) else ""))
    return cases, findings


def shown(value: object) -> str:
    return catalogue.one_line(json.dumps(value), 60)


def id_findings(cases: Sequence[Case]) -> list[str]:
    first: dict[str, int] = {}
    findings: list[str] = []
    for case in cases:
        if case.id in first:
            findings.append(f"{case.id}: duplicate case id, also on line {first[case.id]}")
        first.setdefault(case.id, case.line)
    return findings


def title_findings(cases: Sequence[Case]) -> list[str]:
    findings: list[str] = []
    first: dict[tuple[str, str], str] = {}
    for case in cases:
        if not TITLE.fullmatch(case.title) or case.title != case.title.strip():
            findings.append(
                f"{case.id}: title {shown(case.title)} is empty, begins or ends with a blank, or "
                "has characters other than A-Z a-z 0-9 blank _ . , : / ( ) -"
            )
        other = first.setdefault((case.area, case.title), case.id)
        if other != case.id:
            findings.append(f"{case.id}: duplicate title in its area, same as {other}")
    return findings


def trace_findings(cases: Sequence[Case], rows: catalogue.Catalogue) -> list[str]:
    findings: list[str] = []
    live = {requirement.id: requirement for requirement in rows.requirements}
    owners: dict[str, list[str]] = {}
    for case in cases:
        if case.requirement in rows.retired:
            findings.append(f"{case.id}: dead id, {case.requirement} is retired")
        elif case.requirement not in live:
            findings.append(f"{case.id}: dead id, there is no requirement {case.requirement}")
        else:
            owners.setdefault(case.requirement, []).append(case.id)
    for requirement in rows.requirements:
        own = owners.get(requirement.id, [])
        if not own and requirement.uncovered is None:
            findings.append(f"{requirement.id}: no case, and no reason in `uncovered`")
        if own and requirement.uncovered is not None:
            findings.append(f"{requirement.id}: `uncovered`, and yet it has case {own[0]}")
    return findings


def suspicion(case: Case, rows: catalogue.Catalogue) -> str:
    """Why the case is suspect; "" when it was reviewed against what its requirement says now."""
    reviewed = rows.reviews.get(case.id)
    live = {requirement.id: requirement.short_fingerprint for requirement in rows.requirements}
    now = live.get(case.requirement, "nothing")
    if reviewed is None:
        return "suspect: no review is recorded"
    if reviewed != now:
        return f"suspect: reviewed against {reviewed}, and {case.requirement} reads {now} now"
    return ""


def review_findings(cases: Sequence[Case], rows: catalogue.Catalogue) -> list[str]:
    """Suspect cases of living requirements, and reviews of cases that do not exist."""
    live = {requirement.id for requirement in rows.requirements}
    findings = [
        f"{case.id}: {why}"
        for case in cases
        if case.requirement in live and (why := suspicion(case, rows))
    ]
    present = {case.id for case in cases}
    findings += [
        f"{case_id}: reviewed, and there is no such case"
        for case_id in rows.reviews
        if case_id not in present
    ]
    return findings


def check(lines: Iterable[str], rows: catalogue.Catalogue) -> tuple[list[str], int]:
    """All findings, and the number of well-formed cases."""
    cases, findings = read_cases(lines)
    findings += id_findings(cases) + title_findings(cases) + trace_findings(cases, rows)
    findings += review_findings(cases, rows)
    return findings, len(cases)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Check that requirements and cases belong together.",
        epilog="example: cts-worker --list > cases.jsonl && trace_gate.py --cases cases.jsonl",
    )
    parser.add_argument("--cases", metavar="CASES.jsonl", type=Path, required=True)
    parser.add_argument(
        "--requirements", metavar="DIR", type=Path, default=catalogue.REQUIREMENTS
    )
    options = parser.parse_args(arguments)

    loaded = catalogue.load(options.requirements)
    if loaded.problems:
        for problem in loaded.problems:
            print(problem, file=sys.stderr)
        return 1
    try:
        text = options.cases.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        parser.error(catalogue.one_line(str(error)))
    findings, count = check(text.splitlines(), loaded.catalogue)
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        return 1
    rows = loaded.catalogue.requirements
    covered = sum(1 for requirement in rows if requirement.uncovered is None)
    waiting = len(rows) - covered
    print(f"{count} cases for {covered} requirements; {waiting} have a stated reason for none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
