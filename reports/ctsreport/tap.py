# SPDX-License-Identifier: Apache-2.0
"""TAP 13 and TAP 14 from an event log.

    python3 -m ctsreport.tap --format 14 events.jsonl

One point per planned case, in the order of the plan; with repetitions the worst verdict counts.
A description holds the case id and the title and only characters that no consumer takes for
syntax; everything that a library under test can have influenced stands in the YAML block, quoted.
A library must not be able to change the meaning of a single line.

Exit status: 0 written, 2 written but the log is not the whole of a run (the comments at the end
say what it lacks), 4 wrong command line or unreadable file.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Union

from ctsreport import events, results
from ctsreport import text as text_for_people

if TYPE_CHECKING:
    from ctsreport.evidence.waivers import Standing

FORMATS = (13, 14)

# With these a block stays below BLOCK_MAX_BYTES: 5 long strings, 3 lists, the rest short.
BLOCK_MAX_BYTES = 64 * 1024
LONG_MAX_BYTES = 2800
SHORT_MAX_BYTES = 160
ITEM_MAX_BYTES = 240
ITEMS_MAX = 60
SUBTEST_POINTS_MAX = 1000
DESCRIPTION_MAX = 200
PROBLEMS_MAX = 50
NUMBER_MAX = 10**12

# The point that a run gets whose library lacks what it claims.
CLAIMS = "claimed capabilities are present"
# The point that a run gets whose waivers are expired, unmatched or not needed.
WAIVERS = "waivers are valid and needed"

OK_VERDICTS = ("PASS", "OBSERVED", "SKIP", "INCONCLUSIVE")
ERROR_VERDICTS = ("TIMEOUT", "CRASH", "EARLY_EXIT", "BROKEN", results.NO_VERDICT)

# A value of a block: already quoted, or a list of quoted items, or a mapping of quoted values.
Value = Union[str, list[str], dict[str, str]]


# ---------------------------------------------------------------------------------------------
# Text.


def plain(text: str, limit: int = DESCRIPTION_MAX) -> str:
    """The text in the characters of descriptions; anything else becomes a blank."""
    words = re.sub(r"[^A-Za-z0-9_.,:/()-]+", " ", text[: 4 * limit])
    return words[:limit].strip()


def _quoted_char(char: str) -> str:
    code = ord(char)
    if char in '"\\':
        return "\\" + char
    if 0x20 <= code < 0x7F:
        return char
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if text_for_people.is_no_character(code):
        return "\\ufffd"
    return f"\\u{code:04x}" if text_for_people.is_invisible(code) else char


_PLAIN = re.compile(r"[ !#-\[\]-~]*")  # printable ASCII but for quote and backslash


def quoted(text: str, limit: int) -> str:
    """A JSON string of at most `limit` bytes and one line; what does not fit is counted."""
    if len(text) <= limit - 2 and _PLAIN.fullmatch(text):
        return f'"{text}"'
    room = limit - 2
    note_room = len(f"... ({len(text)} characters left out)")
    parts: list[str] = []
    used = 0
    kept = 0  # how many characters fit beside the note
    for char in text:
        part = _quoted_char(char)
        used += len(part.encode("utf-8"))
        if used > room:
            note = f"... ({len(text) - kept} characters left out)"
            return '"' + "".join(parts[:kept]) + note + '"'
        parts.append(part)
        if used <= room - note_room:
            kept = len(parts)
    return '"' + "".join(parts) + '"'


def _items(texts: Sequence[str]) -> list[str]:
    """At most ITEMS_MAX quoted items: the first and the last ones, since failures come last."""
    if len(texts) <= ITEMS_MAX:
        chosen = list(texts)
    else:
        half = (ITEMS_MAX - 1) // 2
        left_out = len(texts) - 2 * half
        chosen = [*texts[:half], f"({left_out} left out)", *texts[-half:]]
    return [_item(quoted(text, ITEM_MAX_BYTES)) for text in chosen]


def _item(item: str) -> str:
    """The quoted item without what prove takes for `- key: value`, which it seeks in quotes too."""
    while found := re.match(r'("\S*\s*):(?=\s)', item):
        item = f"{found[1]}\\u003a{item[found.end() :]}"
    return item


def _number(value: float) -> str:
    """A number in plain digits; nothing when it is not a duration that a run can have."""
    if not 0 <= value < NUMBER_MAX:
        return ""
    return str(int(value)) if value == int(value) else f"{value:.3f}"


# ---------------------------------------------------------------------------------------------
# YAML blocks. The order of the keys is fixed.

KEYS = (
    "message",
    "severity",
    "requirement",
    "level",
    "suspect",
    "verdict",
    "waiver",
    "expected",
    "observed",
    "check",
    "at",
    "duration_ms",
    "seed",
    "phase",
    "samples",
    "repro",
)
PASS_KEYS = ("requirement", "level", "suspect", "verdict", "check")


def block(values: dict[str, Value], indent: int) -> list[str]:
    """The lines of a block; keys without a value are left out."""
    margin = " " * indent
    lines = [f"{margin}---"]
    for key in KEYS:
        value = values.get(key)
        if isinstance(value, str) and value:
            lines.append(f"{margin}{key}: {value}")
        elif isinstance(value, list) and value:
            lines.append(f"{margin}{key}:")
            lines.extend(f"{margin}  - {item}" for item in value)
        elif isinstance(value, dict) and value:
            lines.append(f"{margin}{key}:")
            lines.extend(f"{margin}  {name}: {item}" for name, item in value.items())
    lines.append(f"{margin}...")
    return lines


def _at(at: events.At | None) -> dict[str, str]:
    if at is None:
        return {}
    return {"file": quoted(at.file, LONG_MAX_BYTES), "line": _number(at.line) or "0"}


def _optional(text: str | None, limit: int = LONG_MAX_BYTES) -> str:
    return "" if text is None else quoted(text, limit)


def check_text(check: events.Check) -> str:
    """One check as one item of a list."""
    verdict = "ok" if check.ok else "not ok"
    place = "" if check.at is None else f" ({check.at.file}:{check.at.line})"
    seen = ""
    if not check.ok and (check.expected is not None or check.observed is not None):
        seen = f": expected {check.expected}, observed {check.observed}"
    return f"{verdict} - {check.text[:ITEM_MAX_BYTES]}{seen[:ITEM_MAX_BYTES]}{place}"


def message(case: results.CaseResult) -> str:
    shown = case.shown
    if case.verdict == results.NO_VERDICT:
        text = "no verdict"
    elif shown is not None and shown.end is not None and shown.end.reason:
        text = shown.end.reason
    elif case.verdict == "OBSERVED":
        text = "recorded only"
    else:
        text = case.verdict
    if len(case.outcomes) > 1:
        total = sum(count for _, count in case.outcomes)
        seen = ", ".join(f"{word or 'no verdict'} {count}" for word, count in case.outcomes)
        text = f"{text[:LONG_MAX_BYTES]}; mixed outcome of {total} repetitions: {seen}"
    return text


def severity(verdict: str) -> str:
    if verdict in OK_VERDICTS:
        return "comment"
    known_failure = verdict in events.VERDICTS and verdict not in ERROR_VERDICTS
    return "fail" if known_failure else "error"


def case_block(case: results.CaseResult, seed: str, dialect: int) -> dict[str, Value]:
    shown = case.shown
    end = shown.end if shown is not None else None
    checks = shown.checks if shown is not None else ()
    listed = checks if dialect == 13 else [check for check in checks if not check.ok]
    observed = shown.observed if shown is not None else ()
    stages = shown.stages if shown is not None else ()
    values: dict[str, Value] = {
        "message": quoted(message(case), LONG_MAX_BYTES),
        "severity": quoted(severity(case.verdict), SHORT_MAX_BYTES),
        "requirement": quoted(case.requirement, SHORT_MAX_BYTES),
        "check": _items([check_text(check) for check in listed]),
        "samples": _items([f"{o.what[:ITEM_MAX_BYTES]} - {o.seen}" for o in observed]),
        "phase": _items([f"{s.actor[:ITEM_MAX_BYTES]} - {s.state}" for s in stages]),
    }
    if case.start is not None:
        values["level"] = quoted(case.start.strength, SHORT_MAX_BYTES)
        values["suspect"] = _optional(case.start.suspect)
    if case.verdict != results.NO_VERDICT:
        values["verdict"] = quoted(case.verdict, SHORT_MAX_BYTES)
    if case.waiver is not None:
        values["waiver"] = quoted(case.waiver, SHORT_MAX_BYTES)
    if seed:
        values["seed"] = quoted(seed, SHORT_MAX_BYTES)
    if end is not None:
        values["expected"] = _optional(end.expected)
        values["observed"] = _optional(end.observed)
        values["at"] = _at(end.at)
        values["duration_ms"] = _number(end.duration_ms)
        values["repro"] = _optional(end.repro or None)
    return values


# ---------------------------------------------------------------------------------------------
# Points.


def description(case: results.CaseResult) -> str:
    title = case.start.title if case.start is not None else ""
    return plain(f"{plain(case.case) or 'case'} {title}")


def directive(case: results.CaseResult) -> str:
    if case.waiver is not None:
        return f" # TODO waiver {plain(case.waiver)}"
    if case.verdict == "INCONCLUSIVE":
        return " # SKIP inconclusive"
    if case.verdict == "SKIP":
        return f" # SKIP {skip_reason(case)}"
    return ""


def skip_reason(case: results.CaseResult) -> str:
    end = case.shown.end if case.shown is not None else None
    return (plain(end.reason) if end is not None else "") or "no reason given"


def subtest(checks: Sequence[events.Check]) -> Iterator[str]:
    """The checks of a case as the body of a subtest."""
    half = SUBTEST_POINTS_MAX // 2
    left_out = max(0, len(checks) - SUBTEST_POINTS_MAX)
    chosen = checks if not left_out else [*checks[:half], *checks[-half:]]
    yield f"    1..{len(chosen)}"
    if left_out:
        yield f"    # {left_out} checks in the middle are left out"
    for number, check in enumerate(chosen, start=1):
        word = "ok" if check.ok else "not ok"
        yield f"    {word} {number} - {plain(check.text) or 'check'}"
        if not check.ok:
            values: dict[str, Value] = {
                "message": quoted(check.text, LONG_MAX_BYTES),
                "severity": quoted("error" if check.kind == "require" else "fail", 20),
                "expected": _optional(check.expected),
                "observed": _optional(check.observed),
                "at": _at(check.at),
            }
            yield from block(values, indent=6)


def is_suspect(case: results.CaseResult) -> bool:
    return case.start is not None and case.start.suspect is not None


def has_block(case: results.CaseResult, dialect: int, verbose: bool) -> bool:
    if verbose or len(case.outcomes) > 1 or is_suspect(case):
        return True
    if case.verdict == "PASS":
        return dialect == 13 and case.shown is not None and bool(case.shown.checks)
    return case.verdict != "SKIP"


def pass_block(values: dict[str, Value]) -> dict[str, Value]:
    """What a passing point says in TAP 13 when nobody asked for more: its checks."""
    return {key: value for key, value in values.items() if key in PASS_KEYS}


def point(
    number: int, case: results.CaseResult, seed: str, dialect: int, verbose: bool
) -> Iterator[str]:
    text = description(case)
    checks = case.shown.checks if case.shown is not None else ()
    if dialect == 14 and checks:
        yield f"# Subtest: {text}"
        yield from subtest(checks)
    word = "ok" if case.verdict in OK_VERDICTS else "not ok"
    yield f"{word} {number} - {text}{directive(case)}"
    if has_block(case, dialect, verbose):
        values = case_block(case, seed, dialect)
        if case.verdict == "PASS" and not verbose and len(case.outcomes) == 1:
            values = pass_block(values)
        yield from block(values, indent=2)


def claims_text(absent: Sequence[str]) -> str:
    return "claimed and absent: " + ", ".join(absent)


def failed_point(number: int, title: str, message: str) -> Iterator[str]:
    """A point of its own: the run is not conformant, though every case may be."""
    yield f"not ok {number} - {title}"
    values: dict[str, Value] = {
        "message": quoted(message, LONG_MAX_BYTES),
        "severity": quoted("fail", SHORT_MAX_BYTES),
    }
    yield from block(values, indent=2)


def waivers_text(wrong: Sequence[Standing]) -> str:
    return "; ".join(f"{w.waiver.id} ({w.waiver.case}) is {w.state}: {w.why}" for w in wrong)


def _all_skipped(run: results.Run) -> str:
    """The reason, when every planned case was skipped, or none was planned; else ""."""
    if run.start is None or run.problems or run.start.capabilities.absent or run.wrong_waivers:
        return ""
    if not run.cases:
        return "nothing selected"
    if any(case.outcomes[0][0] != "SKIP" or len(case.outcomes) > 1 for case in run.cases):
        return ""
    reasons = list(dict.fromkeys(skip_reason(case) for case in run.cases))
    if len(reasons) == 1:
        return plain(f"all {len(run.cases)} cases: {reasons[0]}")
    return f"all {len(run.cases)} cases, for {len(reasons)} different reasons"


def problem_lines(problems: Sequence[str]) -> Iterator[str]:
    for problem in problems[:PROBLEMS_MAX]:
        yield f"# log problem: {plain(problem, 400)}"
    if len(problems) > PROBLEMS_MAX:
        yield f"# log problem: {len(problems) - PROBLEMS_MAX} more findings"


def document(run: results.Run, dialect: int, verbose: bool = False) -> Iterator[str]:
    """The lines of the document, without line ends."""
    yield f"TAP version {dialect}"
    skipped = _all_skipped(run)
    if run.start is None:
        # No plan: neither "1..0" nor an invented point would be true.
        yield from problem_lines(run.problems)
        yield "Bail out! the event log holds no run_start"
        return
    if skipped:
        yield f"1..0 # SKIP {skipped}"
        return
    if not run.cases:
        yield from problem_lines(run.problems)
        yield "Bail out! the event log holds an empty plan and is not complete"
        return
    absent = run.start.capabilities.absent
    yield f"1..{len(run.cases) + bool(absent) + bool(run.wrong_waivers)}"
    for number, case in enumerate(run.cases, start=1):
        yield from point(number, case, run.start.seed, dialect, verbose)
    if absent:
        yield from failed_point(len(run.cases) + 1, CLAIMS, claims_text(absent))
    if run.wrong_waivers:
        number = len(run.cases) + bool(absent) + 1
        yield from failed_point(number, WAIVERS, waivers_text(run.wrong_waivers))
    yield from problem_lines(run.problems)


def _text(run: results.Run, dialect: int, verbose: bool = False) -> str:
    return "".join(line + "\n" for line in document(run, dialect, verbose))


def tap13(run: results.Run) -> str:
    return _text(run, 13)


def tap14(run: results.Run) -> str:
    return _text(run, 14)


def convert(lines: Iterable[bytes], dialect: int, verbose: bool = False) -> tuple[str, bool]:
    """The document, and whether the log is the whole of a run."""
    run = results.collect(events.read(lines))
    return _text(run, dialect, verbose), not run.problems


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m ctsreport.tap",
        description="Write TAP from an event log to stdout.",
        epilog="example: python3 -m ctsreport.tap --format 13 events.jsonl | prove -e cat /dev/stdin",
    )
    parser.add_argument("--format", type=int, choices=FORMATS, default=14)
    parser.add_argument("-v", "--verbose", action="store_true", help="blocks on passing points too")
    parser.add_argument("events", metavar="EVENTS", help="the event log; - for stdin")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return 4 if stopped.code else 0
    try:
        if options.events == "-":
            text, whole = convert(sys.stdin.buffer, options.format, options.verbose)
        else:
            with open(options.events, "rb") as log:
                text, whole = convert(log, options.format, options.verbose)
    except OSError as error:
        print(f"{options.events}: {error.strerror}", file=sys.stderr)
        return 4
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()
    return 0 if whole else 2


if __name__ == "__main__":
    sys.exit(main())
