# SPDX-License-Identifier: Apache-2.0
"""Calls, results and claims of a case in words."""

from __future__ import annotations

from collections.abc import Mapping

from ctsreport import events
from ctsreport.text import visible
from ctsreport.timeline import CLEAR, RECEIVING, SENDING, SET, Call, number_of, text_of

_KNOWN_BY = {
    "hook": "the adapter says so of each of them",
    "kernel": "two looks at all threads: asleep, and none has run in between",
    "poller": "all asleep, and those with short timers have looked at everything since",
    "spinning": "those that never sleep have had time enough",
    "weak": "not proven within the bound",
}
_PLAIN = {
    SET: "sets {object}",
    CLEAR: "clears {object}",
    "KnIpcCreateSyncObject": "creates a sync object",
    "KnIpcCreateSyncObjectEx": "creates a sync object",
    "KnHandleClose": "closes {object}",
    "KnHandleCopy": "copies the handle of {object}",
    "KnHandleConnect": "makes a channel",
    "channel_open (adapter)": "opens a channel between the processes",
}


def target(call: Call) -> str:
    name = text_of(call.members, "object")
    handle = text_of(call.members, "handle")
    return name or (f"handle {handle}" if handle is not None else "nothing")


def _limit(members: Mapping[str, object]) -> str:
    value = text_of(members, "mdelay")
    if value is None:
        return ""
    return "no limit" if value == "infinite" else f"limit {value} ms"


def _sync(members: Mapping[str, object]) -> str:
    name = text_of(members, "sync_object")
    handle = text_of(members, "sync")
    if name is not None:
        return name
    if handle is None:
        return ""
    return "no sync object" if handle == "0xffffffff" else f"sync handle {handle}"


def begin(call: Call) -> str:
    """What the actor does, without its name: "calls CallEx on client1 with request 1 (...)"."""
    details = [part for part in (_limit(call.members), _sync(call.members)) if part]
    more = f" ({', '.join(details)})" if details else ""
    request = number_of(call.members, "request")
    if call.name in SENDING:
        sent = f" with request {request}" if request is not None else ""
        return f"calls {call.name} on {target(call)}{sent}{more}"
    if call.name in RECEIVING:
        return f"calls {call.name} on {target(call)}{more}"
    if call.name == "Reply":
        answer = f" to request {request}" if request is not None else ""
        return f"calls Reply{answer}{more}"
    plain = _PLAIN.get(call.name)
    if plain is not None:
        return f"{plain.format(object=target(call))} ({call.name})"
    return f"calls {call.name}"


def result(call: Call) -> str:
    """"rcOk, received request 1"; nothing to say of a call that has not returned."""
    if call.result is None:
        return "does not return"
    parts = [call.rc or "?"]
    received = number_of(call.result, "received")
    response = number_of(call.result, "response")
    if received is not None:
        parts.append(f"received request {received}")
    if response is not None:
        parts.append(f"response to request {response}")
    new_handle = text_of(call.result, "new_handle")
    if new_handle is not None and call.rc == "rcOk":
        parts.append(f"handle {new_handle}")
    return ", ".join(parts)


def known_by(how: str) -> str:
    return _KNOWN_BY.get(how, how)


def step(kind: str, members: Mapping[str, object]) -> str:
    """A step of the log that is no call."""
    if kind == "settle":
        how = text_of(members, "how") or "?"
        if how == "weak":
            return f"rest is only assumed ({known_by(how)})"
        return f"all who are in a call are at rest (known by {how}: {known_by(how)})"
    if kind == "freeze":
        return f"{text_of(members, 'actor')} is frozen inside its call, between waking and return"
    if kind == "thaw":
        return f"{text_of(members, 'actor')} goes on"
    if kind == "process_end":
        killed = members.get("killed") is True
        return f"{text_of(members, 'process')} {'is killed' if killed else 'ends'}"
    if kind == "advance":
        how = "virtual" if members.get("virtual") is True else "real"
        return f"{text_of(members, 'ms')} ms pass ({how} time)"
    return kind


def claim(check: events.Check) -> str:
    """What was claimed, and what was seen when that is something else."""
    said = visible(check.text)
    if check.ok:
        usual = check.expected in (None, "true") or check.expected == check.observed
        return said if usual and check.expected is None else f"{said}: {visible(check.observed or '')}"
    return (
        f"{said}: expected {visible(check.expected or '-')}, seen {visible(check.observed or '-')}"
    )
