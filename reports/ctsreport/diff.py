# SPDX-License-Identifier: Apache-2.0
"""What changed between two runs, by case and by requirement.

A regression is a case that both runs planned, that did not fail before and fails now. A case that
only one run planned says nothing about the library, so it is listed and is no regression.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from ctsreport import matrix, results
from ctsreport.text import visible

VERSION = 1
TESTED = ("PASS", "OBSERVED")


@dataclass(frozen=True)
class Change:
    """One case. `before` and `after` are verdicts, or what was observed; "" is none."""

    case: str
    requirement: str
    title: str
    before: str
    after: str
    note: str = ""


# Group, and its title, in the order of the text.
GROUPS = {
    "regressions": "Newly failing",
    "fixed": "Fixed",
    "flaky": "Mixed among the repetitions",
    "other_failure": "Fails in another way",
    "not_tested": "No longer decided",
    "now_tested": "Decided now",
    "observations": "Observed something else where the documents are open",
    "suspect": "Suspect: not reviewed against the present text of the requirement",
    "added": "Added",
    "removed": "Removed",
}


@dataclass(frozen=True)
class Diff:
    groups: dict[str, list[Change]] = field(default_factory=lambda: {name: [] for name in GROUPS})
    requirements: list[Change] = field(default_factory=list)  # rolled-up verdict differs

    @property
    def regressions(self) -> list[Change]:
        return self.groups["regressions"]


def _title(case: results.CaseResult) -> str:
    return case.start.title if case.start is not None else ""


def _reason(case: results.CaseResult) -> str:
    end = case.shown.end if case.shown is not None else None
    return end.reason if end is not None else ""


def _observed(case: results.CaseResult) -> str:
    seen = {f"{o.what} = {o.seen}" for rep in case.repetitions for o in rep.observed}
    return "; ".join(sorted(seen))


def _word(verdict: str) -> str:
    return verdict or matrix.NO_VERDICT


def _group(before: results.CaseResult, after: results.CaseResult) -> str | None:
    """Where the change of verdict belongs; None when there is none of note."""
    failed, fails = results.is_failure(before.verdict), results.is_failure(after.verdict)
    if fails and not failed:
        return "regressions"
    if failed and not fails:
        return "fixed" if after.verdict in TESTED else "not_tested"
    if fails and before.verdict != after.verdict:
        return "other_failure"
    if before.verdict in TESTED and after.verdict not in TESTED and not fails:
        return "not_tested"
    if after.verdict in TESTED and before.verdict not in TESTED and not failed:
        return "now_tested"
    return None


def _compare_case(found: Diff, before: results.CaseResult, after: results.CaseResult) -> None:
    def change(old: str, new: str, note: str = "") -> Change:
        return Change(after.case, after.requirement, _title(after), old, new, note)

    group = _group(before, after)
    if group is not None:
        found.groups[group].append(
            change(_word(before.verdict), _word(after.verdict), _reason(after))
        )
    if after.is_flaky or before.is_flaky:
        found.groups["flaky"].append(change(_outcomes(before), _outcomes(after)))
    if after.suspect is not None:
        found.groups["suspect"].append(
            change(_word(before.verdict), _word(after.verdict), after.suspect)
        )
    old, new = _observed(before), _observed(after)
    if old != new and before.verdict in TESTED and after.verdict in TESTED:
        found.groups["observations"].append(change(old, new))


def _outcomes(case: results.CaseResult) -> str:
    return ", ".join(f"{_word(word)} {count}" for word, count in case.outcomes)


def _compare_requirements(found: Diff, before: results.Run, after: results.Run) -> None:
    old = {row.requirement: row for row in matrix.rows(before)}
    for row in matrix.rows(after):
        was = old.get(row.requirement)
        if was is not None and was.verdict != row.verdict:
            found.requirements.append(
                Change("", row.requirement, row.claim, was.verdict, row.verdict)
            )


def compare(before: results.Run, after: results.Run) -> Diff:
    found = Diff()
    old = {case.case: case for case in before.cases}
    new = {case.case: case for case in after.cases}
    for name, case in new.items():
        if name in old:
            _compare_case(found, old[name], case)
        else:
            found.groups["added"].append(
                Change(name, case.requirement, _title(case), "", _word(case.verdict))
            )
    for name, case in old.items():
        if name not in new:
            found.groups["removed"].append(
                Change(name, case.requirement, _title(case), _word(case.verdict), "")
            )
    _compare_requirements(found, before, after)
    return found


# ---------------------------------------------------------------------------------------------
# Documents.


def _line(change: Change) -> str:
    name = change.case or change.requirement
    both = f"{visible(change.before) or '-'} -> {visible(change.after) or '-'}"
    note = f": {visible(change.note)}" if change.note else ""
    return f"  {name:12} {both}  {visible(change.title)}{note}"


def text(found: Diff) -> Iterator[str]:
    for name, title in GROUPS.items():
        changes = found.groups[name]
        if changes:
            yield f"{title} ({len(changes)})"
            yield from (_line(change) for change in changes)
            yield ""
    if found.requirements:
        yield f"Requirements with another verdict ({len(found.requirements)})"
        yield from (_line(change) for change in found.requirements)
        yield ""
    counts = ", ".join(
        f"{len(found.groups[name])} {title.partition(':')[0].lower()}"
        for name, title in GROUPS.items()
        if found.groups[name]
    )
    yield f"diff: {counts or 'no difference'}"


def _object(change: Change) -> dict[str, str]:
    members = {
        "case": change.case,
        "requirement": change.requirement,
        "title": change.title,
        "before": change.before,
        "after": change.after,
        "note": change.note,
    }
    return {name: value for name, value in members.items() if value}


def json_document(found: Diff) -> str:
    content: dict[str, object] = {"document": "ipc-cts diff", "version": VERSION}
    for name in GROUPS:
        content[name] = [_object(change) for change in found.groups[name]]
    content["requirements"] = [_object(change) for change in found.requirements]
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"
