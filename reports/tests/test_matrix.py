# SPDX-License-Identifier: Apache-2.0
"""The matrix: roll-up, what is not covered and why, routes, coverage of the model."""

from __future__ import annotations

import csv
import io
from typing import Any

import logs
import pytest
from ctsreport import events, matrix, results


def collected(records: list[dict[str, Any]]) -> results.Run:
    return results.collect(events.read(logs.lines(records)))


def row(records: list[dict[str, Any]], requirement: str) -> matrix.Row:
    return next(r for r in matrix.rows(collected(records)) if r.requirement == requirement)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["PASS", "PASS"], "PASS"),
        (["PASS", "SKIP"], "PASS"),
        (["OBSERVED", "SKIP"], "OBSERVED"),
        (["SKIP", "SKIP"], "SKIP"),
        (["PASS", "INCONCLUSIVE"], "INCONCLUSIVE"),
        (["PASS", "BROKEN", "INCONCLUSIVE"], "BROKEN"),
        (["LEAK", "FAIL", "PASS"], "FAIL"),
        (["FAIL", "CRASH"], "CRASH"),
    ],
)
def test_roll_up(verdicts: list[str], expected: str) -> None:
    cases = [logs.one(f"CALL-01.{n}", word) for n, word in enumerate(verdicts, start=1)]
    assert row(logs.whole(*cases), "CALL-01").verdict == expected


def test_an_unknown_verdict_is_worse_than_all() -> None:
    records = logs.whole(logs.one("CALL-01.1", "CRASH"), logs.one("CALL-01.2", "SHINY"))
    assert row(records, "CALL-01").verdict == "SHINY"


def test_rollup_and_severity_hold_the_same_words() -> None:
    assert sorted(results.ROLLUP) == sorted(results.SEVERITY)
    assert set(results.SEVERITY) == {*events.VERDICTS, results.NO_VERDICT}


def test_a_case_without_verdict_shows() -> None:
    assert row(logs.stopped(), "CALL-02").verdict == matrix.NO_VERDICT


def test_what_is_not_covered_says_why() -> None:
    records = logs.every_event()
    v14 = row(records, "V14-01")
    assert (v14.verdict, v14.why) == (matrix.OUT_OF_PROFILE, "belongs to ce-1.4, not to ce-1.2")
    nothing = row(records, "XFER-11")
    assert (nothing.verdict, nothing.cells) == (matrix.UNTESTED, ())
    assert "needs a second machine" in nothing.why
    call = row(logs.taken_run(), "CALL-02")
    assert [cell.verdict for cell in call.cells] == ["FAIL", matrix.NOT_PLANNED]
    assert "was not selected" in call.why
    assert "only when its id is given" in row(logs.taken_run(), "CALL-05").why


def test_routes_differ_by_layout_actors_and_order() -> None:
    def case(identifier: str, *calls: tuple[str, str]) -> list[dict[str, Any]]:
        story = logs.Story(identifier)
        for actor, call in calls:
            story.call(actor, call)
        return story.close("PASS")

    first = case("CALL-01.1", ("a", "Call"), ("b", "Recv"))
    same = case("CALL-01.2", ("x", "Call"), ("y", "Recv"))
    order = case("CALL-01.3", ("b", "Recv"), ("a", "Call"))
    actors = case("CALL-01.4", ("a", "Call"), ("a", "Recv"))
    layout = case("CALL-01.5", ("a", "Call"), ("b", "Recv"))
    layout[0]["layout"] = "two processes"
    skipped = logs.one("CALL-01.6", "SKIP")
    assert row(logs.whole(first, same), "CALL-01").routes == 1
    found = row(logs.whole(first, same, order, actors, layout, skipped), "CALL-01")
    assert (found.routes, found.run, len(found.cells)) == (4, 5, 6)


def test_coverage_of_the_model() -> None:
    text = "\n".join(matrix.text(collected(logs.taken_run())))
    assert "1 of 2 steps" in text and "never: Set of a clear object (OBJ-05)" in text
    assert "0 of 1 outcomes" in text
    assert "does not say what the model can count" in "\n".join(
        matrix.coverage_lines(collected(logs.small()))
    )


def test_csv_has_every_case_and_no_formula() -> None:
    reason = "=cmd()\nnext"
    records = logs.whole(logs.one("CALL-01.1", "FAIL", reason=reason), logs.one("CALL-01.2"))
    table = list(csv.DictReader(io.StringIO(matrix.csv_document(collected(records)))))
    assert [line["case"] for line in table] == ["CALL-01.1", "CALL-01.2"]
    assert table[0]["reason"] == "'=cmd()\\nnext"
    assert table[0]["requirement_verdict"] == "FAIL"


def test_hostile_text_stays_on_its_line() -> None:
    hostile = "a\n  never: forged\x1b[2J"
    records = logs.whole(logs.one("CALL-01.1", "FAIL", reason=hostile))
    text = "\n".join(matrix.text(collected(records), every_case=True))
    assert all(c == "\n" or c.isprintable() for c in text)
    assert "\n  never: forged" not in text
