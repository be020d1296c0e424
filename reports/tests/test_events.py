# SPDX-License-Identifier: Apache-2.0
"""The reader: typed events, tolerance of everything a log can hold, and what is missing."""

from __future__ import annotations

import json
from typing import Any

import logs
import pytest
from ctsreport import events, results


def read(*records: dict[str, Any]) -> list[events.Event]:
    return list(events.read(logs.lines(list(records))))


def test_every_event_is_typed_and_unknown_ones_are_ignored() -> None:
    records = logs.every_event()
    found = read(*records)
    known = [r for r in records if r["event"] != "new_in_a_later_version"]
    assert len(found) == len(known)
    assert not [event for event in found if isinstance(event, events.Damage)]
    steps = [event.kind for event in found if isinstance(event, events.Step)]
    assert sorted(steps) == sorted(events.STEPS)
    start = found[0]
    assert isinstance(start, events.RunStart)
    assert start.planned == ("CALL-01.1", "CALL-05.1")
    assert start.seed == "0x2a"
    law = next(e for e in found if isinstance(e, events.Check) and e.kind == "law")
    assert law.at == events.At("conformance/cases/sample.c", 20)


def test_case_end_members() -> None:
    (end,) = read(
        logs.case_end("CALL-01.1", "CRASH", at={"file": "a.c", "line": 3}, signal="SIGSEGV")
    )
    assert isinstance(end, events.CaseEnd)
    assert (end.verdict, end.at, end.signal) == ("CRASH", events.At("a.c", 3), "SIGSEGV")
    assert end.output is None


def test_a_number_is_accepted_as_seed() -> None:
    (start,) = read(logs.run_start([], seed=7))
    assert isinstance(start, events.RunStart) and start.seed == "7"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"{\n", "not JSON"),
        (b"{", "the last line is cut"),
        (b"[]\n", "not a JSON object"),
        (b"7\n", "not a JSON object"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 100000 + b"\n", "not JSON"),
        (b'{"event": 7}\n', "event is not a string"),
        (b"{}\n", "event is not a string"),
        (b'{"event": "check", "case": 1, "rep": 1, "ok": true}\n', "check: case is not a string"),
        (b'{"event": "check", "case": "A", "rep": 1}\n', "check: ok is not true or false"),
        (b'{"event": "run_start", "version": 1}\n', "run_start: planned is not a list of strings"),
        (b'{"event": "case_end", "case": "A", "rep": 1}\n', "case_end: verdict is not a string"),
        (b'{"event": "settle", "case": "A", "rep": -1}\n', "settle: rep is not a whole number"),
        (b'{"event": "run_end", "complete": 1}\n', "run_end: complete is not true or false"),
    ],
)
def test_unusable_lines_are_reported_and_do_not_stop_the_reader(line: bytes, text: str) -> None:
    more = [] if not line.endswith(b"\n") else logs.lines([logs.case_end("CALL-01.1")])
    found = list(events.read([b"\n", line, *more]))
    assert found[0] == events.Damage(2, text)
    assert len(found) == 1 + len(more)


INVOKE = b'{"event":"invoke","case":"CALL-01.1","rep":1'


@pytest.mark.parametrize(
    "broken",
    [
        [INVOKE + b',"x":[{}\n', b"{}]}\n"],
        [INVOKE + b"},{}\n"],
        [INVOKE + b',"x":"\n', b'"}\n'],
        [b"\n", INVOKE + b"}}\n"],
    ],
)
def test_lines_that_are_json_only_together_are_not(broken: list[bytes]) -> None:
    whole = [INVOKE + b"}\n"] * 3
    found = list(events.read([*whole, *broken, *whole]))
    wrong = [e for e in found if isinstance(e, events.Damage)]
    assert [e.line for e in wrong] == [4 + i for i, line in enumerate(broken) if line.strip()]
    assert len(found) - len(wrong) == 2 * len(whole)


def test_a_long_log_is_read_like_a_short_one() -> None:
    lines = [INVOKE + b"}\n"] * 2500
    assert list(events.read(lines)) == 2500 * list(events.read(lines[:1]))
    lines[1700] = b"no JSON\n"
    assert [e.line for e in events.read(lines) if isinstance(e, events.Damage)] == [1701]


def test_a_bad_member_that_is_not_needed_takes_its_default() -> None:
    damage, end = read(logs.case_end("CALL-01.1", duration_ms="long"))
    assert damage == events.Damage(1, "case_end: duration_ms is not a number")
    assert isinstance(end, events.CaseEnd) and end.duration_ms == 0


def test_numbers_that_are_none() -> None:
    line = json.dumps(logs.case_end("CALL-01.1", duration_ms=1)).replace(
        '"duration_ms": 1', '"duration_ms": NaN'
    )
    damage, _ = events.read([line.encode() + b"\n"])
    assert damage == events.Damage(1, "case_end: duration_ms is not a number")


def test_bytes_that_are_no_text_are_shown() -> None:
    line = json.dumps(logs.case_end("CALL-01.1", reason="@\ud800")).encode()
    (end,) = events.read([line.replace(b"@", b"a\xff\xc3\xa4") + b"\n"])
    assert isinstance(end, events.CaseEnd)
    assert end.reason == "a\\xff\u00e4\\ud800"
    end.reason.encode("utf-8")


def test_whole_logs_have_no_problem() -> None:
    for name, make in logs.SAMPLES.items():
        run = results.collect(events.read(logs.lines(make())))
        assert bool(run.problems) == (name == "stopped"), (name, run.problems)


def problems(records: list[dict[str, Any]]) -> str:
    return "\n".join(results.collect(events.read(logs.lines(records))).problems)


def test_what_is_missing_is_said() -> None:
    whole = logs.small()
    assert problems([]) == (
        "no run_start: the plan is not known\nno run_end: the end of the run is not recorded"
    )
    assert problems(whole[:-1]) == "no run_end: the end of the run is not recorded"
    assert "no run_start" in problems(whole[1:])
    without_end = [r for r in whole if (r["event"], r.get("case")) != ("case_end", "CALL-02.1")]
    assert problems(without_end) == "1 of 3 cases without verdict: CALL-02.1"
    without_start = [r for r in whole if (r["event"], r.get("case")) != ("case_start", "CALL-02.1")]
    assert problems(without_start) == "CALL-02.1: repetition 1 ended without a start"
    assert problems([*whole[:-1], logs.run_end({}, complete=False)]) == (
        "run_end says that the run was not completed"
    )


def test_what_does_not_fit_together_is_said() -> None:
    whole = logs.small()
    end = logs.case_end("CALL-02.1", "PASS")
    assert "ended twice; the worse verdict counts" in problems([*whole[:-1], end, whole[-1]])
    assert "not in the plan: OBJ-16.1" in problems(
        [logs.run_start(["CALL-01.1", "CALL-02.1"]), *whole[1:]]
    )
    assert "a case stands twice in the plan" in problems(
        [logs.run_start(["CALL-01.1", "CALL-02.1", "OBJ-16.1", "OBJ-16.1"]), *whole[1:]]
    )
    assert "verdict GREEN is not known" in problems(logs.whole(logs.one("CALL-01.1", "GREEN")))
    assert "log version 2 is not known" in problems([logs.run_start([], version=2)])
    assert "more than one run_start" in problems([whole[0], *whole])
    assert "repetitions that nobody asked for: CALL-01.1" in problems(
        logs.whole(logs.one("CALL-01.1"), logs.one("CALL-01.1", rep=2))
    )
    passed = [logs.case_start("CALL-01.1"), logs.check("CALL-01.1", False)]
    assert "no failure in spite of a failed check: CALL-01.1" in problems(
        logs.whole([*passed, logs.case_end("CALL-01.1")])
    )


def verdict(records: list[dict[str, Any]]) -> str:
    return results.collect(events.read(logs.lines(records))).cases[0].verdict


def test_the_worst_verdict_counts() -> None:
    for position, worse in enumerate(results.SEVERITY):
        for better in results.SEVERITY[position:]:
            pair = [word for word in (better, worse) if word]
            cases = [logs.one("CALL-01.1", word, rep) for rep, word in enumerate(pair, start=1)]
            records = [
                logs.run_start(["CALL-01.1"], repeat=2),
                *(record for case in cases for record in case),
            ]
            assert verdict(records) == worse


def test_a_second_end_cannot_improve_a_case() -> None:
    case = logs.one("CALL-01.1", "FAIL")
    assert verdict(logs.whole([*case, logs.case_end("CALL-01.1", "PASS")])) == "FAIL"
    case = logs.one("CALL-01.1", "PASS")
    assert verdict(logs.whole([*case, logs.case_end("CALL-01.1", "FAIL")])) == "FAIL"


def test_another_repetition_does_not_stand_in_for_a_missing_one() -> None:
    records = logs.whole(logs.one("CALL-01.1", rep=2))
    assert verdict(records) == results.NO_VERDICT
    assert verdict(logs.whole(logs.one("CALL-01.1"), repeat=10**12)) == results.NO_VERDICT
