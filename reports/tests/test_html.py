# SPDX-License-Identifier: Apache-2.0
"""The HTML page: what must stand in it, and what must never be able to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from logs import (
    DATA,
    case_end,
    case_start,
    check,
    encode,
    every_event,
    every_verdict,
    lines,
    one,
    repeated,
    requirement,
    run_start,
    small,
    whole,
)
from lxml import etree

from ctsreport import events, html, results
from ctsreport.html import __main__ as command
from ctsreport.html import observations, store

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</pre></details></svg><h1>Conformant</h1>",
    "]]><!-- --!> <!doctype html>",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "\x00\x07\x1b[31m\u202eevil\u2066\ufeff",
    "' onfocus=alert(1) autofocus '",
    "javascript:alert(1)",
)


def page(records: list[dict[str, Any]]) -> str:
    return page_of(encode(records))


def page_of(log: bytes) -> str:
    run = results.collect(events.read(log.splitlines(keepends=True)), results.every_case)
    return html.render(run).decode("utf-8")


def tree(text: str) -> Any:
    return etree.fromstring(text.encode("utf-8"), etree.HTMLParser(encoding="utf-8"))


def words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def cells(row: Any) -> list[str]:
    return [words(cell) for cell in row.xpath("./th | ./td")]


def element(text: str, identifier: str) -> Any:
    found = tree(text).xpath("//*[@id=$id]", id=identifier)
    assert len(found) == 1, f"{len(found)} elements with id {identifier}"
    return found[0]


def taken() -> str:
    return page_of((DATA / "taken.jsonl").read_bytes())


# ---------------------------------------------------------------------------------------------
# What stands there.


def test_the_verdict_is_the_heading() -> None:
    assert "Not conformant to ce-1.2" in words(tree(page(small())).find(".//h1"))
    assert "Conformant to ce-1.2" in words(tree(page(whole(one("CALL-01.1")))).find(".//h1"))


@pytest.mark.parametrize(
    ("records", "heading"),
    [
        (whole(one("CALL-01.1", "SKIP")), "Nothing was tested"),
        (whole(one("CALL-01.1"), one("CALL-01.2", "INCONCLUSIVE")), "Not decided"),
        (whole(one("CALL-01.1"), one("CALL-01.2", "BROKEN")), "Not decided"),
        (whole(one("CALL-01.1", "CRASH")), "Not conformant"),
        (whole(one("CALL-01.1", "SOMETHING")), "Not conformant"),
        (small()[:-1], "Not conformant"),
        (whole(one("CALL-01.1"))[:-1], "No verdict: incomplete"),
        (whole(one("CALL-01.1"))[1:], "No verdict"),
        ([], "No verdict"),
    ],
)
def test_a_run_is_only_green_when_it_is(records: list[dict[str, Any]], heading: str) -> None:
    top = tree(page(records)).find(".//h1")
    assert heading in words(top)
    assert "✓" not in words(top)


def test_an_exit_code_other_than_zero_is_never_green() -> None:
    records = whole(one("CALL-01.1"))
    records[-1]["exit_code"] = 3
    assert "exit code 3" in words(tree(page(records)).find(".//header"))
    assert "✓" not in words(tree(page(records)).find(".//h1"))


def test_every_case_stands_there_once_with_its_verdict() -> None:
    records = every_verdict()
    text = page(records)
    shown = {
        item.get("id"): item.get("data-v") for item in tree(text).xpath("//details[@data-v]")
    }
    run = results.collect(events.read(lines(records)))
    assert shown == {case.case: case.verdict or "NO VERDICT" for case in run.cases}
    dots = tree(text).xpath("//a[contains(@class, 'k ')]/@href")
    assert sorted(dots) == sorted("#" + case.case for case in run.cases)


def test_counts_are_those_of_the_results() -> None:
    counts = tree(page(every_verdict())).xpath("//ul[@class='counts']/li")
    shown = {words(li.findall("span")[1]): int(words(li.findall("span")[0])) for li in counts}
    expected: dict[str, int] = {}
    for case in results.collect(events.read(lines(every_verdict()))).cases:
        expected[case.verdict or "NO VERDICT"] = expected.get(case.verdict or "NO VERDICT", 0) + 1
    assert shown == expected


def test_a_failed_case_says_everything() -> None:
    records = whole(
        one("CALL-02.1", "FAIL", expected="still in the call", observed="rcIpcInterrupt",
            at={"file": "conformance/cases/x.c", "line": 7}, output="text of it", output_bytes=10)
    )  # fmt: skip
    records.insert(1, requirement("CALL-02", causes="stays on the list"))
    text = page(records)
    case = words(element(text, "CALL-02.1"))
    for part in ("FAIL", "title of CALL-02 1", "still in the call", "rcIpcInterrupt",
                 "conformance/cases/x.c:7", "text of it", "ipc-cts debug CALL-02.1"):  # fmt: skip
        assert part in case
    failures = words(element(text, "failures"))
    for part in ("The claim of CALL-02.", "must", "stays on the list", "libkos_ipc_api"):
        assert part in failures


def test_a_requirement_without_a_case_says_why() -> None:
    row = words(element(page(every_event()), "r-XFER-11"))
    assert "NOT RUN" in row
    assert "needs a second machine" in row
    assert "V14-01" in words(tree(page(every_event())))


def test_repetitions_with_different_verdicts_are_named() -> None:
    text = page(repeated())
    cases = tree(text).xpath("//details[@data-v]")
    assert any("PASS" in words(item.find(".//dl[@class='facts']")) for item in cases)


def test_what_must_hold_comes_before_what_follows_from_it() -> None:
    derived = one("CALL-01.1", "FAIL")
    derived[0]["strength"] = "derived"
    text = page(whole(derived, one("CALL-02.1", "FAIL"), one("CALL-02.2")))
    rows = tree(text).xpath("//table[@class='violated']//th/a/text()")
    assert rows == ["CALL-02", "CALL-01"]


# ---------------------------------------------------------------------------------------------
# The picture.


def test_the_picture_has_the_lanes_and_the_point_of_failure() -> None:
    case = element(taken(), "CALL-02.1")
    picture = case.find(".//svg")
    text = ["".join(t.itertext()) for t in picture.findall(".//text")]
    for name in ("controller1", "client", "server", "sync1"):
        assert any(t.startswith(name) for t in text)
    kinds = " ".join(picture.xpath(".//@class"))
    for kind in ("win", "wait", "taken", "mark set", "flag", "cap int", "badrow", "ghost"):
        assert kind in kinds, kind


def test_the_wrong_step_is_named() -> None:
    case = element(taken(), "CALL-02.1")
    wrong = [words(li) for li in case.xpath(".//li[@class='wrong']")]
    assert len(wrong) == 1
    assert "client CallEx returns rcIpcInterrupt not as expected" in wrong[0]
    bad = [words(li) for li in case.xpath(".//li[@class='bad']")]
    assert len(bad) == 1
    assert "expected still in the call, seen rcIpcInterrupt" in bad[0]


def test_rows_of_the_picture_are_the_steps() -> None:
    for case in tree(taken()).xpath("//details[@data-v]"):
        numbers = [words(t) for t in case.xpath(".//*[@class='no']")]
        steps = [words(li.find("i")) for li in case.xpath(".//ol[@class='steps']/li")]
        missing = [n for n in steps if n and n not in numbers]
        assert len(missing) <= 1  # the failed row has a cross in place of its number
        assert set(numbers) <= set(steps)


def test_a_long_case_keeps_its_beginning_and_its_failure() -> None:
    case = "RACE-03.1"
    records: list[dict[str, Any]] = [case_start(case)]
    for op in range(1, 4000):
        ids = {"case": case, "rep": 1, "op": op, "actor": "a", "call": "KnIpcSetInterrupt"}
        records.append({"event": "invoke", **ids, "object": "sync1"})
        records.append({"event": "return", **ids, "rc": "rcOk", "seq_invoke": 2 * op,
                        "seq_return": 2 * op + 1})  # fmt: skip
    records.append(check(case, False))
    records.append(case_end(case, "FAIL", expected="rcOk", observed="rcIpcInterrupt"))
    text = page(whole(records))
    steps = element(text, case).xpath(".//ol[@class='steps']/li")
    assert len(steps) < 80
    assert steps[-1].get("class") == "bad"
    assert any("left out" in words(step) for step in steps)
    assert len(text) < 120_000


# ---------------------------------------------------------------------------------------------
# What must not be possible.


def hostile(text: str) -> list[dict[str, Any]]:
    """A log in which everything that a text can be is this one, in a case that fails."""
    case = "CALL-02.1"
    ids = {"case": case, "rep": 1}
    start = case_start(case, title=text, claim=text, strength=text, file=text, layout=text)
    steps = [
        {"event": "process", **ids, "process": text, "id": 1},
        {"event": "actor", **ids, "actor": text, "process": text},
        {"event": "object", **ids, "object": text, "kind": "sync", "process": text, "handle": text},
        {"event": "invoke", **ids, "op": 1, "actor": text, "call": text, "object": text,
         "mdelay": text, "sync": text, "sync_object": text},
        {"event": "settle", **ids, "how": text},
        {"event": "freeze", **ids, "actor": text},
        {"event": "advance", **ids, "ms": text},
        {"event": "process_end", **ids, "process": text, "killed": False},
        {"event": "return", **ids, "op": 1, "actor": text, "call": text, "rc": text,
         "seq_invoke": 1, "seq_return": 2, "new_handle": text},
        {"event": "observe", **ids, "what": text, "seen": text},
        check(case, False, text=text, expected=text, observed=text, file=text),
        {"event": "stage", **ids, "actor": text, "state": text, "how": text},
        {"event": "model", **ids, "verdict": text, "coverage": {text: 1}},
    ]  # fmt: skip
    end = case_end(case, "FAIL", reason=text, expected=text, observed=text, signal=text,
                   output=text, output_bytes=len(text), repro=text,
                   at={"file": text, "line": 1})  # fmt: skip
    other = one("CALL-03.1", text)
    strange = {
        "sut": {"path": text, "size_bytes": text, "build_id": text},
        "adapter": {"path": text, "name": text},
        "machine": {"cpus": text, "kernel": text, "arch": text},
        "missing_optional": [text],
        "seed": text,
        "profile": text,
        "suite": text,
        "time_utc": text,
    }
    records = whole([start, *steps, end], other, **strange)
    records.insert(1, requirement("CALL-02", claim=text, causes=text, source=text, area=text,
                                  strength=text, invariant=text, uncovered=text))  # fmt: skip
    return records


def skeleton(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes, and nothing of their text."""
    return [
        (str(item.tag), tuple(sorted(item.attrib)))
        for item in tree(text).iter()
        if isinstance(item.tag, str)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_adds_no_element_and_no_attribute(text: str) -> None:
    harmless = "x" * 20
    assert skeleton(page(hostile(text))) == skeleton(page(hostile(harmless)))


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_shows_no_control_character(text: str) -> None:
    shown = page(hostile(text))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", shown)


def test_an_id_cannot_be_forged() -> None:
    records = whole(one("CALL-01.1"), one('x" onclick="alert(1)'), one("h-matrix"), one("filter"))
    found = tree(page(records)).xpath("//@id")
    assert len(found) == len(set(found))
    assert not tree(page(records)).xpath("//@onclick")


def test_megabytes_of_output_stay_a_page() -> None:
    text = "<b>&\x1b" * 500_000
    records = whole(one("CALL-01.1", "FAIL", output=text, output_bytes=len(text)))
    shown = page(records)
    assert len(shown) < 600_000
    assert "characters left out" in shown


def test_the_page_needs_nothing_else() -> None:
    text = taken()
    policy = tree(text).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not tree(text).xpath("//@src | //link | //iframe | //*[@style] | //img | //object")
    assert all(str(ref).startswith("#") for ref in tree(text).xpath("//@href"))
    assert not re.search(r"@import|url\((?!#)", text)


def test_no_path_of_the_machine_is_shown_as_the_library() -> None:
    records = whole(one("CALL-01.1"), sut={"path": "/home/somebody/lib/libkos-ipc.so"})
    text = words(tree(page(records)).xpath("//dl[@class='identity']")[0])
    assert "libkos-ipc.so" in text
    assert "somebody" not in text


# ---------------------------------------------------------------------------------------------
# Same bytes, cut logs, the command.


def test_same_log_same_bytes() -> None:
    log = DATA / "taken.jsonl"
    program = (
        "import sys; from ctsreport.html import __main__ as m, render;"
        "sys.stdout.buffer.write(render(m.read(sys.argv[1])))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program, str(log)],
            env={"PYTHONPATH": str(Path(html.__file__).parents[2]), "PYTHONHASHSEED": seed},
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(found[0]) > 10_000


def test_a_log_cut_anywhere_says_so() -> None:
    log = encode(every_event())
    whole_page = page_of(log)
    assert "not the whole of a run" not in whole_page
    ends = sorted({*range(0, len(log) - 200, 397), *range(len(log) - 200, len(log) - 1, 3)})
    for end in ends:
        text = page_of(log[:end])
        assert "not the whole of a run" in text, end
        assert text.rstrip().endswith("</html>")
        assert "✓</span>" not in text


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert command.main([str(DATA / "taken.jsonl"), "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == taken()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes((DATA / "taken.jsonl").read_bytes()[:-30])
    assert command.main([str(cut), "-o", str(target)]) == 2
    assert command.main([str(tmp_path / "missing"), "-o", str(target)]) == 4
    assert command.main([str(cut), "-o", str(tmp_path / "no" / "file")]) == 4
    assert command.main([str(cut)]) == 4


def test_an_empty_plan_is_a_page() -> None:
    text = page([run_start([])])
    assert "No verdict" in words(tree(text).find(".//h1"))


# ---------------------------------------------------------------------------------------------
# What was measured, reached and observed.


def with_events(*records: dict[str, Any]) -> list[dict[str, Any]]:
    case = one("CALL-01.1")
    ids = {"case": "CALL-01.1", "rep": 1}
    return whole([case[0], *({**ids, **record} for record in records), *case[1:]])


@pytest.fixture
def known_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader knows these events, whatever wrote them."""
    names = {*events.STEPS, "timing", "window", "growth"}
    monkeypatch.setattr(events, "_STEP_NAMES", frozenset(names))


@pytest.mark.usefixtures("known_steps")
def test_timing_is_drawn_against_the_control_group() -> None:
    text = page(
        with_events(
            {"event": "timing", "what": "the end after Set", "control_ns": [4000, 5000, 6000],
             "library_ns": [11000, 52_000_000], "window_ns": 20_000_000, "verdict": "PASS"}
        )  # fmt: skip
    )
    figure = tree(text).find(".//figure")
    assert len(figure.xpath(".//*[@class='control']")) == 3
    assert len(figure.xpath(".//*[@class='library']")) == 2
    assert len(figure.xpath(".//*[@class='limit']")) == 1
    assert "library 11 µs to 52 ms" in words(figure)
    assert "window 20 ms" in words(figure)


@pytest.mark.usefixtures("known_steps")
def test_windows_and_growth_are_listed() -> None:
    text = page(
        with_events(
            {"event": "window", "window": "Set against entry", "trials": 40, "missing": ["after"],
             "phases": {"before": 9, "blocked": 31}, "outcomes": {"interrupted": 40},
             "overlaps": {"rival first": 22}},
            {"event": "growth", "rounds": 12, "threads": [3, 3, 9], "verdict": "LEAK"},
        )  # fmt: skip
    )
    found = words(tree(text).find(".//main"))
    for part in ("Set against entry", "before 9, blocked 31", "rival first 22", "interrupted 40",
                 "after", "threads 3 to 9", "LEAK"):  # fmt: skip
        assert part in found


@pytest.mark.usefixtures("known_steps")
@pytest.mark.parametrize("value", [None, [], {}, "x", [None, "1", -5, 10**30], {"a": "b"}, True])
def test_strange_measurements_are_still_a_page(value: Any) -> None:
    names = ("what", "control_ns", "library_ns", "window_ns", "verdict", "window", "trials",
             "phases", "overlaps", "outcomes", "missing", "rounds", "threads")  # fmt: skip
    records = [
        {"event": kind, **dict.fromkeys(names, value)} for kind in ("timing", "window", "growth")
    ]
    assert page(with_events(*records)).rstrip().endswith("</html>")


def observing(*seen: tuple[str, str]) -> list[dict[str, Any]]:
    case = one("CALL-05.1", "OBSERVED")
    ids = {"event": "observe", "case": "CALL-05.1", "rep": 1}
    return whole([case[0], *({**ids, "what": w, "seen": s} for w, s in seen), *case[1:]])


def test_observations_stand_beside_the_reference() -> None:
    run = results.collect(events.read(lines(observing(("a call", "rcOk"), ("a call", "rcOk"),
                                                      ("other", "yes")))))  # fmt: skip
    known = {"ce-1.2": {"CALL-05": {"a call": ["rcIpcInterrupt"]}}}
    rows = {row.what: row for row in observations.rows(run, known)}
    assert rows["a call"].seen == (("rcOk", 2),)
    assert rows["a call"].differs
    assert rows["other"].reference is None and not rows["other"].differs
    text = html.render(run, known).decode()
    shown = [cells(row) for row in tree(text).xpath("//tr[@class='differs']")]
    assert shown == [["CALL-05", "a call", "rcOk × 2differs", "rcIpcInterrupt"]]


def test_the_stored_observations_are_what_the_command_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = observations.stored()
    assert stored["ce-1.2"]["CALL-05"]
    log = tmp_path / "events.jsonl"
    log.write_bytes(encode(observing(("a", "2"), ("a", "1"))))
    assert store.main([str(log)]) == 0
    assert json.loads(capsys.readouterr().out) == {"ce-1.2": {"CALL-05": {"a": ["1", "2"]}}}
    log.write_bytes(encode(small()))
    assert store.main([str(log)]) == 1
    assert store.main([str(tmp_path / "missing")]) == 4
    assert store.main([]) == 4


def test_another_log_and_lines_by_the_command(tmp_path: Path) -> None:
    log, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    log.write_bytes(encode(observing(("a call", "rcOk"))))
    other.write_bytes(encode(observing(("a call", "rcTimeout"))))
    trace, target = tmp_path / "lines.info", tmp_path / "report.html"
    trace.write_text("TN:\nSF:/home/x/src/a.c\nDA:1,3\nDA:2,0\nend_of_record\n"
                     "TN:y\nSF:/home/x/src/b.c\nDA:7,1\nend_of_record\n")  # fmt: skip
    arguments = [str(log), "-o", str(target), "--compare", str(other), "--coverage", str(trace)]
    assert command.main(arguments) == 0
    text = target.read_text(encoding="utf-8")
    assert "Other log" in text and "rcTimeout" in text
    rows = [cells(row) for row in tree(text).xpath("//section[@aria-labelledby='h-lines']//tr")]
    assert rows[1:] == [["a.c", "2", "1", "50.0", ""], ["b.c", "1", "1", "100.0", ""]]
    assert "/home/x" not in text
    trace.write_text("nothing")
    assert command.main(arguments) == 4


def test_five_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "events.jsonl"
    hostile_sut = {"path": "x/\x1b[31m<code>&amp;.so", "size_bytes": 5, "build_id": None}
    log.write_bytes(encode(whole(one("CALL-02.1", "FAIL"), sut=hostile_sut)))
    assert command.main([str(log), "-o", str(tmp_path / "r.html"), "--summary"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["verdict", "library", "cases", "look", "page"]
    assert said[0].startswith("verdict  Not conformant to ce-1.2. 1 of 1 case fails")
    assert said[1].startswith("library  \\x1b[31m<code>&amp;.so, 5 bytes")
    assert "CALL-02 (must, 1 of 1 cases): It works." in said[3]


# ---------------------------------------------------------------------------------------------
# More of the picture.


def story(*records: dict[str, Any], **end: Any) -> Any:
    case = "LIFE-02.1"
    ids = {"case": case, "rep": 1}
    inside = [{**ids, **record} for record in records]
    run = whole([case_start(case), *inside, case_end(case, "FAIL", **end)])
    return element(page(run), case)


def invoke(op: int, actor: str, call: str, **members: Any) -> dict[str, Any]:
    return {"event": "invoke", "op": op, "actor": actor, "call": call, **members}


def ret(op: int, first: int, last: int, rc: str, **members: Any) -> dict[str, Any]:
    return {"event": "return", "op": op, "rc": rc, "seq_invoke": first, "seq_return": last,
            **members}  # fmt: skip


def test_a_frozen_stretch_and_a_process_end_are_drawn() -> None:
    found = story(
        {"event": "actor", "actor": "a", "process": "p1"},
        {"event": "actor", "actor": "b", "process": "p2"},
        invoke(1, "a", "CallEx", sync="0x1", sync_object="sync1", request=1),
        {"event": "freeze", "actor": "a"},
        invoke(2, "b", "KnHandleClose", object="server1"),
        ret(2, 2, 3, "rcOk"),
        {"event": "thaw", "actor": "a"},
        ret(1, 1, 4, "rcTimeout"),
        {"event": "process_end", "process": "p2", "killed": True},
    )
    kinds = " ".join(found.xpath(".//svg//@class"))
    for kind in ("ice", "dead", "gone", "mark close", "cap time", "win", "wait"):
        assert kind in kinds, kind
    assert "taken" not in kinds
    assert "p2 is killed" in words(found)


def test_a_call_that_should_have_returned_shows_what_was_expected() -> None:
    check_of = check("LIFE-02.1", False, text="CallEx of client 1 returns",
                     expected="rcIpcInterrupt", observed="still in the call")  # fmt: skip
    found = story(
        {"event": "actor", "actor": "client 1", "process": "p1"},
        invoke(1, "client 1", "CallEx", sync="0x1", sync_object="sync1", request=1),
        {"event": "settle", "how": "kernel"},
        {"event": "settle", "how": "kernel"},
        check_of,
    )
    picture = found.find(".//svg")
    assert len(picture.xpath(".//*[@class='ghost']")) == 1
    assert len(picture.xpath(".//*[@class='on']")) == 1
    assert [words(t) for t in picture.xpath(".//*[@class='tag wanted']")] == ["rcIpcInterrupt"]
    assert len(picture.xpath(".//*[@class='rest']")) == 1  # twice at rest is once


def test_many_threads_do_not_burst_the_picture() -> None:
    records = []
    for number in range(1, 40):
        records.append(invoke(number, f"client {number}", "CallEx", request=number))
    found = story(*records)
    assert len(found.xpath(".//svg//*[@class='rail']")) == 14
    assert "25 actors more without a lane" in words(found)
    assert int(found.find(".//svg").get("width")) < 900


def test_what_only_left_something_comes_last_and_is_no_violation() -> None:
    plan = ["CALL-01.1", "OBJ-15.1", "RECV-01.1"]
    left = "no object outlives its handles"
    place = {"file": "conformance/cases/obj_leak.c", "line": 7}
    records = [
        run_start(plan),
        *(requirement(case.partition(".")[0]) for case in plan),
        *(case_start(case) for case in plan),
        case_end("CALL-01.1", "LEAK", reason=left, at=None),
        case_end("OBJ-15.1", "LEAK", reason="memory grows", at=place),
        case_end("RECV-01.1", "FAIL", reason="it waits"),
    ]
    run = results.collect(events.read(encode(records).splitlines(keepends=True)), results.every_case)
    found, _ = html.page.groups(run)
    worst = html.page.by_weight(found)
    assert worst[-1].id == "CALL-01"
    assert [group.left_something_only for group in worst] == [False, False, True]
    sentence = html.page.headline(run, found).sentence
    assert "2 requirements are violated; cases of 1 other requirement only left" in sentence
    shown = html.render(run).decode("utf-8")
    assert shown.count("Its claims held.") == 1
