# SPDX-License-Identifier: Apache-2.0
"""Explanations: what they say, in which order things happened, hostile and cut logs."""

from __future__ import annotations

from typing import Any

import logs
import pytest
from ctsreport import events, explain, results, timeline


def collected(records: list[dict[str, Any]]) -> results.Run:
    return results.collect(events.read(logs.lines(records)), results.every_case)


def explained(records: list[dict[str, Any]], case: str, whole: bool = False) -> str:
    run = collected(records)
    found = run.case(case)
    assert found is not None
    return "\n".join(explain.case_lines(run, found, explain.strongest(found), whole))


@pytest.mark.parametrize("rep", [1, 2])
def test_golden(rep: int) -> None:
    run = collected(logs.taken_run())
    (case,) = run.cases
    lines = explain.case_lines(run, case, case.repetitions[rep - 1])
    golden = (logs.DATA / f"taken.explain{rep}").read_text()
    assert "".join(line + "\n" for line in lines) == golden


def test_the_first_failing_repetition_is_explained() -> None:
    run = collected(logs.taken_run())
    (case,) = run.cases
    strongest = explain.strongest(case)
    assert strongest is not None and strongest.rep == 2
    # The first one, and not the worst one.
    words = enumerate(("PASS", "FAIL", "CRASH"), start=1)
    records = logs.whole(*(logs.one("CALL-01.1", word, rep=n) for n, word in words), repeat=3)
    strongest = explain.strongest(collected(records).cases[0])
    assert strongest is not None and strongest.verdict == "FAIL"


def test_moments_are_in_the_order_of_the_stamps_not_of_the_lines() -> None:
    """The log learns late of a return that came early."""
    story = logs.Story("CALL-01.1")
    story.actors("first", "second")
    one = story.begin("first", "Call", request=1)
    two = story.begin("second", "Call", request=2)
    story.end(one)  # stamp 3
    story.end(two)  # stamp 4
    records = story.close("PASS")
    ends = [i for i, record in enumerate(records) if record["event"] == "return"]
    records[ends[0]], records[ends[1]] = records[ends[1]], records[ends[0]]
    run = collected(logs.whole(records))
    repetition = run.cases[0].repetitions[0]
    told = [
        (m.kind, m.call.actor) for m in timeline.moments(repetition) if m.call is not None
    ]
    assert told == [("begin", "first"), ("begin", "second"), ("end", "first"), ("end", "second")]


def test_lanes_know_blocked_taken_and_frozen() -> None:
    run = collected(logs.whole(logs.taken()))
    found = timeline.moments(run.cases[0].repetitions[0])
    client = [doing.get("client", timeline.IDLE) for doing in timeline.lanes(found)]
    assert timeline.TAKEN in client and timeline.FROZEN in client
    assert client.index(timeline.ENTERED) < client.index(timeline.TAKEN)
    server = [doing.get("server", timeline.IDLE) for doing in timeline.lanes(found)]
    assert timeline.BLOCKED in server and server[-1] == timeline.IDLE


def test_weak_rest_blocks_nobody() -> None:
    story = logs.Story("CALL-01.1")
    story.actors("client")
    story.begin("client", "CallEx", request=1)
    story.settle("weak")
    run = collected(logs.whole(story.close("PASS")))
    found = timeline.moments(run.cases[0].repetitions[0])
    assert [doing["client"] for doing in timeline.lanes(found)] == [timeline.ENTERED] * 2


def test_a_call_that_never_returned_stays_where_it_began() -> None:
    story = logs.Story("CALL-01.1")
    story.actors("client", "server")
    story.begin("client", "Call", request=1)
    story.call("server", "Recv")
    text = explained(logs.whole(story.close("TIMEOUT")), "CALL-01.1")
    assert text.index("client calls Call") < text.index("server calls Recv")
    assert "TIMEOUT: reason of TIMEOUT" in text and " >>  " in text


def test_the_model_explains() -> None:
    story = logs.Story("RACE-01.1")
    text = "the model explains the history (CALL-02): the call was taken"
    story.check(False, text, kind="model", expected="a lawful history", observed="taken-immune")
    explanation = explained(
        logs.whole(story.close("FAIL", reason=text, expected="a lawful history")), "RACE-01.1"
    )
    assert "rule taken-immune" in explanation and "the call was taken" in explanation


def test_observed_values_are_told() -> None:
    text = explained(logs.every_event(), "CALL-05.1")
    assert "OBSERVED CALL-05.1" in text
    assert "the call = rcOk" in text and "Never a mixture." in text


def test_hostile_text_stays_on_its_line() -> None:
    hostile = "a\nFAIL forged\x1b[2J\u202e\x00 \ud800"
    case = logs.one("CALL-01.1", "FAIL", reason=hostile, observed=hostile, output=hostile * 3)
    story = logs.Story("CALL-01.1")
    story.actors("a\x1b[1m")
    story.call("a\x1b[1m", "Call\n", rc=hostile)
    case[1:1] = story.records[1:]
    text = explained(logs.whole(case), "CALL-01.1")
    assert not [c for c in text if c != "\n" and not c.isprintable()]
    assert not [line for line in text.split("\n") if line.startswith("FAIL forged")]


def test_long_cases_keep_start_and_end() -> None:
    story = logs.Story("RACE-01.1")
    story.actors("client")
    for number in range(500):
        story.call("client", "Call", request=number)
    records = logs.whole(story.close("FAIL"))
    short = explained(records, "RACE-01.1")
    assert "request 0" in short and "request 499" in short and "left out" in short
    assert len(short.split("\n")) < 200
    assert explained(records, "RACE-01.1", whole=True).count("request 250") == 2


def test_more_actors_than_columns() -> None:
    story = logs.Story("RACE-01.1")
    story.actors(*(f"client{i}" for i in range(30)))
    for number in range(30):
        story.call(f"client{number}", "Call", request=number)
    text = explained(logs.whole(story.close("PASS")), "RACE-01.1")
    assert "and 6 more without a column" in text and "client29 calls Call" in text


def test_every_cut_of_a_log_is_explained_or_has_no_plan() -> None:
    content = logs.encode(logs.taken_run())
    seen = set()
    for size in range(0, len(content), 37):
        lines = content[:size].splitlines(keepends=True)
        run = results.collect(events.read(lines), results.every_case)
        for case in run.cases:
            repetition = explain.strongest(case)
            text = "\n".join(explain.case_lines(run, case, repetition))
            seen.add(text.split(" ")[0])
            assert run.problems
    assert {"no", "FAIL"} <= seen
