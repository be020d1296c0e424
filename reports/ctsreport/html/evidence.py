# SPDX-License-Identifier: Apache-2.0
"""What a run measured and reached: timing against the control group, race windows, growth, lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ctsreport import coverage, events, results
from ctsreport.anchors import anchor
from ctsreport.coverage.lines import by_file
from ctsreport.html.markup import chip, esc
from ctsreport.timeline import number_of, text_of

PLOTS_MAX = 80
SAMPLES_MAX = 400
WINDOWS_MAX = 200
FILES_MAX = 200
PLOT_WIDTH, PLOT_LEFT, PLOT_RIGHT = 620, 64, 14
MISSING_MAX = 8


@dataclass(frozen=True)
class Plot:
    """Samples of one measurement. `svg` and `summary` are HTML."""

    case: str
    href: str
    what: str
    chip: str
    svg: str
    summary: str


@dataclass(frozen=True)
class Window:
    """One search for a race window. All but `case` and `href` are HTML."""

    case: str
    href: str
    name: str
    trials: str
    phases: str
    overlaps: str
    outcomes: str
    missing: str


def _steps(run: results.Run, kind: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    for case in run.cases:
        for repetition in case.repetitions:
            for event in repetition.history:
                if isinstance(event, events.Step) and event.kind == kind:
                    yield case.case, event.members


# ---------------------------------------------------------------------------------------------
# Timing.


def _samples(members: Mapping[str, object], name: str) -> list[int]:
    value = members.get(name)
    if not isinstance(value, list):
        return []
    sane = (s for s in value if isinstance(s, int) and not isinstance(s, bool))
    return [sample for sample in sane if 0 <= sample < 10**15][:SAMPLES_MAX]


def _time(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


class _Axis:
    """Nanoseconds to places, in powers of ten."""

    def __init__(self, values: Sequence[int]) -> None:
        self.low = math.floor(math.log10(max(1, min(values))))
        self.high = max(self.low + 1, math.ceil(math.log10(max(1, max(values)))))

    def x(self, ns: float) -> float:
        share = (math.log10(max(1.0, ns)) - self.low) / (self.high - self.low)
        return PLOT_LEFT + share * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT)

    def ticks(self) -> Iterator[str]:
        for power in range(self.low, self.high + 1):
            x = self.x(10.0**power)
            yield (
                f'<path class="rail" d="M{x:.1f} 6V52"/>'
                f'<text class="sub mid" x="{x:.1f}" y="66">{_time(10.0**power)}</text>'
            )


def _plot(control: Sequence[int], library: Sequence[int], window: int | None) -> str:
    axis = _Axis([*control, *library, *([window] if window else [])])
    parts = list(axis.ticks())
    if window:
        x = axis.x(window)
        parts.append(f'<path class="limit" d="M{x:.1f} 2V54"/>')
    for y, name, samples in ((18, "control", control), (40, "library", library)):
        parts.append(f'<text class="sub" x="0" y="{y + 4}">{name}</text>')
        for number, sample in enumerate(samples):
            # A little up and down, so that equal samples can be told apart.
            at = y + (number * 7 % 11) - 5
            parts.append(f'<circle class="{name}" cx="{axis.x(sample):.1f}" cy="{at}" r="2.5"/>')
    return (
        f'<svg class="plot" role="img" aria-label="Samples on a logarithmic axis" '
        f'viewBox="0 0 {PLOT_WIDTH} 70" width="{PLOT_WIDTH}" height="70">{"".join(parts)}</svg>'
    )


def plots(run: results.Run) -> tuple[list[Plot], int]:
    """The measurements, and how many more there are."""
    found: list[Plot] = []
    left_out = 0
    for case, members in _steps(run, "timing"):
        control, library = _samples(members, "control_ns"), _samples(members, "library_ns")
        window = number_of(members, "window_ns")
        if window is not None and not 0 < window < 10**15:
            window = None
        if len(found) >= PLOTS_MAX:
            left_out += 1
            continue
        parts = [
            f"{name} {_time(min(samples))} to {_time(max(samples))}, half below "
            f"{_time(median(samples))} ({len(samples)})"
            for name, samples in (("control group", control), ("library", library))
            if samples
        ]
        if window is not None:
            parts.append(f"window {_time(window)}")
        verdict = text_of(members, "verdict") or ""
        drawn = _plot(control, library, window) if control or library else ""
        what = esc(text_of(members, "what") or "", 200)
        found.append(Plot(case, anchor(case), what, chip(verdict), drawn, "; ".join(parts)))
    return found, left_out


# ---------------------------------------------------------------------------------------------
# Race windows.


def _counts(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if isinstance(value, Mapping):
        known = [(k, v) for k, v in value.items() if isinstance(v, int)]
        return ", ".join(f"{esc(str(k), 60)} {v:,}" for k, v in known[:12])
    return f"{value:,}" if isinstance(value, int) else ""


def windows(run: results.Run) -> list[Window]:
    found: list[Window] = []
    for case, members in _steps(run, "window"):
        missing = members.get("missing")
        names = missing if isinstance(missing, list) else []
        found.append(
            Window(
                case,
                anchor(case),
                esc(text_of(members, "window") or "", 200),
                _counts(members, "trials"),
                _counts(members, "phases"),
                _counts(members, "overlaps"),
                _counts(members, "outcomes"),
                ", ".join(esc(str(name), 60) for name in names[:MISSING_MAX]),
            )
        )
    return found[:WINDOWS_MAX]


# ---------------------------------------------------------------------------------------------
# Growth over rounds.

_GROWTH = ("threads", "descriptors", "live_objects", "resident_bytes")


def growth(run: results.Run) -> list[tuple[str, str, str, str, str]]:
    """(case, anchor, rounds, what was counted as HTML, verdict as HTML)"""
    found = []
    for case, members in _steps(run, "growth"):
        series = []
        for name in _GROWTH:
            counts = _samples(members, name)
            if counts:
                series.append(f"{name.replace('_', ' ')} {counts[0]:,} to {counts[-1]:,}")
        verdict = chip(text_of(members, "verdict") or "")
        rounds = _counts(members, "rounds")
        found.append((case, anchor(case), rounds, esc("; ".join(series), 400), verdict))
    return found[:WINDOWS_MAX]


# ---------------------------------------------------------------------------------------------
# Lines of the library, from an LCOV tracefile.


@dataclass(frozen=True)
class File:
    name: str  # HTML
    lines: int
    hit: int

    @property
    def percent(self) -> str:
        return f"{100 * self.hit / self.lines:.1f}" if self.lines else "-"


def line_coverage(tracefile: str) -> list[File]:
    """Lines and lines reached by file, over all its records; ValueError for a text without any."""
    files: dict[str, dict[int, int]] = {}
    lines: dict[int, int] | None = None
    for text in tracefile.splitlines():
        key, _, value = text.partition(":")
        if key == "SF":
            lines = files.setdefault(value, {})
        elif key == "DA" and lines is not None:
            number, _, count = value.partition(",")
            hits = int(count.partition(",")[0])
            lines[int(number)] = lines.get(int(number), 0) + hits
        elif text == "end_of_record":
            lines = None
    if not files:
        raise ValueError("no SF record")
    prefix = _common([name for name in files])
    return [
        File(esc(name[len(prefix) :], 200), len(hits), sum(1 for n in hits.values() if n > 0))
        for name, hits in sorted(files.items())
    ][:FILES_MAX]


def reached_lines(run: results.Run) -> list[File]:
    """The same from the log of a run with --coverage; empty without."""
    hits: dict[str, set[int]] = {}
    for case in run.cases:
        for rep in case.repetitions:
            for seen in rep.coverage:
                hits.setdefault(seen.file, set()).update(line for line, _ in seen.lines)
    return [
        File(esc(s.file, 200), len(s.lines), len(hits.get(s.file, set()) & set(s.lines)))
        for s in sorted(run.sources, key=lambda source: source.file)
    ][:FILES_MAX]


@dataclass(frozen=True)
class Alone:
    """Lines that one requirement alone reached, or (without a name) none."""

    requirement: str
    count: int
    places: str  # HTML


def lines_alone(run: results.Run) -> list[Alone]:
    if not run.sources:
        return []
    reached = coverage.of_requirements(run)
    there = coverage.all_lines(run)
    never = there.difference(*reached.values())
    rows = [("", never), *((name, places & there) for name, places in coverage.only(reached).items())]
    return [
        Alone(esc(name, 60), len(places), esc("; ".join(by_file(places)), 2000))
        for name, places in rows
        if places or not name
    ]


def _common(names: Sequence[str]) -> str:
    """The directory that all names share, so that no path of a machine is shown."""
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(map(len, names)))
    return first[: first.rfind("/", 0, same) + 1]
