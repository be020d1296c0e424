# SPDX-License-Identifier: Apache-2.0
"""One case of a run as HTML: a line that says what became of it, and everything known below it."""

from __future__ import annotations

from ctsreport import events, results
from ctsreport.anchors import anchor
from ctsreport.html import picture
from ctsreport.html.markup import chip, counted, duration, esc, esc_lines, kind_of, word_of

STAGES_MAX = 40
CLAIMS_MAX = 40


def explained(case: results.CaseResult) -> results.Repetition | None:
    """The repetition to show: the first that failed, else the one that speaks for the case."""
    failed = (r for r in case.repetitions if results.is_failure(r.verdict))
    return next(failed, case.shown) or (case.repetitions[-1] if case.repetitions else None)


def title(run: results.Run, case: results.CaseResult) -> str:
    if case.start is not None:
        return case.start.title
    return next((item.title for item in run.listed if item.id == case.case), "")


def why(case: results.CaseResult) -> str:
    """One line of HTML: why the verdict is what it is; "" when there is nothing to say."""
    repetition = explained(case)
    end = repetition.end if repetition is not None else None
    if end is None:
        return "the log ends before the case does" if repetition else "the log holds nothing of it"
    if not _is_claim(repetition, end):
        return esc(end.reason, 400)
    expected, seen = esc(end.expected or "-", 150), esc(end.observed or "-", 150)
    return f"does not hold: {esc(end.reason, 400)} (expected {expected}, seen {seen})"


def _is_claim(repetition: results.Repetition | None, end: events.CaseEnd) -> bool:
    """Is the reason the text of a check that did not hold?"""
    if repetition is None:
        return False
    return any(not check.ok and check.text == end.reason for check in repetition.checks)


def _why(
    case: results.CaseResult, repetition: results.Repetition | None, end: events.CaseEnd | None
) -> str:
    if end is not None and _is_claim(repetition, end):
        return f'<p class="why"><b>Claim that does not hold</b> {esc(end.reason, 400)}</p>'
    return f'<p class="why"><b>Why</b> {why(case)}</p>'


def _expected_and_seen(end: events.CaseEnd) -> str:
    if end.expected is None and end.observed is None:
        return ""
    return (
        '<dl class="versus"><div class="exp"><dt>Expected</dt>'
        f"<dd>{esc(end.expected or 'not said', 1000)}</dd></div>"
        '<div class="saw"><dt>Seen</dt>'
        f"<dd>{esc(end.observed or 'not said', 1000)}</dd></div></dl>"
    )


def _facts(run: results.Run, case: results.CaseResult, end: events.CaseEnd | None) -> str:
    facts: list[tuple[str, str]] = []
    if end is not None and end.at is not None:
        facts.append(("Claimed at", f"<code>{esc(end.at.file, 300)}:{end.at.line}</code>"))
    elif case.start is not None and case.start.file:
        facts.append(("Case in", f"<code>{esc(case.start.file, 300)}</code>"))
    if case.start is not None and case.start.layout:
        facts.append(("Layout", esc(case.start.layout, 100)))
    if end is not None:
        if end.signal is not None:
            facts.append(("Signal", esc(end.signal, 60)))
        if end.exit_code not in (None, 0, 1):
            facts.append(("Exit code", str(end.exit_code)))
        if end.strays:
            facts.append(("Left behind", counted(end.strays, "process", "processes")))
        facts.append(("Checks made", f"{end.checks:,}"))
        facts.append(("Took", duration(end.duration_ms)))
    if len(case.outcomes) > 1 or (case.outcomes and case.outcomes[0][1] > 1):
        seen = ", ".join(f"{word_of(word)} {count}" for word, count in case.outcomes)
        facts.append(("Repetitions", seen))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts if value)
    return f'<dl class="facts">{items}</dl>'


def _picture(story: picture.Story, name: str) -> str:
    drawn = picture.svg(story, name)
    if not drawn:
        return '<p class="none">The log holds no step of this case.</p>'
    wide = " stacked" if picture.is_wide(story) else ""
    notes = []
    if len(story.actors) > picture.ACTORS_MAX:
        more = counted(len(story.actors) - picture.ACTORS_MAX, "actor")
        notes.append(f"{more} more without a lane")
    if story.events_left_out:
        notes.append(f"{story.events_left_out:,} lines of the log in the middle are not shown")
    if story.put_away:
        notes.append(
            f"afterwards the fixture put away what the case had used ({counted(story.put_away, 'call')})"
        )
    note = f'<p class="note">{"; ".join(notes).capitalize()}.</p>' if notes else ""
    return (
        f'<div class="story{wide}"><div class="pic">{drawn}</div>'
        f'<ol class="steps">{"".join(picture.steps(story))}</ol></div>{note}'
    )


def _stages(repetition: results.Repetition) -> str:
    if not repetition.stages:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{esc(stage.actor, 60)}</th><td>{esc(stage.state, 300)}</td></tr>"
        for stage in repetition.stages[:STAGES_MAX]
    )
    more = len(repetition.stages) - STAGES_MAX
    rest = f'<p class="note">{counted(more, "thread")} more in the log.</p>' if more > 0 else ""
    return (
        f'<h5>Where each thread was at the end</h5><table class="plain">{rows}</table>{rest}'
    )


def _model(repetition: results.Repetition) -> str:
    check = picture.failing_check(repetition)
    if check is None or check.kind not in ("model", "law"):
        return ""
    who = "the executable model" if check.kind == "model" else "the consistency law of every case"
    return (
        f'<p class="judge">This was found by {who}, which looks at the whole history, '
        "and not by a check of the case itself.</p>"
    )


def _observed(repetition: results.Repetition) -> str:
    if not repetition.observed:
        return ""
    rows = "".join(
        f"<tr><td>{esc(seen.what, 300)}</td><td><code>{esc(seen.seen, 300)}</code></td></tr>"
        for seen in repetition.observed[:CLAIMS_MAX]
    )
    more = len(repetition.observed) - CLAIMS_MAX
    rest = f'<p class="note">{counted(more, "observation")} more in the log.</p>' if more > 0 else ""
    return f'<h5>Observed</h5><table class="plain">{rows}</table>{rest}'


def _output(end: events.CaseEnd) -> str:
    if not end.output:
        return ""
    return (
        f"<h5>Output of the library and the case ({counted(end.output_bytes, 'byte')})</h5>"
        f'<pre class="output" tabindex="0">{esc_lines(end.output)}</pre>'
    )


def body(run: results.Run, case: results.CaseResult) -> str:
    """Everything about a case below its line."""
    repetition = explained(case)
    end = repetition.end if repetition is not None else None
    parts: list[str] = []
    failed = kind_of(case.verdict) in ("bad", "undecided")
    if failed and why(case):
        parts.append(_why(case, repetition, end))
    if end is not None and failed:
        parts.append(_expected_and_seen(end))
    if repetition is not None:
        parts.append(_model(repetition))
        parts.append(_picture(picture.Story(repetition), case.case))
        parts.append(_stages(repetition) if failed else "")
        parts.append(_observed(repetition))
    if end is not None:
        parts.append(_output(end))
    parts.append(_facts(run, case, end))
    if end is not None and end.repro:
        parts.append(
            f'<p class="rerun"><b>Run it again</b> <code>{esc(end.repro, 1000)}</code></p>'
        )
    return "".join(parts)


def line(run: results.Run, case: results.CaseResult) -> str:
    failed = kind_of(case.verdict) in ("bad", "undecided")
    reason = f'<span class="reason">{why(case)}</span>' if failed or case.verdict == "SKIP" else ""
    if case.waiver is not None:
        reason += f' <span class="reason">(waived by {esc(case.waiver, 60)})</span>'
    return (
        f"{chip(case.verdict)} <b class=cid>{esc(case.case, 60)}</b> "
        f'<span class="title">{esc(title(run, case), 300)}</span>{reason}'
    )


def details(run: results.Run, case: results.CaseResult, is_open: bool = False) -> str:
    opened = " open" if is_open else ""
    return (
        f'<details class="case" id="{anchor(case.case)}" data-v="{word_of(case.verdict)}"{opened}>'
        f"<summary>{line(run, case)}</summary>"
        f'<div class="body">{body(run, case)}</div></details>'
    )

