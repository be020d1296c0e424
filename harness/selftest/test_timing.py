# SPDX-License-Identifier: Apache-2.0
"""A library that wakes late every time is found, a prompt one is not; the proof script works."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import timing_proof
from mutants import build as mutant_build
from mutants.build import Builder, Mutant
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
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTS_BUILD_DIR", str(tmp_path))
    assert timing_proof.main(["--loads", "0"]) == 4
    assert "is not built" in capsys.readouterr().err


LATE_CALL = """
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <time.h>

static Retcode late(Retcode rc)
{
    const struct timespec pause = {0, 50000000};
    if (rc == %(code)s) {
        (void)nanosleep(&pause, NULL);
    }
    return rc;
}

#pragma GCC visibility push(default)
#if %(recv)d
Retcode real_RecvEx(Handle handle, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync);
Retcode RecvEx(Handle handle, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync)
{
    return late(real_RecvEx(handle, in, mdelay, sync));
}
#else
Retcode real_CallEx(Handle handle, const SMsgHdr *out, SMsgHdr *in, rtl_uint32_t mdelay,
                    Handle sync);
Retcode CallEx(Handle handle, const SMsgHdr *out, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync)
{
    return late(real_CallEx(handle, out, in, mdelay, sync));
}
#endif
#pragma GCC visibility pop
"""

# A RecvEx that nobody wakes: it looks at its object every 60 ms. No document forbids that.
LOOKS_AT_INTERVALS = """
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <stdatomic.h>

#define INTERVAL_MS 60u
#define OBJECTS 64u

static _Atomic Handle set_objects[OBJECTS];

Retcode real_KnIpcSetInterrupt(Handle sync);
Retcode real_RecvEx(Handle handle, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync);

static int is_set(Handle sync)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (set_objects[i] == sync + 1) {
            return 1;
        }
    }
    return 0;
}

#pragma GCC visibility push(default)
Retcode KnIpcSetInterrupt(Handle sync)
{
    Retcode rc = rcOk;
    if (sync == INVALID_HANDLE) {
        return real_KnIpcSetInterrupt(sync);
    }
    for (unsigned i = 0; i < OBJECTS && !is_set(sync); i++) {
        Handle none = 0;
        (void)atomic_compare_exchange_strong(&set_objects[i], &none, sync + 1);
    }
    return rc;
}

Retcode KnIpcClearInterrupt(Handle sync)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        Handle wanted = sync + 1;
        (void)atomic_compare_exchange_strong(&set_objects[i], &wanted, 0);
    }
    return rcOk;
}

Retcode RecvEx(Handle handle, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync)
{
    if (mdelay != INFINITE_TIMEOUT) {
        return real_RecvEx(handle, in, mdelay, INVALID_HANDLE);
    }
    for (;;) {
        Retcode rc = real_RecvEx(handle, in, INTERVAL_MS, INVALID_HANDLE);
        if (rc != rcTimeout) {
            return rc;
        }
        if (is_set(sync)) {
            return rcIpcInterrupt;
        }
    }
}
#pragma GCC visibility pop
"""


def built(mutants: Builder, work: Path, name: str, source: str, wraps: tuple[str, ...]) -> Path:
    file = work / f"{name}.c"
    file.write_text(source)
    mutant = Mutant(name, "TIME-01", "interpose", name, interpose=str(file), wraps=wraps)
    return mutants.build(mutant).library


@pytest.mark.parametrize(
    ("function", "code", "case"),
    [
        ("CallEx", "rcTimeout", "TIME-01.81"),
        ("RecvEx", "rcTimeout", "TIME-01.82"),
        ("RecvEx", "rcOk", "TIME-03.81"),
        ("CallEx", "rcOk", "TIME-03.83"),
        ("CallEx", "rcIpcInterrupt", "CALL-04.81"),
        ("RecvEx", "rcIpcInterrupt", "RECV-09.81"),
    ],
)
def test_each_way_of_being_late_is_found(
    suite: Suite, mutants: Builder, tmp_path: Path, function: str, code: str, case: str
) -> None:
    source = LATE_CALL % {"code": code, "recv": function == "RecvEx"}
    library = built(mutants, tmp_path, f"late-{function}-{code}", source, (function,))
    run = suite.run([case], library, "reference")
    assert run.verdicts[case] in ("FAIL", "INCONCLUSIVE"), run.report
    assert any(event["event"] == "timing" for event in run.events)


def test_looking_at_intervals_is_not_late(suite: Suite, mutants: Builder, tmp_path: Path) -> None:
    wraps = ("KnIpcSetInterrupt", "KnIpcClearInterrupt", "RecvEx")
    library = built(mutants, tmp_path, "looks-at-intervals", LOOKS_AT_INTERVALS, wraps)
    run = suite.run(["RECV-01.81"], library)
    assert run.counts == {"PASS": 1}, run.report
    event = next(event for event in run.events if event["event"] == "timing")
    assert max(event["library_ns"]) > WINDOW_NS, "it was met at its worst moment, too"
