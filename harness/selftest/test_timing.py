# SPDX-License-Identifier: Apache-2.0
"""A library that wakes late every time is found, a prompt one is not; the proof script works."""

from __future__ import annotations

from collections import Counter

import pytest
import timing_proof
from mutants import build as mutant_build
from mutants.build import Builder
from suite import Suite

MS = 1_000_000
WINDOW_NS = 20 * MS


def test_the_reference_is_in_time(suite: Suite) -> None:
    run = suite.run(timing_proof.CASES)
    assert run.counts == {"PASS": len(timing_proof.CASES)}, run.not_green()
    events = [event for event in run.events if event["event"] == "timing"]
    assert {event["case"] for event in events} == set(timing_proof.CASES)
    for event in events:
        assert event["window_ns"] == WINDOW_NS
        assert len(event["control_ns"]) == len(event["library_ns"]) >= 7
        assert min(event["library_ns"]) <= WINDOW_NS


@pytest.mark.parametrize("case", timing_proof.LATE_CASES)
def test_50_ms_late_is_found(suite: Suite, mutants: Builder, case: str) -> None:
    mutant = next(m for m in mutant_build.load() if m.id == timing_proof.LATE)
    run = suite.run([case], mutants.build(mutant).library, "reference")
    event = next(event for event in run.events if event["event"] == "timing")
    assert min(event["library_ns"]) >= 50 * MS
    assert run.verdicts[case] == event["verdict"]
    # On a machine that is busy beyond all measure the verdict may be open, never good.
    assert run.verdicts[case] in ("FAIL", "INCONCLUSIVE")
    assert run.exit_code == (1 if event["verdict"] == "FAIL" else 6)


def test_window_grows_with_the_factor_and_does_not_shrink(suite: Suite) -> None:
    for factor, window in (("0.5", 20), ("3", 60)):
        run = suite.run(["RECV-04.81"], options=["--timeout-factor", factor])
        event = next(event for event in run.events if event["event"] == "timing")
        assert event["window_ns"] == window * MS


def verdict_of(suite: Suite, pairs: list[timing_proof.Pair]) -> str:
    judge = suite.build / "bin" / "timing_judge"
    counts = timing_proof.judge(judge, WINDOW_NS, [pairs])
    return next(iter(counts))


def test_the_rule_as_a_filter(suite: Suite) -> None:
    assert verdict_of(suite, [(5000, 10000)] * 21) == "PASS"
    assert verdict_of(suite, [(5000, 50 * MS)] * 42) == "FAIL"
    assert verdict_of(suite, [(45 * MS, 50 * MS)] * 42) == "INCONCLUSIVE"
    assert verdict_of(suite, [(45 * MS, 50 * MS)] * 41 + [(45 * MS, 1)]) == "PASS"
    with pytest.raises(timing_proof.ProofError, match="line 1"):
        verdict_of(suite, [(5000, 50 * MS)] * 41)


def row(name: str, drawn: dict[str, int]) -> timing_proof.Row:
    return timing_proof.Row(name, 4, 4.0, Counter(), WINDOW_NS, [[(1, 1)]], Counter(drawn))


@pytest.mark.parametrize(
    ("name", "drawn", "problem"),
    [
        ("reference", {"PASS": 9000, "INCONCLUSIVE": 1000}, None),
        ("reference", {"PASS": 9999, "FAIL": 1}, "1 drawn FAIL"),
        (timing_proof.LATE, {"FAIL": 9000, "INCONCLUSIVE": 1000}, None),
        (timing_proof.LATE, {"INCONCLUSIVE": 10000}, None),
        (timing_proof.LATE, {"FAIL": 9999, "PASS": 1}, "1 drawn PASS"),
        (timing_proof.LATE, {"FAIL": 80, "PASS": 20}, "only 80 of 100"),
    ],
)
def test_what_the_proof_calls_wrong(name: str, drawn: dict[str, int], problem: str | None) -> None:
    problems = row(name, drawn).problems()
    assert (problem is None) == (problems == [])
    assert problem is None or any(problem in text for text in problems)


def test_the_proof_runs(
    suite: Suite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTS_BUILD_DIR", str(suite.build))
    assert timing_proof.main(["--repeat", "1", "--loads", "0", "--verdicts", "500"]) == 0
    out = capsys.readouterr().out
    assert "no wrong verdict" in out
    assert out.count("500 drawn") == 2


def test_the_proof_says_what_is_missing(
    tmp_path: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTS_BUILD_DIR", str(tmp_path))
    assert timing_proof.main(["--loads", "0"]) == 4
    assert "is not built" in capsys.readouterr().err
