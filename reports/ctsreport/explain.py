# SPDX-License-Identifier: Apache-2.0
"""One case of a finished run for people: what was required, done, expected and seen."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from ctsreport import events, results, timeline, words
from ctsreport.text import WIDTH, folded, short, visible

ROWS_MAX = 90
STEPS_MAX = 60
LANES_MAX = 24
LINE_MAX = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"

_SIGNS = {
    timeline.IDLE: ".",
    timeline.ENTERED: ":",
    timeline.BLOCKED: "|",
    timeline.TAKEN: "#",
    timeline.FROZEN: "*",
}
_LEGEND = (
    "> call begins   < returns   X returns rcIpcInterrupt   o call without a wait   "
    "S Set   C Clear",
    ": in the call   | at rest in it   # its request is held by a server   * frozen   . idle",
)


def strongest(case: results.CaseResult) -> results.Repetition | None:
    """The repetition to explain: the first that failed, else the one that speaks for the case."""
    failed = (r for r in case.repetitions if results.is_failure(r.verdict))
    return next(failed, case.shown) or (case.repetitions[-1] if case.repetitions else None)


def failing_check(repetition: results.Repetition) -> events.Check | None:
    """The claim that decided: the last that did not hold."""
    if not results.is_failure(repetition.verdict) and repetition.verdict != results.NO_VERDICT:
        return None
    return next((check for check in reversed(repetition.checks) if not check.ok), None)


def _verdict(word: str) -> str:
    return visible(word) or "no verdict"


# ---------------------------------------------------------------------------------------------
# The requirement.


def _requirement(run: results.Run, case: results.CaseResult) -> Iterator[str]:
    row = run.requirement(case.requirement)
    start = case.start
    strength = row.strength if row is not None else start.strength if start is not None else ""
    claim = row.claim if row is not None else start.claim if start is not None else ""
    yield from folded("requirement", f"{case.requirement} ({strength or 'unknown'}): {claim}")
    if row is not None:
        if row.invariant:
            yield from folded("invariant", row.invariant)
        yield from folded("source", row.source)
    if case.suspect is not None:
        yield from folded("suspect", case.suspect)


def _timing(rep: results.Repetition) -> Iterator[str]:
    for event in rep.history:
        if isinstance(event, events.Step) and event.kind == "timing":
            yield from folded(
                "timing",
                f"{timeline.text_of(event.members, 'what') or '?'}: "
                f"{timeline.text_of(event.members, 'verdict') or '?'}, median "
                f"{_median_ms(event.members.get('library_ns'))} against "
                f"{_median_ms(event.members.get('control_ns'))} of the control group",
            )


def _median_ms(samples: object) -> str:
    numbers = [n for n in samples if isinstance(n, int)] if isinstance(samples, list) else []
    return f"{statistics.median(numbers) / 1e6:.3f} ms" if numbers else "nothing"


def _outcome(run: results.Run, case: results.CaseResult, rep: results.Repetition) -> Iterator[str]:
    end = rep.end
    if end is None:
        yield from folded("why", "the log ends before the case does, so there is no verdict")
        return
    failed = failing_check(rep)
    broken = failed is not None and failed.text == end.reason
    if end.reason:
        yield from folded("broken claim" if broken else "why", end.reason)
    if end.expected is not None:
        yield from folded("allowed", end.expected)
    if end.observed is not None:
        yield from folded("seen", end.observed)
    for observe in rep.observed:
        yield from folded("observed", f"{observe.what} = {observe.seen}")
    if end.verdict in ("PASS", "OBSERVED"):
        claims = [check for check in rep.checks if check.kind == "check"]
        for number, check in enumerate(claims[:8]):
            yield from folded("claims" if number == 0 else "", words.claim(check))
        if len(claims) > 8:
            yield from folded("", f"and {len(claims) - 8} more, all of which held")
    if end.signal is not None:
        yield from folded("signal", end.signal)
    if end.strays:
        yield from folded("left behind", f"{end.strays} processes")
    if end.at is not None:
        yield from folded("at", f"{end.at.file}:{end.at.line}")


def _model(rep: results.Repetition) -> Iterator[str]:
    check = failing_check(rep)
    if check is not None and check.kind == "model":
        yield from folded("model", f"rule {check.observed}: {check.text}")
    elif check is not None and check.kind == "law":
        yield from folded("law", f"the consistency law of every case: {check.text}")
    for event in rep.history:
        if isinstance(event, events.Step) and event.kind == "model":
            counted = results.coverage(event)
            yield from folded(
                "model",
                f"{timeline.text_of(event.members, 'verdict') or '?'}, "
                f"{timeline.text_of(event.members, 'events') or '?'} events, shown: "
                + ("; ".join(f"{name} {count}" for name, count in counted.items()) or "nothing"),
            )


def _causes(run: results.Run, case: results.CaseResult, rep: results.Repetition) -> Iterator[str]:
    row = run.requirement(case.requirement)
    if case.left_something_only:
        return
    if results.is_failure(rep.verdict) and row is not None and row.causes:
        yield from folded("likely cause", row.causes)


# ---------------------------------------------------------------------------------------------
# What was done.


def _sentence(moment: timeline.Moment) -> str:
    call = moment.call
    if call is not None:
        actor = visible(call.actor)
        if moment.kind == "begin":
            return f"{actor} {visible(words.begin(call))}"
        if moment.kind == "end":
            return f"{call.name} of {actor} returns {visible(words.result(call))}"
        return f"{actor} {visible(words.begin(call))}: {visible(words.result(call))}"
    if moment.check is not None:
        kind = {"require": "needed", "law": "law", "model": "model"}.get(
            moment.check.kind, "claimed"
        )
        return f"{kind}: {words.claim(moment.check)}{'' if moment.check.ok else '   <-- FAILS'}"
    if moment.observe is not None:
        return f"observed: {visible(moment.observe.what)} = {visible(moment.observe.seen)}"
    return visible(words.step(moment.kind, moment.members or {}))


def _unfolded(found: Sequence[timeline.Moment], whole: bool) -> list[timeline.Moment]:
    """Without the claims that the fixture makes of each preparation and the putting away."""
    if whole:
        return list(found)
    return [
        moment
        for moment in found
        if (moment.check is None or moment.check.kind != "require" or not moment.check.ok)
        and not (moment.torn_down and (moment.check is None or moment.check.ok))
    ]


def _middle(count: int, limit: int, whole: bool) -> tuple[int, int]:
    """How many at the start and at the end are shown; the end decides, so it gets more."""
    if whole or count <= limit:
        return count, 0
    return limit // 3, limit - limit // 3


def _shown(lines: Sequence[str], limit: int, whole: bool) -> Iterator[str]:
    first, last = _middle(len(lines), limit, whole)
    yield from lines[:first]
    if last:
        yield f"       ... {len(lines) - first - last} in the middle are left out; --all shows them"
        yield from lines[-last:]


def _steps(found: Sequence[timeline.Moment], whole: bool) -> Iterator[str]:
    shown = _unfolded(found, whole)
    lines = [
        f"  {number:4} {short(_sentence(moment), LINE_MAX)}"
        for number, moment in enumerate(shown, start=1)
    ]
    yield from _shown(lines, STEPS_MAX, whole)
    away = sum(1 for moment in found if moment.torn_down and moment.call is not None)
    if away and not whole:
        yield f"       then the fixture puts away what the case used ({away} calls)"


def _own_sign(moment: timeline.Moment) -> str:
    call = moment.call
    if call is None:
        return ""
    if moment.kind == "begin":
        return ">"
    if call.rc == "rcIpcInterrupt":
        return "X"
    if moment.kind == "end":
        return "<"
    return {timeline.SET: "S", timeline.CLEAR: "C"}.get(call.name, "o")


def _timeline(
    rep: results.Repetition, found: Sequence[timeline.Moment], whole: bool
) -> Iterator[str]:
    known = timeline.actors(rep)
    columns = [actor.name for actor in known[:LANES_MAX]]
    failed = failing_check(rep)
    for number, actor in enumerate(known[:LANES_MAX]):
        place = f" ({visible(actor.process)})" if actor.process else ""
        yield f"    {LETTERS[number]} = {visible(actor.name)}{place}"
    if len(known) > LANES_MAX:
        yield f"    and {len(known) - LANES_MAX} more without a column"
    for line in _LEGEND:
        yield f"    {line}"
    yield f"    stamp  {' '.join(LETTERS[: len(columns)])}"
    shown = {id(moment) for moment in _unfolded(found, whole)}
    rows: list[str] = []
    for moment, doing in zip(found, timeline.lanes(found)):
        if id(moment) not in shown:
            continue
        signs = [
            _own_sign(moment)
            if moment.call is not None and moment.call.actor == name
            else _SIGNS[doing.get(name, timeline.IDLE)]
            for name in columns
        ]
        mark = ">>" if moment.check is not None and moment.check is failed else "  "
        stamp = "" if moment.stamp is None else str(moment.stamp)
        rows.append(f" {mark} {stamp:>5}  {' '.join(signs)}  {short(_brief(moment), LINE_MAX)}")
    yield from _shown(rows, ROWS_MAX, whole)
    if failed is None and rep.end is not None and results.is_failure(rep.verdict):
        yield f" >>        {rep.verdict}: {short(visible(rep.end.reason), LINE_MAX)}"


def _brief(moment: timeline.Moment) -> str:
    if moment.kind == "settle":
        return "at rest" if (moment.members or {}).get("how") != "weak" else "rest assumed"
    if moment.check is not None and moment.check.ok:
        return f"ok: {words.claim(moment.check)}"
    return _sentence(moment)


def _stages(rep: results.Repetition) -> Iterator[str]:
    for number, stage in enumerate(rep.stages[:LANES_MAX]):
        yield from folded("threads" if number == 0 else "", f"{stage.actor}: {stage.state}")


def _verdicts(case: results.CaseResult) -> Iterator[str]:
    if len(case.repetitions) < 2:
        return
    by_verdict = ", ".join(f"{_verdict(word)} {count}" for word, count in case.outcomes)
    yield from folded("repetitions", by_verdict)
    others = [r for r in case.repetitions if r.verdict != "PASS"]
    if others and len(case.outcomes) > 1:
        named = ", ".join(f"{r.rep} {_verdict(r.verdict)}" for r in others[:20])
        more = f" and {len(others) - 20} more" if len(others) > 20 else ""
        yield from folded("", f"number: {named}{more}")


def case_lines(
    run: results.Run, case: results.CaseResult, rep: results.Repetition | None, whole: bool = False
) -> Iterator[str]:
    """Everything about one repetition of a case, as lines. `whole`: nothing left out."""
    title = case.start.title if case.start is not None else _listed_title(run, case.case)
    verdict = _verdict(rep.verdict if rep is not None else case.verdict)
    yield f"{verdict} {case.case}  {visible(title)}"
    yield from _requirement(run, case)
    yield from _verdicts(case)
    if rep is None:
        yield from folded("why", "the log holds nothing of this case")
        return
    if len(case.repetitions) > 1:
        yield from folded("explained", f"repetition {rep.rep}")
    yield from _outcome(run, case, rep)
    yield from _timing(rep)
    yield from _model(rep)
    yield from _stages(rep)
    yield from _causes(run, case, rep)
    found = timeline.moments(rep)
    if found:
        yield ""
        yield "What was done"
        yield from _steps(found, whole)
        yield ""
        yield "Timeline"
        yield from _timeline(rep, found, whole)
    if rep.end is not None:
        yield from _last_words(rep.end)


def _last_words(end: events.CaseEnd) -> Iterator[str]:
    if end.output:
        yield ""
        yield f"Output of the library ({end.output_bytes} bytes)"
        lines = end.output.splitlines()
        yield from (f"  {short(visible(line), LINE_MAX)}" for line in lines[:20])
        if len(lines) > 20:
            yield f"  ... {len(lines) - 20} lines more in the log"
    if end.repro:
        yield ""
        yield f"Run it again: {visible(end.repro)}"


def _listed_title(run: results.Run, identifier: str) -> str:
    return next((item.title for item in run.listed if item.id == identifier), "")


def requirement_lines(run: results.Run, identifier: str) -> Iterator[str]:
    """A requirement with the verdicts of its cases."""
    row = run.requirement(identifier)
    cases = [case for case in run.cases if case.requirement == identifier]
    strength = row.strength if row is not None else ""
    claim = row.claim if row is not None else ""
    yield f"{results.requirement_verdict(cases) or 'UNTESTED'} {identifier}  {claim}"
    yield from folded("strength", strength or "unknown")
    if row is not None:
        if row.invariant:
            yield from folded("invariant", row.invariant)
        yield from folded("source", row.source)
        yield from folded("profiles", ", ".join(row.profiles))
        if row.causes:
            yield from folded("usual cause", row.causes)
        if row.uncovered:
            yield from folded("no case", row.uncovered)
    for case in cases:
        end = case.shown.end if case.shown is not None else None
        why = f": {visible(end.reason)}" if end is not None and end.reason else ""
        title = case.start.title if case.start is not None else ""
        yield f"  {_verdict(case.verdict):12} {case.case:12} {visible(title)}{short(why, WIDTH)}"
    planned = {case.case for case in cases}
    for item in run.listed:
        if item.requirement == identifier and item.id not in planned:
            yield f"  {'not planned':12} {item.id:12} {visible(item.title)}"
