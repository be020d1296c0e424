# SPDX-License-Identifier: Apache-2.0
"""Lines of the library by case and by requirement, from the log of `ipc-cts run --coverage`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ctsreport import events, results

Place = tuple[str, int]  # file, line


class CoverageError(Exception):
    """What is missing, as one line."""


@dataclass
class Reached:
    """How often what was reached, in one file."""

    lines: Counter[int] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    branches: dict[int, list[int]] = field(default_factory=dict)

    def add(self, seen: events.Coverage) -> None:
        self.lines.update(dict(seen.lines))
        self.functions.update(dict(seen.functions))
        for line, taken in seen.branches:
            known = self.branches.setdefault(line, [0] * len(taken))
            for way, count in enumerate(taken[: len(known)]):
                known[way] += count


def test_name(case: str) -> str:
    """What lcov takes as the name of a test: letters, digits, underscores."""
    return re.sub(r"[^A-Za-z0-9_]", "_", case)


def sources(run: results.Run) -> tuple[events.Source, ...]:
    """By file. CoverageError when the log holds none."""
    if not run.sources:
        raise CoverageError(
            "the log holds no coverage; run with --coverage and a library built by gcc --coverage"
        )
    return tuple(sorted(run.sources, key=lambda source: source.file))


def by_file(seen: Iterable[events.Coverage]) -> dict[str, Reached]:
    found: dict[str, Reached] = defaultdict(Reached)
    for one in seen:
        found[one.file].add(one)
    return found


def of_case(case: results.CaseResult) -> dict[str, Reached]:
    """All its repetitions together."""
    return by_file(seen for rep in case.repetitions for seen in rep.coverage)


def of_requirements(run: results.Run) -> Mapping[str, set[Place]]:
    """The lines that any case of a requirement reached, for each that has a planned case."""
    found: dict[str, set[Place]] = {}
    for case in run.cases:
        places = found.setdefault(case.requirement, set())
        for rep in case.repetitions:
            for seen in rep.coverage:
                places.update((seen.file, line) for line, _ in seen.lines)
    return found


def only(reached: Mapping[str, set[Place]]) -> dict[str, set[Place]]:
    """For each requirement the lines that no other reached."""
    counts = Counter(place for places in reached.values() for place in places)
    return {
        name: {place for place in places if counts[place] == 1} for name, places in reached.items()
    }


def all_lines(run: results.Run) -> set[Place]:
    return {(source.file, line) for source in sources(run) for line in source.lines}
