# SPDX-License-Identifier: Apache-2.0
"""What a library does where the documents are open, and what the reference does there.

The reference's own observations are stored in reference-observations.json, which store.py writes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from ctsreport import results

STORED = "reference-observations.json"
ROWS_MAX = 400

# profile, requirement, what: the values seen
Known = Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]


@dataclass(frozen=True)
class Row:
    """One thing that was looked at."""

    requirement: str
    what: str
    seen: tuple[tuple[str, int], ...]  # value and how often, by value
    cases: int
    reference: tuple[str, ...] | None  # None: the reference was not asked

    @property
    def differs(self) -> bool:
        return self.reference is not None and not {v for v, _ in self.seen} <= set(self.reference)


def _seen(run: results.Run) -> dict[tuple[str, str], tuple[Counter[str], set[str]]]:
    found: dict[tuple[str, str], tuple[Counter[str], set[str]]] = {}
    for case in run.cases:
        for repetition in case.repetitions:
            for item in repetition.observed:
                key = (case.requirement, item.what)
                values, cases = found.setdefault(key, (Counter(), set()))
                values[item.seen] += 1
                cases.add(case.case)
    return found


def of_runs(runs: Iterable[results.Run]) -> dict[str, dict[str, dict[str, list[str]]]]:
    """The values seen in these runs, by profile, requirement and what was looked at."""
    known: dict[str, dict[str, dict[str, set[str]]]] = {}
    for run in runs:
        profile = run.start.profile if run.start is not None else ""
        for (requirement, what), (values, _) in _seen(run).items():
            row = known.setdefault(profile, {}).setdefault(requirement, {})
            row.setdefault(what, set()).update(values)
    return {
        profile: {
            requirement: {what: sorted(values) for what, values in sorted(row.items())}
            for requirement, row in sorted(rows.items())
        }
        for profile, rows in sorted(known.items())
    }


def stored() -> Known:
    """What the reference does, as the suite knows it."""
    text = resources.files(__package__).joinpath(STORED).read_text(encoding="utf-8")
    known: Known = json.loads(text)
    return known


def rows(run: results.Run, known: Known) -> list[Row]:
    profile = run.start.profile if run.start is not None else ""
    of_profile = known.get(profile, {})
    found: list[Row] = []
    for (requirement, what), (values, cases) in _seen(run).items():
        reference = of_profile.get(requirement, {}).get(what)
        found.append(
            Row(
                requirement,
                what,
                tuple(sorted(values.items())),
                len(cases),
                None if reference is None else tuple(reference),
            )
        )
    return found
