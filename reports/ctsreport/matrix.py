# SPDX-License-Identifier: Apache-2.0
"""Requirement by case by verdict, what was not covered and why, and what the model never showed."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ctsreport import events, results
from ctsreport.text import folded, visible

UNTESTED = "UNTESTED"  # in the profile, without a case that ran
OUT_OF_PROFILE = "OUT_OF_PROFILE"
NO_VERDICT = "NO_VERDICT"  # planned, and the log does not tell
NOT_PLANNED = "NOT_PLANNED"
OPT_IN = "opt_in"


@dataclass(frozen=True)
class Cell:
    """One case of a requirement."""

    case: str
    verdict: str  # a verdict word, NO_VERDICT or NOT_PLANNED
    title: str
    file: str
    layout: str
    reason: str


@dataclass(frozen=True)
class Row:
    """One requirement."""

    requirement: str
    strength: str
    claim: str
    source: str
    verdict: str  # a verdict word, NO_VERDICT, UNTESTED or OUT_OF_PROFILE
    why: str  # why there is no verdict, or why cases are missing; "" when nothing is
    cells: tuple[Cell, ...]
    run: int  # cases that ran to a verdict and were not skipped
    routes: int  # different ways among those: layout, number of actors, order of calls

    @property
    def planned(self) -> int:
        return sum(1 for cell in self.cells if cell.verdict != NOT_PLANNED)


def _cell(case: results.CaseResult, listed: events.ListedCase | None) -> Cell:
    end = case.shown.end if case.shown is not None else None
    start = case.start
    return Cell(
        case.case,
        case.verdict or NO_VERDICT,
        start.title if start is not None else listed.title if listed is not None else "",
        start.file if start is not None else listed.file if listed is not None else "",
        start.layout if start is not None else listed.layout if listed is not None else "",
        end.reason if end is not None else "",
    )


def _unplanned(listed: events.ListedCase, in_profile: bool) -> Cell:
    if not in_profile:
        why = "its requirement is not part of the profile"
    elif OPT_IN in listed.traits:
        why = "runs only when its id is given"
    else:
        why = "was not selected"
    return Cell(listed.id, NOT_PLANNED, listed.title, listed.file, listed.layout, why)


def _why(row: events.Requirement | None, profile: str, cells: tuple[Cell, ...]) -> str:
    if row is not None and row.profiles and profile not in row.profiles:
        return f"belongs to {', '.join(row.profiles)}, not to {profile}"
    if row is not None and row.uncovered and not cells:
        return f"has no case: {row.uncovered}"
    if not cells:
        return "has no case"
    reasons = Counter(
        cell.reason or "no reason given"
        for cell in cells
        if cell.verdict in (NOT_PLANNED, "SKIP", "INCONCLUSIVE", NO_VERDICT)
    )
    return "; ".join(
        f"{count} of {len(cells)}: {reason}" for reason, count in sorted(reasons.items())
    )


def _row(
    run: results.Run,
    identifier: str,
    row: events.Requirement | None,
    cases: list[results.CaseResult],
    listed: list[events.ListedCase],
) -> Row:
    profile = run.start.profile if run.start is not None else ""
    in_profile = row is None or not row.profiles or profile in row.profiles
    planned = {case.case for case in cases}
    by_id = {item.id: item for item in listed}
    cells = (
        *(_cell(case, by_id.get(case.case)) for case in cases),
        *(_unplanned(item, in_profile) for item in listed if item.id not in planned),
    )
    verdict = results.requirement_verdict(cases)
    ran = [case for case in cases if case.verdict not in (results.NO_VERDICT, "SKIP")]
    routes = {case.shown.route for case in ran if case.shown is not None}
    start = next((case.start for case in cases if case.start is not None), None)
    return Row(
        identifier,
        row.strength if row is not None else start.strength if start is not None else "",
        row.claim if row is not None else start.claim if start is not None else "",
        row.source if row is not None else "",
        OUT_OF_PROFILE
        if verdict is None and not in_profile
        else UNTESTED
        if verdict is None
        else verdict or NO_VERDICT,
        _why(row, profile, cells),
        cells,
        len(ran),
        len(routes),
    )


def rows(run: results.Run) -> list[Row]:
    """One row per requirement: those of the catalogue, in its order, then those only cases name."""
    cases: dict[str, list[results.CaseResult]] = {}
    listed: dict[str, list[events.ListedCase]] = {}
    for case in run.cases:
        cases.setdefault(case.requirement, []).append(case)
    for item in run.listed:
        listed.setdefault(item.requirement, []).append(item)
    known = {row.id: row for row in run.requirements}
    order = list(dict.fromkeys([*known, *cases, *listed]))
    return [
        _row(run, name, known.get(name), cases.get(name, []), listed.get(name, []))
        for name in order
    ]


# ---------------------------------------------------------------------------------------------
# Documents.


def _counted(words: list[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def _ordered(words: list[str]) -> list[str]:
    def key(word: str) -> tuple[int, str]:
        order = [name or NO_VERDICT for name in results.ROLLUP]
        return (order.index(word) if word in order else len(order), word)

    return sorted(words, key=key)


def coverage_lines(run: results.Run) -> Iterator[str]:
    """What the model can count, and what of it this run never showed."""
    if not run.transitions:
        yield "Model: the log does not say what the model can count."
        return
    for is_open, name in ((False, "steps"), (True, "outcomes that the documents leave open")):
        rows_ = [row for row in run.transitions if row.open == is_open]
        shown = sum(1 for row in rows_ if row.count)
        yield f"Model: {shown} of {len(rows_)} {name} were shown."
        for row in rows_:
            if not row.count:
                yield f"  never: {visible(row.name)} ({row.requirement or 'not in the list'})"


def coverage_line(run: results.Run) -> str:
    """The same in one line; "" when the log does not tell."""
    steps = [row for row in run.transitions if not row.open]
    outcomes = [row for row in run.transitions if row.open]
    if not run.transitions:
        return ""
    return (
        f"model coverage: {sum(1 for row in steps if row.count)} of {len(steps)} steps, "
        f"{sum(1 for row in outcomes if row.count)} of {len(outcomes)} open outcomes"
    )


def _missing(title: str, table: list[Row]) -> Iterator[str]:
    """Requirements by what keeps their cases from a verdict; many share one reason."""
    by_reason: dict[str, list[str]] = {}
    for row in table:
        by_reason.setdefault(re.sub(r"\d+ of \d+: ", "", row.why), []).append(row.requirement)
    if table:
        yield ""
        yield title
    for reason, named in by_reason.items():
        yield from folded(str(len(named)), f"{reason}: {', '.join(named)}", indent=8)


def text(run: results.Run, every_case: bool = False) -> Iterator[str]:
    """The table for a terminal, as lines."""
    table = rows(run)
    profile = run.start.profile if run.start is not None else "unknown"
    yield f"profile {visible(profile)}, {len(table)} requirements, {len(run.cases)} cases planned"
    yield ""
    yield f"{'requirement':12} {'strength':9} {'verdict':14} {'run/all':>8} {'routes':>6}  claim"
    for row in table:
        counts = f"{row.run}/{len(row.cells)}"
        yield (
            f"{row.requirement:12} {row.strength:9} {visible(row.verdict):14} {counts:>8} "
            f"{row.routes:>6}  {visible(row.claim)}"
        )
        for cell in row.cells:
            bad = results.is_failure(cell.verdict) or cell.verdict == NO_VERDICT
            if every_case or (bad and cell.verdict != NOT_PLANNED):
                reason = f": {visible(cell.reason)}" if cell.reason else ""
                yield f"    {visible(cell.verdict):12} {cell.case:12} {visible(cell.title)}{reason}"
    uncovered = [row for row in table if row.verdict in (UNTESTED, OUT_OF_PROFILE, "SKIP")]
    yield from _missing("Not covered", uncovered)
    yield from _missing("Covered in part", [r for r in table if r.why and r not in uncovered])
    suspect = [f"{case.case} ({case.suspect})" for case in run.cases if case.suspect is not None]
    if suspect:
        yield ""
        yield "Suspect: not reviewed against the present text of the requirement"
        yield from folded(str(len(suspect)), ", ".join(suspect), indent=8)
    if run.waivers:
        yield ""
        yield "Waivers: the verdicts are the raw ones"
        for item in run.waivers:
            why = f"{item.state}: {item.why}"
            yield f"    {item.waiver.id:12} {item.waiver.case:12} {visible(why)}"
    yield ""
    yield f"Requirements: {_counted(_ordered([row.verdict for row in table])) or 'none'}"
    yield f"Cases: {_counted(_ordered([c.verdict or NO_VERDICT for c in run.cases])) or 'none'}"
    yield from coverage_lines(run)
    for problem in run.problems:
        yield f"log problem: {visible(problem)}"


def document(run: results.Run) -> str:
    return "".join(line + "\n" for line in text(run))


CSV_COLUMNS = (
    "requirement", "strength", "requirement_verdict", "cases_run", "routes", "case", "verdict",
    "title", "file", "layout", "reason",
)  # fmt: skip


def csv_safe(value: str) -> str:
    """One visible line that a spreadsheet does not take for a formula."""
    shown = visible(value)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def csv_document(run: results.Run) -> str:
    """One row per requirement and case; a requirement without a case has one row, too."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows(run):
        head = (row.requirement, row.strength, row.verdict, str(row.run), str(row.routes))
        for cell in row.cells:
            tail = (cell.case, cell.verdict, cell.title, cell.file, cell.layout, cell.reason)
            writer.writerow([csv_safe(value) for value in (*head, *tail)])
        if not row.cells:
            writer.writerow([csv_safe(value) for value in (*head, "", "", "", "", "", row.why)])
    return sink.getvalue()
