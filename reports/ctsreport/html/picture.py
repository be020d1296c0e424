# SPDX-License-Identifier: Apache-2.0
"""One execution of a case as a picture and as steps in words, row by row.

Time runs downwards. Every actor has a lane; so has every sync object. A row is one moment of
`ctsreport.timeline`; rows that say nothing new are left out, and of a long case only the beginning
and what leads to the end are kept. Colours only repeat what shapes say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ctsreport import events, results, timeline, words
from ctsreport.html.markup import esc
from ctsreport.timeline import CLEAR, RECEIVING, SENDING, SET, Call, Moment, number_of, text_of

ROWS_MAX = 60
ROWS_FIRST = 16  # of them at the beginning, when there are too many
ROWS_AFTER = 4  # after the step that failed
PASSED_ROWS_MAX = 40  # of a case that did not fail
ACTORS_MAX = 14
OBJECTS_MAX = 6
EVENTS_MAX = 600  # of a longer history the beginning and the end are looked at
EVENTS_FIRST = 200
PASSED_EVENTS_MAX = 240  # of a case that did not fail, the beginning
LABEL_MAX = 15

ROW = 26
HEAD = 46
GUTTER = 30
WIDE = 590
NO_SYNC = (None, "0xffffffff")
ENDED = {"rcOk": "ok", "rcIpcInterrupt": "int", "rcTimeout": "time"}


@dataclass(frozen=True)
class Bar:
    """One call with a begin and an end in different rows. Rows are indices of `Story.rows`."""

    call: Call
    begin: int
    end: int | None  # None: it did not return
    taken: int | None  # when a server got its request
    frozen: tuple[tuple[int, int | None], ...]

    @property
    def interruptible(self) -> bool:
        waits = self.call.name in SENDING or self.call.name in RECEIVING
        return waits and text_of(self.call.members, "sync") not in NO_SYNC


@dataclass(frozen=True)
class Row:
    """One line of the picture. A row without a moment stands for `left_out` others."""

    number: int
    moment: Moment | None
    left_out: int = 0


@dataclass
class Flag:
    """The life of a sync object: rows and what it then is ("clear", "set", "gone")."""

    name: str
    changes: list[tuple[int, str]] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------
# What is shown.


def _cut(history: Sequence[events.Event], failed: bool) -> tuple[Sequence[events.Event], int]:
    """The history, or what is looked at of it, and how many events are not."""
    if not failed and len(history) > PASSED_EVENTS_MAX:
        return history[:PASSED_EVENTS_MAX], len(history) - PASSED_EVENTS_MAX
    if len(history) <= EVENTS_MAX:
        return history, 0
    last = EVENTS_MAX - EVENTS_FIRST
    return [*history[:EVENTS_FIRST], *history[-last:]], len(history) - EVENTS_MAX


def failing_check(repetition: results.Repetition) -> events.Check | None:
    """The claim that decided: the last that did not hold."""
    if not results.is_failure(repetition.verdict) and repetition.verdict != results.NO_VERDICT:
        return None
    return next((check for check in reversed(repetition.checks) if not check.ok), None)


def _says_nothing_new(moment: Moment) -> bool:
    check = moment.check
    if check is None:
        return moment.torn_down
    if not check.ok:
        return False
    # The return that it is about stands in a row of its own.
    repeats = check.text.endswith(" returns") or check.kind in ("require", "law", "model")
    return repeats or moment.torn_down


def _without_repeats(moments: Iterable[Moment]) -> Iterator[Moment]:
    """Of several looks that found everybody at rest, without anything in between, the first."""
    last = ""
    for moment in moments:
        if moment.kind != "settle" or last != "settle":
            yield moment
        last = moment.kind


class Story:
    """The rows of one execution, and where in them calls begin, wait and end."""

    def __init__(self, repetition: results.Repetition) -> None:
        self.is_failure = repetition.verdict not in ("PASS", "OBSERVED", "SKIP")
        history, self.events_left_out = _cut(repetition.history, self.is_failure)
        cut = results.Repetition(
            repetition.rep, repetition.end, repetition.checks, repetition.observed,
            repetition.stages, tuple(history),
        )  # fmt: skip
        self.history = history
        self.failed = failing_check(repetition)
        self.actors = timeline.actors(cut)
        moments = timeline.moments(cut)
        shown = list(_without_repeats(m for m in moments if not _says_nothing_new(m)))
        self.put_away = sum(1 for moment in moments if moment.torn_down and moment.call)
        self.moments = shown
        self.rows = self._chosen(shown)

    def _chosen(self, shown: Sequence[Moment]) -> list[Row]:
        """All, or the beginning and what leads to the decision."""
        count = len(shown)
        most = ROWS_MAX if self.is_failure else PASSED_ROWS_MAX
        rows = [Row(number, moment) for number, moment in enumerate(shown, start=1)]
        if count <= most:
            return rows
        decided = next((i for i, m in enumerate(shown) if m.check and m.check is self.failed), None)
        stop = count if decided is None else min(count, decided + 1 + ROWS_AFTER)
        begin = max(ROWS_FIRST, stop - (most - ROWS_FIRST))
        kept = [*rows[:ROWS_FIRST]]
        if begin > ROWS_FIRST:
            kept.append(Row(0, None, begin - ROWS_FIRST))
        kept.extend(rows[begin:stop])
        if stop < count:
            kept.append(Row(0, None, count - stop))
        return kept

    @cached_property
    def lines(self) -> dict[int, int]:
        """Moment number to line of the picture; what is left out is in the line of its gap."""
        places: dict[int, int] = {}
        number = 0
        for line, row in enumerate(self.rows):
            for _ in range(row.left_out if row.moment is None else 1):
                number += 1
                places[number] = line
        return places

    @cached_property
    def bars(self) -> list[Bar]:
        begun: dict[int, int] = {}
        ended: dict[int, int] = {}
        taken: dict[int, int] = {}
        calls: dict[int, Call] = {}
        frozen: dict[str, list[tuple[int, int | None]]] = {}
        waiting: dict[int, int] = {}  # request number to op
        for number, moment in enumerate(self.moments, start=1):
            line = self.lines[number]
            call = moment.call
            if call is not None and moment.kind == "begin":
                begun[call.op] = line
                calls[call.op] = call
                request = number_of(call.members, "request")
                if call.name in SENDING and request is not None:
                    waiting[request] = call.op
            if call is not None and moment.kind in ("end", "whole"):
                if moment.kind == "end":
                    ended[call.op] = line
                received = number_of(call.result or {}, "received")
                if call.name in RECEIVING and received in waiting and call.rc == "rcOk":
                    op = waiting[received]
                    if op not in ended:
                        taken.setdefault(op, line)
            actor = text_of(moment.members or {}, "actor") or "?"
            if moment.kind == "freeze":
                frozen.setdefault(actor, []).append((line, None))
            elif moment.kind == "thaw" and frozen.get(actor):
                frozen[actor][-1] = (frozen[actor][-1][0], line)
        return [
            Bar(
                call,
                begun[op],
                ended.get(op),
                taken.get(op),
                tuple(
                    (start, stop)
                    for start, stop in frozen.get(call.actor, ())
                    if start >= begun[op] and start <= ended.get(op, len(self.rows))
                ),
            )
            for op, call in calls.items()
        ]

    @cached_property
    def culprit(self) -> int | None:
        """The op that the failed check is about."""
        if self.failed is None:
            return None
        found = None
        for moment in self.moments:
            if moment.check is not None and moment.check is self.failed:
                break
            call = moment.call
            if call is not None and self.failed.text.startswith(f"{call.name} of {call.actor} "):
                found = call.op
        return found

    @cached_property
    def failed_line(self) -> int | None:
        if self.failed is None:
            return None
        return next(
            (
                line
                for line, row in enumerate(self.rows)
                if row.moment is not None and row.moment.check is self.failed
            ),
            None,
        )

    def returns_wrong(self, moment: Moment) -> bool:
        """Is this the return that the failed check is about?"""
        call = moment.call
        return (
            call is not None
            and moment.kind in ("end", "whole")
            and call.op == self.culprit
            and self.failed is not None
            and self.failed.observed == call.rc
        )

    @cached_property
    def flags(self) -> list[Flag]:
        """The sync objects, without those whose flag can change by itself."""
        made = self._objects()
        flags = {name: Flag(name) for name in made}
        for number, moment in enumerate(self.moments, start=1):
            call = moment.call
            if call is None or moment.kind not in ("end", "whole") or call.rc != "rcOk":
                continue
            line = self.lines[number]
            for name, op in made.items():
                if op == call.op:
                    flags[name].changes.append((line, "clear"))
            about = text_of(call.members, "object")
            state = {SET: "set", CLEAR: "clear", "KnHandleClose": "gone"}.get(call.name)
            if state is not None and about in flags:
                flags[about].changes.append((line, state))
        return [flag for flag in flags.values() if flag.changes][:OBJECTS_MAX]

    def _objects(self) -> dict[str, int]:
        """Sync objects by name, with the op that made each; 0 when the log does not say."""
        made: dict[str, int] = {}
        by_themselves: set[str] = set()  # objects that may clear themselves
        op, call = 0, ""
        for event in self.history:
            if not isinstance(event, events.Step):
                continue
            members = event.members
            if event.kind == "invoke":
                op, call = number_of(members, "op") or 0, text_of(members, "call") or ""
                about = text_of(members, "object") if call in (SET, CLEAR) else None
                for name in (about, text_of(members, "sync_object")):
                    if name is not None:
                        made.setdefault(name, 0)
            elif event.kind == "object" and text_of(members, "kind") == "sync":
                name = text_of(members, "object") or "?"
                made.setdefault(name, op)
                if call == "KnIpcCreateSyncObjectEx":
                    by_themselves.add(name)
        return {name: op for name, op in made.items() if name not in by_themselves}


# ---------------------------------------------------------------------------------------------
# Words.


def sentence(moment: Moment) -> str:
    """A moment as HTML."""
    call = moment.call
    if call is not None:
        actor = f"<b>{esc(call.actor, 60)}</b>"
        if moment.kind == "begin":
            return f"{actor} {esc(words.begin(call), 300)}"
        result = _result(call)
        if moment.kind == "end":
            return f"{actor} {esc(call.name, 60)} returns {result}"
        return f"{actor} {esc(words.begin(call), 300)}: {result}"
    if moment.check is not None:
        return _claim(moment.check)
    if moment.observe is not None:
        seen = moment.observe
        return f"observed: {esc(seen.what, 300)}: <code>{esc(seen.seen, 300)}</code>"
    how = text_of(moment.members or {}, "how") or "?"
    if moment.kind == "settle" and how != "weak":
        return f"no thread can go on by itself (known by {esc(how, 40)})"
    return esc(words.step(moment.kind, moment.members or {}), 300)


def _result(call: Call) -> str:
    text = words.result(call)
    code, _, more = text.partition(",")
    return f"<code>{esc(code, 80)}</code>{esc(',' + more, 300) if more else ''}"


def _claim(check: events.Check) -> str:
    if check.ok:
        return f'<span class="held">{esc(words.claim(check), 300)}</span>'
    return (
        f"expected <code>{esc(check.expected or '-', 200)}</code>, "
        f"seen <code>{esc(check.observed or '-', 200)}</code>: {esc(check.text, 300)}"
    )


def steps(story: Story) -> Iterator[str]:
    """The rows in words: one <li> each, in the order of the picture."""
    for row in story.rows:
        if row.moment is None:
            yield f'<li class="gap"><i></i><span>{row.left_out:,} steps are left out</span></li>'
            continue
        moment = row.moment
        name = _row_class(story, moment)
        note = ' <em class="here">not as expected</em>' if story.returns_wrong(moment) else ""
        yield f"<li{name}><i>{row.number}</i><span>{sentence(moment)}{note}</span></li>"


def _row_class(story: Story, moment: Moment) -> str:
    if moment.check is not None and not moment.check.ok:
        return ' class="bad"'
    if story.returns_wrong(moment):
        return ' class="wrong"'
    return ""


# ---------------------------------------------------------------------------------------------
# The picture.


@dataclass(frozen=True)
class Geometry:
    """Where lanes stand."""

    actors: Mapping[str, int]
    objects: Mapping[str, int]
    lane: int
    width: int
    height: int

    @property
    def labelled(self) -> bool:
        return self.lane >= 100


def _geometry(story: Story) -> Geometry:
    names = [actor.name for actor in story.actors[:ACTORS_MAX]]
    lane = 112 if len(names) <= 4 else 76 if len(names) <= 6 else 48
    actors = {name: GUTTER + index * lane + 14 for index, name in enumerate(names)}
    left = GUTTER + len(names) * lane
    narrow = 58 if lane > 48 else 44
    objects = {flag.name: left + index * narrow + 14 for index, flag in enumerate(story.flags)}
    width = left + len(objects) * narrow + 4
    return Geometry(actors, objects, lane, width, HEAD + len(story.rows) * ROW + 8)


def _y(line: int) -> int:
    return HEAD + line * ROW + ROW // 2


def _fits(name: str, width: int) -> str:
    room = max(3, int(width / 7.6) - 1)
    return name if len(name) <= room else name[: room - 1] + "…"


def _heads(story: Story, geometry: Geometry) -> Iterator[str]:
    processes = {actor.process for actor in story.actors}
    for actor in story.actors[:ACTORS_MAX]:
        x = geometry.actors[actor.name]
        yield (
            f'<text class="lane" x="{x - 8}" y="18">{esc(_fits(actor.name, geometry.lane))}'
            f"<title>{esc(actor.name, 80)}</title></text>"
        )
        if len(processes) > 1 and actor.process:
            yield (
                f'<text class="sub" x="{x - 8}" y="32">'
                f"{esc(_fits(actor.process, geometry.lane))}</text>"
            )
        yield f'<path class="rail" d="M{x} {HEAD - 8}V{geometry.height - 4}"/>'
    for name, x in geometry.objects.items():
        yield (
            f'<text class="lane" x="{x - 8}" y="18">{esc(_fits(name, 52))}</text>'
            f'<text class="sub" x="{x - 8}" y="32">flag</text>'
        )


def _windows(story: Story, geometry: Geometry) -> Iterator[str]:
    """Where Set may take effect: a call that waits, with a sync object, before it is taken."""
    for bar in story.bars:
        x = geometry.actors.get(bar.call.actor)
        if x is None or not bar.interruptible:
            continue
        top = _y(bar.begin)
        bottom = _end_y(story, bar.taken if bar.taken is not None else bar.end)
        wide = geometry.lane - 6
        yield f'<rect class="win" x="{x - 12}" y="{top}" width="{wide}" height="{bottom - top}"/>'


def _end_y(story: Story, line: int | None) -> int:
    return _y(line) if line is not None else _y(len(story.rows)) - ROW // 2


def _cap(x: int, y: int, code: str | None) -> str:
    kind = ENDED.get(code or "", "err")
    if kind == "ok":
        return f'<circle class="cap ok" cx="{x}" cy="{y}" r="5"/>'
    if kind == "int":
        return (
            f'<circle class="cap int" cx="{x}" cy="{y}" r="7"/>'
            f'<path class="cross" d="M{x - 3} {y - 3}l6 6m0-6l-6 6"/>'
        )
    if kind == "time":
        return (
            f'<circle class="cap time" cx="{x}" cy="{y}" r="6"/>'
            f'<path class="hand" d="M{x} {y - 4}V{y}H{x + 3}"/>'
        )
    return f'<path class="cap err" d="M{x} {y - 6}l6 6l-6 6l-6-6z"/>'


def _mark(call: Call, x: int, y: int) -> str:
    """A call without a wait."""
    if call.name == SET:
        return f'<path class="mark set" d="M{x} {y - 7}l8 13h-16z"/>'
    if call.name == CLEAR:
        return f'<path class="mark clear" d="M{x} {y + 7}l8-13h-16z"/>'
    if call.name == "KnHandleClose":
        return (
            f'<rect class="mark close" x="{x - 6}" y="{y - 6}" width="12" height="12"/>'
            f'<path class="cross" d="M{x - 4} {y - 4}l8 8m0-8l-8 8"/>'
        )
    return _cap(x, y, call.rc)


_BRIEF = {
    SET: "Set",
    CLEAR: "Clear",
    "KnHandleClose": "Close",
    "KnIpcCreateSyncObject": "Create",
    "KnIpcCreateSyncObjectEx": "Create",
    "KnHandleConnect": "Connect",
    "KnHandleCopy": "Copy",
}


def _brief(call: Call) -> str:
    name = _BRIEF.get(call.name, call.name)
    request = number_of(call.members, "request")
    if request is not None and call.name in SENDING:
        return f"{name} {request}"
    return name if len(name) <= LABEL_MAX else name[: LABEL_MAX - 1] + "…"


def _label(geometry: Geometry, x: int, y: int, text: str, name: str = "tag") -> str:
    if not geometry.labelled:
        return ""
    return f'<text class="{name}" x="{x + 12}" y="{y + 4}">{esc(text, 40)}</text>'


def _bar(story: Story, geometry: Geometry, bar: Bar) -> Iterator[str]:
    x = geometry.actors.get(bar.call.actor)
    if x is None:
        return
    top, bottom = _y(bar.begin), _end_y(story, bar.end)
    waits = _end_y(story, bar.taken) if bar.taken is not None else bottom
    yield f'<rect class="wait" x="{x - 6}" y="{top}" width="12" height="{waits - top}" rx="3"/>'
    if bar.taken is not None:
        yield f'<rect class="taken" x="{x - 6}" y="{waits}" width="12" height="{bottom - waits}"/>'
    for start, stop in bar.frozen:
        low = min(bottom, _end_y(story, stop))
        yield f'<rect class="ice" x="{x - 9}" y="{_y(start)}" width="18" height="{low - _y(start)}"/>'
    yield _label(geometry, x, top, _brief(bar.call))
    if bar.end is None:
        yield f'<path class="on" d="M{x - 5} {bottom - 4}l5 8l5-8"/>'
        if bar.call.op != story.culprit:
            yield _label(geometry, x, bottom - 8, "still in it", "tag still")
        return
    yield _cap(x, bottom, bar.call.rc)
    yield _label(geometry, x, bottom, bar.call.rc or "?", _code_class(bar.call))


def _code_class(call: Call) -> str:
    return "tag" if call.rc == "rcOk" else "tag code"


def _whole(geometry: Geometry, call: Call, line: int) -> Iterator[str]:
    x = geometry.actors.get(call.actor)
    if x is None:
        return
    y = _y(line)
    yield _mark(call, x, y)
    text = _brief(call) if call.rc == "rcOk" else call.rc or "?"
    yield _label(geometry, x, y, text, _code_class(call))


def _arrow(x1: int, x2: int, y: int) -> str:
    tip = 5 if x2 > x1 else -5
    start, stop = (x1 + 9, x2 - 9) if x2 > x1 else (x1 - 9, x2 + 9)
    return (
        f'<path class="hand-over" d="M{start} {y}H{stop}"/>'
        f'<path class="tip" d="M{stop} {y}l{-tip}-4v8z"/>'
    )


def _handovers(story: Story, geometry: Geometry) -> Iterator[str]:
    """A request that is received, and a reply that reaches its call."""
    sender = {
        number_of(m.call.members, "request"): m.call
        for m in story.moments
        if m.call is not None and m.kind in ("begin", "whole") and m.call.name in SENDING
    }
    for number, moment in enumerate(story.moments, start=1):
        call = moment.call
        if call is None or moment.kind not in ("end", "whole") or call.rc != "rcOk":
            continue
        here = geometry.actors.get(call.actor)
        if call.name in RECEIVING:
            other, incoming = sender.get(number_of(call.result or {}, "received")), True
        elif call.name == "Reply":
            other, incoming = sender.get(number_of(call.members, "request")), False
        else:
            continue
        there = geometry.actors.get(other.actor) if other is not None else None
        if here is None or there is None or here == there:
            continue
        y = _y(story.lines[number])
        yield _arrow(there, here, y) if incoming else _arrow(here, there, y)


def _flag_lanes(story: Story, geometry: Geometry) -> Iterator[str]:
    bottom = geometry.height - 4
    for flag in story.flags:
        x = geometry.objects[flag.name]
        stops = [*(_y(line) for line, _ in flag.changes[1:]), bottom]
        for (line, state), stop in zip(flag.changes, stops):
            top = _y(line)
            if state == "set":
                yield (
                    f'<rect class="flag" x="{x - 5}" y="{top}" width="10" '
                    f'height="{max(2, stop - top)}"/>'
                    f'<text class="tag" x="{x + 9}" y="{top + 4}">set</text>'
                )
            elif state == "clear":
                yield f'<path class="unset" d="M{x} {top}V{stop}"/>'
            else:
                yield f'<path class="cross" d="M{x - 4} {top - 4}l8 8m0-8l-8 8"/>'


def _flag_links(story: Story, geometry: Geometry) -> Iterator[str]:
    for number, moment in enumerate(story.moments, start=1):
        call = moment.call
        if call is None or call.name not in (SET, CLEAR) or moment.kind not in ("end", "whole"):
            continue
        here = geometry.actors.get(call.actor)
        there = geometry.objects.get(text_of(call.members, "object") or "")
        if here is not None and there is not None:
            yield f'<path class="link" d="M{here + 9} {_y(story.lines[number])}H{there - 6}"/>'


def _rows_behind(story: Story, geometry: Geometry) -> Iterator[str]:
    for line, row in enumerate(story.rows):
        y = HEAD + line * ROW
        if row.moment is None:
            yield f'<path class="gapline" d="M0 {y + 13}H{geometry.width}"/>'
            continue
        if row.moment.check is not None and not row.moment.check.ok:
            yield f'<rect class="badrow" x="0" y="{y + 1}" width="{geometry.width}" height="{ROW - 2}"/>'
        elif row.moment.kind == "settle":
            yield f'<path class="rest" d="M{GUTTER - 6} {y + 13}H{geometry.width}"/>'
        if line != story.failed_line:
            yield f'<text class="no" x="{GUTTER - 12}" y="{y + 17}">{row.number}</text>'


def _process_ends(story: Story, geometry: Geometry) -> Iterator[str]:
    for number, moment in enumerate(story.moments, start=1):
        if moment.kind != "process_end":
            continue
        y = _y(story.lines[number])
        name = text_of(moment.members or {}, "process")
        for actor in story.actors[:ACTORS_MAX]:
            if actor.process == name:
                x = geometry.actors[actor.name]
                yield (
                    f'<path class="gone" d="M{x} {y}V{geometry.height - 4}"/>'
                    f'<path class="dead" d="M{x - 7} {y - 7}l14 14m0-14l-14 14"/>'
                )


def _at_failure(story: Story, geometry: Geometry) -> Iterator[str]:
    """Expected against seen, in the lane of the call that the failed check is about."""
    if story.failed_line is None or story.failed is None:
        return
    y = _y(story.failed_line)
    yield f'<path class="badx" d="M8 {y - 5}l10 10m0-10l-10 10"/>'
    bar = next((b for b in story.bars if b.call.op == story.culprit), None)
    whole = next(
        (
            (m.call, story.lines[number])
            for number, m in enumerate(story.moments, start=1)
            if m.kind == "whole" and m.call is not None and m.call.op == story.culprit
        ),
        None,
    )
    call = bar.call if bar is not None else whole[0] if whole is not None else None
    x = geometry.actors.get(call.actor) if call is not None else None
    if x is None:
        return
    ended = bar.end if bar is not None else whole[1] if whole is not None else None
    expected = story.failed.expected or ""
    if expected == "still in the call" and ended is not None and _y(ended) < y:
        top = _y(ended) + 9
        yield f'<rect class="ghost" x="{x - 6}" y="{top}" width="12" height="{max(4, y - top)}"/>'
        yield _label(geometry, x, y, "expected: in it", "tag wanted")
    elif expected.startswith("rc") and bar is not None and bar.end is None:
        yield f'<circle class="ghost" cx="{x}" cy="{y}" r="8"/>'
        yield _label(geometry, x, y, expected, "tag wanted")
    elif ended is not None:
        yield f'<circle class="ghost" cx="{x}" cy="{_y(ended)}" r="10"/>'


def is_wide(story: Story) -> bool:
    """Does the picture leave too little room for the steps beside it?"""
    return _geometry(story).width > WIDE


def svg(story: Story, name: str) -> str:
    """The picture of a story; nothing when no actor did anything."""
    if not story.rows or not story.actors:
        return ""
    geometry = _geometry(story)
    parts = [
        *_windows(story, geometry),
        *_rows_behind(story, geometry),
        *_heads(story, geometry),
        *_flag_lanes(story, geometry),
        *_flag_links(story, geometry),
        *_handovers(story, geometry),
    ]
    for bar in story.bars:
        parts.extend(_bar(story, geometry, bar))
    for number, moment in enumerate(story.moments, start=1):
        row = story.rows[story.lines[number]]
        if moment.kind == "whole" and moment.call is not None and row.moment is not None:
            parts.extend(_whole(geometry, moment.call, story.lines[number]))
    parts.extend(_process_ends(story, geometry))
    parts.extend(_at_failure(story, geometry))
    return (
        f'<svg class="tl" role="img" aria-label="Timeline of {esc(name, 80)}; its steps are listed '
        f'beside it" viewBox="0 0 {geometry.width} {geometry.height}" width="{geometry.width}" '
        f'height="{geometry.height}">{"".join(parts)}</svg>'
    )
