# SPDX-License-Identifier: Apache-2.0
"""The one reader of `events.jsonl` (reports/schema/events.md).

`read` turns lines into typed events, one at a time and in order. It never raises for what a log
holds: an unknown event is ignored, and whatever cannot be used is reported as a `Damage` in its
place. A log may be cut at any byte. The last line counts when it is complete but for its line
end; anything less is a `Damage`.

Strings come out as valid Unicode: bytes that were no UTF-8 are shown as `\\xNN`, lone surrogates
as `\\uNNNN`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Union, cast

from ctsreport.evidence.verify import parse_together  # it stands alone, so the one copy is there

VERSION = 1
VERDICTS = (
    "PASS",
    "FAIL",
    "CRASH",
    "TIMEOUT",
    "EARLY_EXIT",
    "LEAK",
    "BROKEN",
    "SKIP",
    "INCONCLUSIVE",
    "OBSERVED",
)
STEPS = (
    "process",
    "actor",
    "object",
    "invoke",
    "return",
    "settle",
    "freeze",
    "thaw",
    "process_end",
    "model",
    "search",
    "window",
    "advance",
    "timing",
    "growth",
)


@dataclass(frozen=True)
class At:
    """A place in a source file."""

    file: str
    line: int


@dataclass(frozen=True)
class Capabilities:
    """What library and adapter were declared to offer (None: nothing was), and what is there."""

    claimed: tuple[str, ...] | None
    present: tuple[str, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Claimed and not there: the run cannot be conformant."""
        return tuple(word for word in self.claimed or () if word not in self.present)

    @property
    def unclaimed(self) -> tuple[str, ...]:
        """There and not claimed, where claims were made at all."""
        return tuple(word for word in self.present if self.claimed and word not in self.claimed)


@dataclass(frozen=True)
class RunStart:
    version: int
    suite: str
    profile: str  # the edition
    extent: str
    sut: Mapping[str, object]
    adapter: Mapping[str, object] | None
    seed: str
    jobs: int
    repeat: int
    shuffle: bool
    timeout_factor: float
    strict: bool
    machine: Mapping[str, object]
    planned: tuple[str, ...]
    missing_optional: tuple[str, ...]
    capabilities: Capabilities
    time_utc: str
    digests: Mapping[str, object] = field(default_factory=dict)  # of suite, SUT, adapter, profile


@dataclass(frozen=True)
class CaseStart:
    case: str
    rep: int
    index: int
    requirement: str
    strength: str
    claim: str
    title: str
    file: str
    layout: str
    suspect: str | None  # why no review speaks for the present text of the requirement


@dataclass(frozen=True)
class CaseEnd:
    case: str
    rep: int
    verdict: str  # as written; a word outside VERDICTS is possible
    reason: str
    expected: str | None
    observed: str | None
    at: At | None
    checks: int
    duration_ms: float
    signal: str | None
    exit_code: int | None
    output_bytes: int
    output: str | None
    strays: int
    repro: str


@dataclass(frozen=True)
class RunEnd:
    verdicts: Mapping[str, int]
    exit_code: int
    complete: bool
    duration_ms: float


@dataclass(frozen=True)
class Requirement:
    """A row of the catalogue that the run was made with, whether it has cases or not."""

    id: str
    area: str
    claim: str
    strength: str
    invariant: str | None  # open rows: what must hold all the same
    source: str
    profiles: tuple[str, ...]
    causes: str | None
    uncovered: str | None  # why it has no case


@dataclass(frozen=True)
class ListedCase:
    """A case that the worker has, whether it is in the plan or not."""

    id: str
    requirement: str
    title: str
    file: str
    layout: str
    traits: tuple[str, ...]


@dataclass(frozen=True)
class Transition:
    """A step, or an outcome of an open choice, that the model can count."""

    name: str
    requirement: str
    open: bool


@dataclass(frozen=True)
class Source:
    """What of a source file of the library can be reached: compiled into it with counters."""

    file: str  # below `directory`
    directory: str
    lines: tuple[int, ...]
    functions: tuple[tuple[str, int], ...]  # name, first line
    branches: tuple[tuple[int, int], ...]  # line, number of ways


@dataclass(frozen=True)
class Coverage:
    """What one execution of a case reached of a source file. All counts are positive."""

    case: str
    rep: int
    file: str
    lines: tuple[tuple[int, int], ...]  # line, times
    functions: tuple[tuple[str, int], ...]  # name, times
    branches: tuple[tuple[int, tuple[int, ...]], ...]  # line that was reached, times of each way


class Check(NamedTuple):
    case: str
    rep: int
    ok: bool
    kind: str
    text: str
    expected: str | None
    observed: str | None
    at: At | None
    how: str | None  # of a claim about waiting: how rest was known


@dataclass(frozen=True)
class Observe:
    case: str
    rep: int
    what: str
    seen: str


@dataclass(frozen=True)
class Stage:
    case: str
    rep: int
    actor: str
    state: str
    how: str


@dataclass(frozen=True)
class Complete:
    """The worker's own last word. The verdict of the case is in `CaseEnd`."""

    case: str
    rep: int
    verdict: str
    reason: str


class Step(NamedTuple):
    """Something that was done in a case: one of STEPS, with the members of its line."""

    kind: str
    case: str
    rep: int
    members: Mapping[str, object]


@dataclass(frozen=True)
class Damage:
    """A line, or a member of a line, that cannot be used."""

    line: int
    text: str


Event = Union[
    RunStart,
    CaseStart,
    CaseEnd,
    RunEnd,
    Requirement,
    ListedCase,
    Transition,
    Source,
    Coverage,
    Check,
    Observe,
    Stage,
    Complete,
    Step,
    Damage,
]


def clean(text: str) -> str:
    """The text without surrogates: bytes that were no UTF-8 as \\xNN, others as \\uNNNN."""
    return text if text.isascii() else _SURROGATE.sub(_visible, text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _visible(surrogate: re.Match[str]) -> str:
    code = ord(surrogate[0])
    if 0xDC80 <= code <= 0xDCFF:  # how surrogateescape carries a byte
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}"


def _is_row(row: object, kinds: tuple[type, ...]) -> bool:
    """Counts are not negative, and true is no number."""
    return (
        isinstance(row, list)
        and len(row) == len(kinds)
        and all(_is_member(item, kind) for item, kind in zip(row, kinds))
    )


def _is_member(item: object, kind: type) -> bool:
    if kind is list:
        return isinstance(item, list) and all(_is_member(count, int) for count in item)
    return type(item) is kind and (kind is not int or cast(int, item) >= 0)


def _member(item: object) -> object:
    return tuple(item) if isinstance(item, list) else clean(item) if type(item) is str else item


class _Members:
    """The members of one line. Each getter notes a member that is missing or of another type.

    A member that is absent takes its default without a word, unless it has none.
    """

    def __init__(self, content: Mapping[str, object], complaints: list[str]) -> None:
        self._content = content
        self._complaints = complaints
        self.usable = True

    def _wrong(self, name: str, expected: str, needed: bool) -> None:
        self._complaints.append(f"{name} is not {expected}")
        self.usable = self.usable and not needed

    def text(self, name: str, default: str | None = "") -> str:
        """A string; needed when the default is None."""
        value = self._content.get(name, default)
        if isinstance(value, str):
            return clean(value)
        self._wrong(name, "a string", default is None)
        return ""

    def text_or_none(self, name: str) -> str | None:
        value = self._content.get(name)
        if value is None or isinstance(value, str):
            return None if value is None else clean(value)
        self._wrong(name, "a string or null", False)
        return None

    def number(self, name: str, default: float = 0) -> float:
        value = self._content.get(name, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _sane(value):
            return value
        self._wrong(name, "a number", False)
        return default

    def count(self, name: str, default: int | None = 0) -> int:
        """A whole number, not negative; needed when the default is None."""
        value = self._content.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._wrong(name, "a whole number", default is None)
        return default or 0

    def number_or_none(self, name: str) -> int | None:
        value = self._content.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._wrong(name, "a whole number or null", False)
        return None

    def flag(self, name: str, default: bool | None = False) -> bool:
        """true or false; needed when the default is None."""
        value = self._content.get(name, default)
        if isinstance(value, bool):
            return value
        self._wrong(name, "true or false", default is None)
        return False

    def table(self, name: str) -> Mapping[str, object]:
        value = self._content.get(name, {})
        if isinstance(value, dict):
            return value
        self._wrong(name, "an object", False)
        return {}

    def table_or_none(self, name: str) -> Mapping[str, object] | None:
        return None if self._content.get(name) is None else self.table(name)

    def texts(self, name: str, needed: bool = False) -> tuple[str, ...]:
        value = self._content.get(name, None if needed else [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(clean(item) for item in value)
        self._wrong(name, "a list of strings", needed)
        return ()

    def counts(self, name: str) -> tuple[int, ...]:
        value = self._content.get(name)
        if _is_member(value, list):
            return tuple(cast("list[int]", value))
        self._wrong(name, "a list of whole numbers", True)
        return ()

    def rows(self, name: str, *kinds: type) -> tuple[tuple[object, ...], ...]:
        """A list of lists, each with members of these types; `list` stands for a list of counts."""
        value = self._content.get(name)
        if isinstance(value, list) and all(_is_row(row, kinds) for row in value):
            return tuple(tuple(_member(item) for item in row) for row in value)
        self._wrong(name, "a list of rows", True)
        return ()

    def capabilities(self, name: str) -> Capabilities:
        value = _Members(self.table(name), self._complaints)
        nothing = value._content.get("claimed") is None
        return Capabilities(None if nothing else value.texts("claimed"), value.texts("present"))

    def any_text(self, name: str) -> str:
        """A string, or a number as a string."""
        value = self._content.get(name, "")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(name)

    def at(self, name: str) -> At | None:
        """A member {file, line}."""
        value = self.table_or_none(name)
        return None if value is None else _at(_Members(value, self._complaints))

    def own_at(self) -> At | None:
        """The members file and line of this line itself."""
        return _at(self)


def _sane(value: float) -> bool:
    return abs(value) < 1e300  # neither infinite nor NaN


def _at(members: _Members) -> At | None:
    file = members.text_or_none("file")
    return None if file is None else At(file, members.count("line"))


def _run_start(m: _Members) -> Event:
    return RunStart(
        version=m.count("version", None),
        suite=m.text("suite"),
        profile=m.text("profile"),
        extent=m.text("extent", "standard"),
        sut=m.table("sut"),
        adapter=m.table_or_none("adapter"),
        seed=m.any_text("seed"),
        jobs=m.count("jobs", 1),
        repeat=m.count("repeat", 1),
        shuffle=m.flag("shuffle"),
        timeout_factor=m.number("timeout_factor", 1),
        strict=m.flag("strict"),
        machine=m.table("machine"),
        planned=m.texts("planned", needed=True),
        missing_optional=m.texts("missing_optional"),
        capabilities=m.capabilities("capabilities"),
        time_utc=m.text("time_utc"),
        digests=m.table("digests"),
    )


def _case_start(m: _Members) -> Event:
    return CaseStart(
        case=m.text("case", None),
        rep=m.count("rep", None),
        index=m.count("index"),
        requirement=m.text("requirement"),
        strength=m.text("strength"),
        claim=m.text("claim"),
        title=m.text("title"),
        file=m.text("file"),
        layout=m.text("layout"),
        suspect=m.text_or_none("suspect"),
    )


def _case_end(m: _Members) -> Event:
    return CaseEnd(
        case=m.text("case", None),
        rep=m.count("rep", None),
        verdict=m.text("verdict", None),
        reason=m.text("reason"),
        expected=m.text_or_none("expected"),
        observed=m.text_or_none("observed"),
        at=m.at("at"),
        checks=m.count("checks"),
        duration_ms=m.number("duration_ms"),
        signal=m.text_or_none("signal"),
        exit_code=m.number_or_none("exit_code"),
        output_bytes=m.count("output_bytes"),
        output=m.text_or_none("output"),
        strays=m.count("strays"),
        repro=m.text("repro"),
    )


def _run_end(m: _Members) -> Event:
    verdicts = {
        clean(word): count
        for word, count in m.table("verdicts").items()
        if isinstance(count, int) and not isinstance(count, bool)
    }
    return RunEnd(
        verdicts=verdicts,
        exit_code=m.count("exit_code"),
        complete=m.flag("complete", None),
        duration_ms=m.number("duration_ms"),
    )


def _requirement(m: _Members) -> Event:
    return Requirement(
        id=m.text("id", None),
        area=m.text("area"),
        claim=m.text("claim"),
        strength=m.text("strength"),
        invariant=m.text_or_none("invariant"),
        source=m.text("source"),
        profiles=m.texts("profiles"),
        causes=m.text_or_none("causes"),
        uncovered=m.text_or_none("uncovered"),
    )


def _listed_case(m: _Members) -> Event:
    return ListedCase(
        id=m.text("id", None),
        requirement=m.text("requirement"),
        title=m.text("title"),
        file=m.text("file"),
        layout=m.text("layout"),
        traits=m.texts("traits"),
    )


def _transition(m: _Members) -> Event:
    return Transition(
        name=m.text("name", None), requirement=m.text("requirement"), open=m.flag("open")
    )


def _source(m: _Members) -> Event:
    return Source(
        file=m.text("file", None),
        directory=m.text("directory", None),
        lines=m.counts("lines"),
        functions=cast("tuple[tuple[str, int], ...]", m.rows("functions", str, int)),
        branches=cast("tuple[tuple[int, int], ...]", m.rows("branches", int, int)),
    )


def _coverage(m: _Members) -> Event:
    return Coverage(
        case=m.text("case", None),
        rep=m.count("rep", None),
        file=m.text("file", None),
        lines=cast("tuple[tuple[int, int], ...]", m.rows("lines", int, int)),
        functions=cast("tuple[tuple[str, int], ...]", m.rows("functions", str, int)),
        branches=cast("tuple[tuple[int, tuple[int, ...]], ...]", m.rows("branches", int, list)),
    )


def _check(m: _Members) -> Event:
    return Check(
        case=m.text("case", None),
        rep=m.count("rep", None),
        ok=m.flag("ok", None),
        kind=m.text("kind"),
        text=m.text("text"),
        expected=m.text_or_none("expected"),
        observed=m.text_or_none("observed"),
        at=m.own_at(),
        how=m.text_or_none("how"),
    )


def _observe(m: _Members) -> Event:
    return Observe(
        case=m.text("case", None),
        rep=m.count("rep", None),
        what=m.text("what"),
        seen=m.text("seen"),
    )


def _stage(m: _Members) -> Event:
    return Stage(
        case=m.text("case", None),
        rep=m.count("rep", None),
        actor=m.text("actor"),
        state=m.text("state"),
        how=m.text("how"),
    )


def _complete(m: _Members) -> Event:
    return Complete(
        case=m.text("case", None),
        rep=m.count("rep", None),
        verdict=m.text("verdict"),
        reason=m.text("reason"),
    )


_BUILDERS: Mapping[str, Callable[[_Members], Event]] = {
    "run_start": _run_start,
    "case_start": _case_start,
    "case_end": _case_end,
    "run_end": _run_end,
    "requirement": _requirement,
    "listed_case": _listed_case,
    "transition": _transition,
    "source": _source,
    "coverage": _coverage,
    "check": _check,
    "observe": _observe,
    "stage": _stage,
    "complete": _complete,
}


_STEP_NAMES = frozenset(STEPS)


def _events_of(number: int, content: Mapping[str, object]) -> Iterator[Event]:
    """The event of one line, and before it what is wrong with it."""
    name = content.get("event")
    if not isinstance(name, str):
        yield Damage(number, "event is not a string")
        return
    if name in _STEP_NAMES:
        case, rep = content.get("case"), content.get("rep")
        if type(case) is str and type(rep) is int and rep >= 0 and case.isascii():
            yield Step(name, case, rep, content)  # nine of ten lines of a long log
            return
    complaints: list[str] = []
    members = _Members(content, complaints)
    event: Event | None = None
    if name in _STEP_NAMES:
        event = Step(name, members.text("case", None), members.count("rep", None), content)
    elif name in _BUILDERS:
        event = _BUILDERS[name](members)
    for complaint in complaints:
        yield Damage(number, f"{name}: {complaint}")
    if event is not None and members.usable:
        yield event


_DECODER = json.JSONDecoder(strict=False)


_TOGETHER = 1000  # lines parsed at once


def _parse(line: bytes) -> object:
    """The JSON value of a line; ValueError or RecursionError when it is none."""
    return _DECODER.decode(line.decode("utf-8", errors="surrogateescape"))


def read(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of a log, in order. `lines` end with a line feed, except perhaps the last."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    while some := list(islice(numbered, _TOGETHER)):
        values = parse_together(_DECODER, [line for _, line in some])
        if values is None:
            yield from _one_by_one(some)
        else:
            for (number, _), value in zip(some, values):
                yield from _events_of_value(number, value)


def _one_by_one(numbered: Iterable[tuple[int, bytes]]) -> Iterator[Event]:
    for number, line in numbered:
        try:
            value = _parse(line)
        except (ValueError, RecursionError):
            cut = not line.endswith(b"\n")
            yield Damage(number, "the last line is cut" if cut else "not JSON")
            continue
        yield from _events_of_value(number, value)


def _events_of_value(number: int, value: object) -> Iterator[Event]:
    if isinstance(value, dict):
        yield from _events_of(number, value)
    else:
        yield Damage(number, "not a JSON object")


def read_records(records: Iterable[Mapping[str, object]]) -> Iterator[Event]:
    """The same of a log whose lines somebody has parsed, each a record."""
    for number, record in enumerate(records, start=1):
        yield from _events_of(number, record)
