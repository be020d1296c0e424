# SPDX-License-Identifier: Apache-2.0
"""Libraries that leak threads, descriptors, memory are found, each by name; others never are."""

from __future__ import annotations

import pytest

from mutants import build as mutant_build
from mutants.build import Builder
from suite import Suite

CASES = ("OBJ-15.81", "OBJ-15.82", "OBJ-15.83", "OBJ-15.84", "OBJ-15.85")
LEAKY = {
    "set-leaks-thread": ("OBJ-15.84", "threads"),
    "set-leaks-descriptor": ("OBJ-15.84", "open descriptors"),
    "interrupt-leaks-memory": ("OBJ-15.83", "bytes of memory"),
    "close-leaks-object": ("OBJ-15.81", "bytes of memory"),
}
TIGHT = ("futex", "condvar", "poll", "contrary", "broker", "cxx")


@pytest.mark.parametrize("name", sorted(LEAKY))
def test_what_leaks_is_named(suite: Suite, mutants: Builder, name: str) -> None:
    case, what = LEAKY[name]
    mutant = next(mutant for mutant in mutant_build.load() if mutant.id == name)
    run = suite.run([case], mutants.build(mutant).library, "reference")
    assert run.verdicts[case] == "LEAK"
    assert run.exit_code == 1
    assert f"LEAK {case}" in run.report
    assert f"the number of {what} stops growing" in run.report
    growth = next(event for event in run.events if event["event"] == "growth")
    assert growth["verdict"] == "LEAK"


@pytest.mark.parametrize("variant", TIGHT)
def test_nothing_is_said_of_tight_ones(suite: Suite, variant: str) -> None:
    run = suite.run(CASES, suite.variant(variant))
    assert set(run.verdicts.values()) <= {"PASS", "SKIP"}, run.not_green()
    judged = [event for event in run.events if event["event"] == "growth"]
    assert all(event["verdict"] == "PASS" for event in judged)
    assert {"threads", "descriptors"} <= set(judged[0])
    assert len(judged) == list(run.verdicts.values()).count("PASS")
