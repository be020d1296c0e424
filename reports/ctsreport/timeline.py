# SPDX-License-Identifier: Apache-2.0
"""What happened in one execution of a case, in the order of the stamps.

The log has its lines in the order in which they became known; each returned call carries two
stamps of one counter, taken before and after it. `moments` sorts calls by their stamps, and
everything without a stamp behind what was known when it was written. `lanes` says, for each moment,
what every actor was doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ctsreport import events, results

SET = "KnIpcSetInterrupt"
CLEAR = "KnIpcClearInterrupt"
SENDING = ("Call", "CallEx")
RECEIVING = ("Recv", "RecvEx")


@dataclass(frozen=True)
class Call:
    """One call of an actor; `result` is None when it never returned."""

    op: int
    actor: str
    name: str
    members: Mapping[str, object]
    result: Mapping[str, object] | None

    @cached_property
    def rc(self) -> str | None:
        return None if self.result is None else text_of(self.result, "rc") or "?"


class Moment(NamedTuple):  # a log has hundreds of thousands, and these are made quickly
    """One thing that happened. `kind`: begin, end, whole (begin and end without anything between
    them), check, observe, or a step of the log (settle, freeze, thaw, process_end, advance)."""

    kind: str
    stamp: int | None
    call: Call | None = None
    check: events.Check | None = None
    observe: events.Observe | None = None
    members: Mapping[str, object] | None = None
    torn_down: bool = False  # after the judgement: the fixture puts away what the case used


@dataclass(frozen=True)
class Actor:
    name: str
    process: str


def text_of(members: Mapping[str, object], name: str) -> str | None:
    """A member as text; None when it is absent or null."""
    value = members.get(name)
    if type(value) is str and value.isascii():  # nearly always
        return value
    if value is None or isinstance(value, (dict, list)):
        return None
    return events.clean(value) if isinstance(value, str) else str(value)


def number_of(members: Mapping[str, object], name: str) -> int | None:
    value = members.get(name)
    return value if type(value) is int else None


def actors(repetition: results.Repetition) -> tuple[Actor, ...]:
    """Those that made calls, in the order in which they appeared."""
    processes: dict[str, str] = {}
    busy: set[str] = set()
    for event in repetition.history:
        if isinstance(event, events.Step) and event.kind in ("actor", "invoke"):
            name = text_of(event.members, "actor") or "?"
            processes.setdefault(name, text_of(event.members, "process") or "")
            if event.kind == "invoke":
                busy.add(name)
    return tuple(Actor(name, process) for name, process in processes.items() if name in busy)


def _returns(history: Sequence[events.Event]) -> dict[int, Mapping[str, object]]:
    found: dict[int, Mapping[str, object]] = {}
    for event in history:
        if isinstance(event, events.Step) and event.kind == "return":
            op = number_of(event.members, "op")
            if op is not None:
                found.setdefault(op, event.members)
    return found


# Between a moment and its stamp: what is known later comes later.
_Placed = tuple[tuple[float, int], Moment]


def _judges(event: events.Event) -> bool:
    """Does the worker judge the history here, so that what follows is putting away?"""
    law = isinstance(event, events.Check) and event.kind == "law"
    return law or (isinstance(event, events.Step) and event.kind == "model")


def _placed(history: Sequence[events.Event]) -> Iterator[_Placed]:
    returns = _returns(history)
    calls: dict[int, Call] = {}
    latest = 0  # stamp of what is known
    over = False
    for index, event in enumerate(history):
        if isinstance(event, events.Check):
            yield (latest + 0.5, index), Moment("check", None, check=event, torn_down=over)
        elif isinstance(event, events.Observe):
            yield (latest + 0.5, index), Moment("observe", None, observe=event, torn_down=over)
        elif isinstance(event, events.Step) and event.kind == "invoke":
            op = number_of(event.members, "op") or 0
            calls[op] = call = Call(
                op,
                text_of(event.members, "actor") or "?",
                text_of(event.members, "call") or "?",
                event.members,
                returns.get(op),
            )
            stamp = number_of(call.result, "seq_invoke") if call.result is not None else None
            latest = max(latest, stamp or 0)
            place = float(stamp) if stamp is not None else latest + 0.5
            yield (place, index), Moment("begin", stamp, call=call, torn_down=over)
        elif isinstance(event, events.Step) and event.kind == "return":
            known = calls.get(number_of(event.members, "op") or 0)
            stamp = number_of(event.members, "seq_return")
            latest = max(latest, stamp or 0)
            if known is not None:
                place = float(stamp) if stamp is not None else latest + 0.5
                yield (place, index), Moment("end", stamp, call=known, torn_down=over)
        elif isinstance(event, events.Step) and event.kind in (
            "settle", "freeze", "thaw", "process_end", "advance",
        ):  # fmt: skip
            moment = Moment(event.kind, None, members=event.members, torn_down=over)
            yield (latest + 0.5, index), moment
        over = over or _judges(event)


def moments(repetition: results.Repetition) -> list[Moment]:
    """Everything that happened, in order. A call with nothing in between is one moment."""
    ordered = [moment for _, moment in sorted(_placed(repetition.history), key=lambda p: p[0])]
    joined: list[Moment] = []
    for moment in ordered:
        last = joined[-1] if joined else None
        if (
            moment.kind == "end"
            and last is not None
            and last.kind == "begin"
            and last.call is moment.call
        ):
            joined[-1] = Moment("whole", last.stamp, call=moment.call, torn_down=last.torn_down)
        else:
            joined.append(moment)
    return joined


# What an actor is doing.
IDLE, ENTERED, BLOCKED, TAKEN, FROZEN = "idle", "entered", "blocked", "taken", "frozen"


class _Doing:
    def __init__(self) -> None:
        self.current: dict[str, Call] = {}
        self.state: dict[str, str] = {}
        self.frozen: set[str] = set()

    def now(self, actor: str) -> str:
        if actor in self.frozen and actor in self.current:
            return FROZEN
        return self.state.get(actor, IDLE)

    def begin(self, call: Call) -> None:
        self.current[call.actor] = call
        self.state[call.actor] = ENTERED

    def end(self, call: Call) -> None:
        self.current.pop(call.actor, None)
        self.state[call.actor] = IDLE
        if call.name in RECEIVING and call.rc == "rcOk" and call.result is not None:
            self._take(number_of(call.result, "received"))

    def _take(self, request: int | None) -> None:
        for actor, call in self.current.items():
            sent = number_of(call.members, "request")
            if call.name in SENDING and request is not None and sent == request:
                self.state[actor] = TAKEN

    def settle(self) -> None:
        for actor in self.current:
            if self.state.get(actor) == ENTERED:
                self.state[actor] = BLOCKED


def lanes(found: Sequence[Moment]) -> Iterator[dict[str, str]]:
    """For each moment what every busy actor is doing after it; who is missing is idle."""
    doing = _Doing()
    for moment in found:
        if moment.call is not None:
            if moment.kind in ("begin", "whole"):
                doing.begin(moment.call)
            if moment.kind in ("end", "whole"):
                doing.end(moment.call)
        elif moment.kind == "settle" and text_of(moment.members or {}, "how") != "weak":
            doing.settle()
        elif moment.kind == "freeze":
            doing.frozen.add(text_of(moment.members or {}, "actor") or "?")
        elif moment.kind == "thaw":
            doing.frozen.discard(text_of(moment.members or {}, "actor") or "?")
        yield {actor: doing.now(actor) for actor in doing.current}
