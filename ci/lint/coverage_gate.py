#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Line and branch coverage of one directory, from an LCOV tracefile, against lower limits.

Exit 0: at or above both limits. 1: below one. 4: wrong usage, or the file says nothing about the
directory.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FileCoverage:
    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    hit: int
    found: int

    @property
    def percent(self) -> float:
        return 100.0 * self.hit / self.found if self.found else 100.0

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.hit + other.hit, self.found + other.found)

    def __str__(self) -> str:
        return f"{self.percent:5.1f} % ({self.hit}/{self.found})"


def read_tracefile(text: Iterable[str]) -> dict[str, FileCoverage]:
    """Counts per source file; records of the same file add up."""
    files: dict[str, FileCoverage] = {}
    current = FileCoverage()
    for line in text:
        kind, _, value = line.strip().partition(":")
        if kind == "SF":
            current = files.setdefault(value, FileCoverage())
        elif kind == "DA":
            number, count = value.split(",")[:2]
            current.lines[int(number)] = current.lines.get(int(number), 0) + int(count)
        elif kind == "BRDA":
            *key, count = value.split(",")
            taken = 0 if count == "-" else int(count)
            current.branches[tuple(key)] = current.branches.get(tuple(key), 0) + taken
    return files


def ratio(counts: Iterable[int]) -> Ratio:
    values = list(counts)
    return Ratio(sum(1 for value in values if value > 0), len(values))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Coverage of a directory against lower limits.")
    parser.add_argument("tracefile", type=Path)
    parser.add_argument("--under", required=True, help="directory to judge")
    parser.add_argument("--lines", type=float, required=True, help="lower limit in per cent")
    parser.add_argument("--branches", type=float, required=True, help="lower limit in per cent")
    options = parser.parse_args(arguments)
    prefix = options.under.rstrip("/") + "/"
    try:
        with options.tracefile.open(encoding="utf-8") as text:
            files = read_tracefile(text)
    except (OSError, ValueError) as error:
        print(f"coverage: {options.tracefile}: {error}", file=sys.stderr)
        return 4
    judged = {name: file for name, file in files.items() if name.startswith(prefix)}
    lines = branches = Ratio(0, 0)
    for name, file in sorted(judged.items()):
        file_lines, file_branches = ratio(file.lines.values()), ratio(file.branches.values())
        lines, branches = lines + file_lines, branches + file_branches
        print(f"{name.removeprefix(prefix):28} lines {file_lines}  branches {file_branches}")
    if not lines.found:
        print(f"coverage: {options.tracefile} has no line of {options.under}", file=sys.stderr)
        return 4
    print(f"{'all':28} lines {lines}  branches {branches}")
    low = [
        f"{what} {value.percent:.1f} % is below {limit:g} %"
        for what, value, limit in (
            ("lines", lines, options.lines),
            ("branches", branches, options.branches),
        )
        if value.percent < limit
    ]
    for message in low:
        print(f"coverage: {message}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
