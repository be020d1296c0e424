# SPDX-License-Identifier: Apache-2.0
"""The reference is conformant, and the suite says so in every order."""

from __future__ import annotations

import json

import pytest

from suite import Suite, listed


def test_the_default_is_the_reference_with_its_adapter(suite: Suite) -> None:
    run = suite.run(["LIFE"], sut=suite.reference, adapter="reference")
    default = suite.run(["LIFE"])
    assert run.verdicts == default.verdicts


def test_order_follows_the_seed(suite: Suite) -> None:
    options = ["--shuffle", "--jobs", "1", "--seed"]
    runs = [suite.run(["OBJ-07", "RECV-02"], options=[*options, seed]) for seed in "778"]
    order = [
        [event["case"] for event in run.events if event["event"] == "case_start"] for run in runs
    ]
    assert order[0] == order[1]
    assert order[0] != order[2]
    assert sorted(order[0]) == sorted(order[2])


def test_no_requirement_is_without_a_verdict(suite: Suite) -> None:
    """Everything there is, in another order; at least two routes where calls are made. Strict: nothing is suspect
    today, and no claim about the reference rests on weak evidence."""
    options = ["--profile", "ce-1.4", "--opt-in", "--strict", "--shuffle", "--seed", "20260101"]
    run = suite.run(options=options)
    assert run.exit_code == 0, run.not_green()
    assert set(run.counts) == {"PASS", "OBSERVED"}
    assert set(run.verdicts) == set(run.start["planned"])
    matrix = json.loads(suite.call(["matrix", "--format", "json", run.log]).stdout)
    rows = {row["requirement"]: row for row in matrix["requirements"]}
    without = {id for id, row in rows.items() if row["verdict"] not in ("PASS", "OBSERVED")}
    assert without == set()
    strict = [row for row in rows.values() if row["strength"] in ("must", "derived")]
    assert len(strict) > 70
    assert [row["requirement"] for row in strict if row["cases_run"] < 2] == []
    one_route = {row["requirement"] for row in strict if row["routes"] < 2}
    assert one_route <= {"ABI-01", "ABI-03"}  # they are about headers and call nothing


def test_an_older_edition_is_strict_too(suite: Suite) -> None:
    """A worker is not told the edition, so these are the cases that the whole run above had with another strength;
    `ci/check suite` runs all of it."""
    old, new = (listed(suite, profile) for profile in ("ce-1.2", "ce-1.4"))
    changed = sorted(id for id, row in old.items() if new.get(id) != row)
    assert changed
    run = suite.run(changed, options=["--strict"])
    assert run.exit_code == 0, run.not_green()
    assert set(run.verdicts) == set(changed)


def test_gives_the_same_verdicts_again(suite: Suite) -> None:
    run = suite.run(["CALL-02", "STATE"], options=["--repeat", "3"])
    assert run.exit_code == 0, run.not_green()
    seen = {}
    for case in run.cases:
        seen.setdefault(case["case"], set()).add(case["verdict"])
    assert {name: words for name, words in seen.items() if len(words) > 1} == {}
    assert len(run.cases) == 3 * len(run.start["planned"])


def test_without_adapter_only_skips_are_added(suite: Suite) -> None:
    """The library alone is judged, too; what one process cannot show is skipped with a reason."""
    run = suite.run(sut=suite.reference)
    assert run.exit_code == 0, run.not_green()
    assert all(case["reason"] for case in run.cases if case["verdict"] == "SKIP")


@pytest.mark.parametrize(("case", "phases"), [("RACE-01.74", ("blocked", "taken")),
                                              ("RACE-03.34", ("before", "blocked"))])  # fmt: skip
def test_a_window_on_one_cpu_does_not_want_overlaps(
    suite: Suite, case: str, phases: tuple[str, str]
) -> None:
    """There the two calls take turns, but for a preemption now and then."""
    run = suite.run([case])
    (window,) = [event for event in run.events if event["event"] == "window"]
    assert window["missing"] == []
    assert min(window["phases"][phase] for phase in phases) >= window["wanted"]
