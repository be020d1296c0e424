# SPDX-License-Identifier: Apache-2.0
"""Lines of the library and requirements, as text: what only one of them reaches, what none does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctsreport import coverage, results
from ctsreport.coverage import Place
from ctsreport.text import visible


def ranges(lines: Iterable[int]) -> str:
    """ "12-14, 20" """
    parts: list[list[int]] = []
    for line in sorted(set(lines)):
        if parts and parts[-1][1] == line - 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def by_file(places: Iterable[Place]) -> Iterator[str]:
    """ "src/waiter.c: 12-14, 20", one for each file"""
    found: dict[str, list[int]] = {}
    for file, line in sorted(places):
        found.setdefault(file, []).append(line)
    for file, lines in found.items():
        yield f"{visible(file)}: {ranges(lines)}"


def document(run: results.Run) -> str:
    there = coverage.all_lines(run)
    reached = {name: places & there for name, places in coverage.of_requirements(run).items()}
    alone = coverage.only(reached)
    together: set[Place] = set().union(*reached.values())
    without = [
        case.case for case in run.cases if not any(rep.coverage for rep in case.repetitions)
    ]
    share = 100.0 * len(together) / len(there) if there else 0.0
    rows = [
        f"{len(together)} of {len(there)} lines of the library are reached ({share:.1f} %), "
        f"by {len(run.cases) - len(without)} cases of {len(reached)} requirements",
        "",
        "Requirement       lines   only by it",
    ]
    for name, places in reached.items():
        rows.append(f"{name:12} {len(places):10} {len(alone[name]):12}")
        rows += [f"                              {row}" for row in by_file(alone[name])]
    rows += ["", f"Reached by no requirement: {len(there - together)} lines"]
    rows += [f"  {row}" for row in by_file(there - together)]
    if without:
        rows += ["", f"Cases that left no counters, {len(without)} (killed, skipped, or all "
                 "of them outside the library):"]  # fmt: skip
        rows += [f"  {', '.join(without[i : i + 8])}" for i in range(0, len(without), 8)]
    return "\n".join(rows) + "\n"
