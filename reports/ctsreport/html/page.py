# SPDX-License-Identifier: Apache-2.0
"""The page as data: the verdict, the numbers, what fails, requirements with their cases."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ctsreport import results
from ctsreport.anchors import anchor
from ctsreport.html import case as case_page
from ctsreport.html.markup import (
    BAD,
    UNDECIDED,
    chip,
    counted,
    duration,
    esc,
    kind_of,
    meaning_of,
    word_of,
)
from ctsreport.text import visible

OPEN_MAX = 12  # failing cases that are unfolded from the start
PROBLEMS_MAX = 40
NAMED_MAX = 12


@dataclass(frozen=True)
class Headline:
    """The verdict in one glance."""

    kind: str  # good, bad or undecided
    sign: str
    text: str
    sentence: str


@dataclass(frozen=True)
class Group:
    """A requirement with its planned cases. All members are HTML but the first three."""

    id: str
    verdict: str | None  # None: no case was planned
    cases: tuple[results.CaseResult, ...]
    area: str
    strength: str
    claim: str
    invariant: str
    source: str
    causes: str
    note: str  # why there is no verdict

    @property
    def failed(self) -> tuple[results.CaseResult, ...]:
        return tuple(case for case in self.cases if kind_of(case.verdict) == BAD)

    @property
    def left_something_only(self) -> bool:
        """Is what failed no claim of this requirement?"""
        return bool(self.failed) and all(case.left_something_only for case in self.failed)

    @property
    def undecided(self) -> tuple[results.CaseResult, ...]:
        return tuple(case for case in self.cases if kind_of(case.verdict) == UNDECIDED)

    @property
    def anchor(self) -> str:
        return anchor(self.id)

    @property
    def chip(self) -> str:
        return chip(self.verdict) if self.verdict is not None else '<span class="chip">NOT RUN</span>'

    @property
    def word(self) -> str:
        return word_of(self.verdict) if self.verdict is not None else "NOT RUN"


def _group(run: results.Run, identifier: str, cases: Sequence[results.CaseResult]) -> Group:
    row = run.requirement(identifier)
    start = next((case.start for case in cases if case.start is not None), None)
    note = ""
    if not cases and row is not None:
        note = f"no case: {row.uncovered}" if row.uncovered else "not selected in this run"
    return Group(
        id=identifier,
        verdict=results.requirement_verdict(cases),
        cases=tuple(cases),
        area=esc(row.area if row is not None else identifier.partition("-")[0], 20),
        strength=esc(row.strength if row is not None else start.strength if start else "", 20),
        claim=esc(row.claim if row is not None else start.claim if start else "", 1500),
        invariant=esc(row.invariant, 1500) if row is not None and row.invariant else "",
        source=esc(row.source, 800) if row is not None else "",
        causes=esc(row.causes, 1500) if row is not None and row.causes else "",
        note=esc(note, 500),
    )


def groups(run: results.Run) -> tuple[list[Group], list[str]]:
    """The requirements of the run's profile, and the ids of those of other profiles only."""
    by_requirement: dict[str, list[results.CaseResult]] = {}
    for case in run.cases:
        by_requirement.setdefault(case.requirement, []).append(case)
    profile = run.start.profile if run.start is not None else ""
    found: list[Group] = []
    elsewhere: list[str] = []
    for row in run.requirements:
        cases = by_requirement.pop(row.id, [])
        if not cases and profile and profile not in row.profiles:
            elsewhere.append(row.id)
        else:
            found.append(_group(run, row.id, cases))
    found.extend(_group(run, name, cases) for name, cases in by_requirement.items())
    return found, elsewhere


STRENGTHS = ("must", "derived", "open")


def by_weight(found: Sequence[Group]) -> list[Group]:
    """Those with failed cases: what is written first, then what follows from it; in each the one
    with the largest share of failed cases first. Last, those whose own claims held."""

    def weight(group: Group) -> tuple[bool, int, float]:
        known = group.strength in STRENGTHS
        strength = STRENGTHS.index(group.strength) if known else len(STRENGTHS)
        return group.left_something_only, strength, -len(group.failed) / len(group.cases)

    return sorted((group for group in found if group.failed), key=weight)


def _named(ids: Sequence[str]) -> str:
    more = len(ids) - NAMED_MAX
    return esc(", ".join(ids[:NAMED_MAX]), 400) + (f" and {more} more" if more > 0 else "")


def headline(run: results.Run, found: Sequence[Group]) -> Headline:
    profile = esc(run.start.profile, 60) if run.start is not None else ""
    bad = [case for case in run.cases if kind_of(case.verdict) == BAD]
    undecided = [case for case in run.cases if kind_of(case.verdict) == UNDECIDED]
    passed = [case for case in run.cases if case.verdict == "PASS"]
    total = len(run.cases)
    if run.start is None:
        return Headline(UNDECIDED, "?", "No verdict", "The log does not say what was to be run.")
    if bad:
        failed = [group for group in found if group.failed]
        only_left = [group for group in failed if group.left_something_only]
        violated = len(failed) - len(only_left)
        verb = "fails" if len(bad) == 1 else "fail"
        are = "is" if violated == 1 else "are"
        text = f"{len(bad):,} of {counted(total, 'case')} {verb}"
        if violated:
            text += f"; {counted(violated, 'requirement')} {are} violated"
        if only_left:
            others = "other " if violated else ""
            text += f"; cases of {counted(len(only_left), others + 'requirement')} only left something behind"
        text += "."
        return Headline(BAD, "✗", f"Not conformant to {profile}", text)
    if run.end is None or not run.end.complete or run.problems:
        text = "The log is not the whole of a run. What it holds shows no failure."
        return Headline(UNDECIDED, "?", "No verdict: incomplete", text)
    if undecided:
        text = f"{counted(len(undecided), 'case')} of {total:,} could not be decided: " + _named(
            [case.case for case in undecided]
        )
        return Headline(UNDECIDED, "?", "Not decided", text)
    if run.end.exit_code != 0:
        text = f"No case failed, but ipc-cts ended with exit code {run.end.exit_code}."
        return Headline(UNDECIDED, "?", "No verdict", text)
    if not passed:
        return Headline(UNDECIDED, "?", "Nothing was tested", "No case of this run could pass.")
    recorded = total - len(passed)
    rest = f", {counted(recorded, 'case')} recorded or skipped" if recorded else ""
    text = f"{counted(len(passed), 'case passes', 'cases pass')}{rest}; none fails."
    return Headline("good", "✓", f"Conformant to {profile}", text)


def verdict_counts(run: results.Run) -> list[tuple[str, str, str, int]]:
    """(word, kind, meaning, count), the worst first."""
    count = Counter(case.verdict for case in run.cases)
    ordered = sorted(count.items(), key=lambda item: (results.rank(item[0]), item[0]))
    return [(word_of(word), kind_of(word), meaning_of(word), number) for word, number in ordered]


def _member(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return esc(str(value), 300)
    return ""


def identity(run: results.Run) -> list[tuple[str, str]]:
    """What ran where, as (name, HTML)."""
    start = run.start
    if start is None:
        return []
    path = start.sut.get("path")
    name = PurePosixPath(path).name if isinstance(path, str) else ""
    size = start.sut.get("size_bytes")
    machine = [_member(start.machine, name) for name in ("arch", "kernel")]
    cpus = start.machine.get("cpus")
    adapter = _member(start.adapter, "name") if start.adapter is not None else "none"
    options = []
    if start.repeat > 1:
        options.append(f"{start.repeat} repetitions")
    if start.shuffle:
        options.append("shuffled")
    if start.timeout_factor != 1:
        options.append(f"limits × {start.timeout_factor:g}")
    facts = [
        ("Library", f"<code>{esc(name, 200)}</code>" if name else ""),
        ("Size", f"{size:,} bytes" if isinstance(size, int) else ""),
        ("Build id", f"<code>{_member(start.sut, 'build_id') or 'none'}</code>"),
        ("Digest", f"<code>{_member(start.sut, 'sha256')}</code>" if start.sut.get("sha256") else ""),
        ("Adapter", adapter),
        ("Missing functions", esc(", ".join(start.missing_optional), 500)),
        ("Suite", f"ipc-cts {esc(start.suite, 60)}, profile {esc(start.profile, 60)}"),
        ("Machine", ", ".join(part for part in machine if part)),
        ("Processors", str(cpus) if isinstance(cpus, int) else ""),
        ("Seed", f"<code>{esc(start.seed, 60)}</code>"),
        ("Options", ", ".join(options)),
        ("Time", esc(start.time_utc, 60)),
        ("Took", duration(run.end.duration_ms) if run.end is not None else ""),
    ]
    return [(name, value) for name, value in facts if value]


def failures(run: results.Run, found: Sequence[Group]) -> list[tuple[Group, list[str]]]:
    """Every group with failed cases, and those cases as HTML; the first ones unfolded."""
    left = OPEN_MAX
    result: list[tuple[Group, list[str]]] = []
    for group in by_weight(found):
        shown: list[str] = []
        for number, case in enumerate(group.failed):
            is_open = left > 0 and (number == 0 or len(group.failed) <= 2)
            left -= is_open
            shown.append(case_page.details(run, case, is_open))
        result.append((group, shown))
    return result


def undecided(run: results.Run) -> list[str]:
    return [
        case_page.details(run, case) for case in run.cases if kind_of(case.verdict) == UNDECIDED
    ]


def rest(run: results.Run, group: Group) -> list[str]:
    """The cases that are shown with their requirement: neither failed nor undecided."""
    return [
        case_page.details(run, case)
        for case in group.cases
        if kind_of(case.verdict) not in (BAD, UNDECIDED)
    ]


def problems(run: results.Run) -> tuple[list[str], int]:
    shown = [esc(problem, 400) for problem in run.problems[:PROBLEMS_MAX]]
    return shown, len(run.problems) - len(shown)


def summary(run: results.Run, file: str) -> list[str]:
    """The run in five lines for a terminal; `file` is where the page is."""
    found, _ = groups(run)
    head = headline(run, found)
    facts = dict(identity(run))
    library = [facts[name] for name in ("Library", "Size") if name in facts]
    if "Build id" in facts:
        library.append(f"build id {facts['Build id']}")
    counts = ", ".join(f"{number} {word}" for word, _, _, number in verdict_counts(run))
    worst = by_weight(found)
    first = "nothing failed"
    if worst:
        group = worst[0]
        share = f"{len(group.failed)} of {len(group.cases)} cases"
        first = f"{group.id} ({group.strength}, {share}): {group.claim}"
    lines = [
        f"verdict  {head.text}. {head.sentence}",
        f"library  {', '.join(library) or 'unknown'}",
        f"cases    {counts or 'none'}",
        f"look at  {first}",
        f"page     {visible(file)}",
    ]
    return [_as_text(line) for line in lines]


def _as_text(fragment: str) -> str:
    """A line of HTML without its tags."""
    return html.unescape(re.sub(r"</?[a-z]+>", "", fragment))
