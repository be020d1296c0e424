# SPDX-License-Identifier: Apache-2.0
"""Event logs for tests, made in the shape of reports/schema/events.md.

    python3 reports/tests/logs.py      writes the sample logs and the golden files in data/ anew
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
Record = dict[str, Any]
GOLDEN_FORMATS = ("matrix", "csv", "matrix-json", "json", "junit", "annotations")


def run_start(planned: list[str], **members: Any) -> Record:
    return {
        "event": "run_start",
        "version": 1,
        "suite": "0.1.0",
        "profile": "ce-1.2",
        "extent": "standard",
        "sut": {"path": "lib/libkos-ipc.so", "size_bytes": 81920, "build_id": None},
        "adapter": {"path": "lib/adapter-reference.so", "name": "reference"},
        "seed": "0x2a",
        "jobs": 2,
        "repeat": 1,
        "shuffle": False,
        "timeout_factor": 1.0,
        "strict": False,
        "machine": {"cpus": 2, "kernel": "6.1.0", "arch": "x86_64"},
        "planned": planned,
        "missing_optional": [],
        "capabilities": {"claimed": None, "present": ["copy", "two-processes"]},
        "time_utc": "2026-01-01T00:00:00Z",
        **members,
    }


def requirement(identifier: str, **members: Any) -> Record:
    return {
        "event": "requirement",
        "id": identifier,
        "area": identifier.partition("-")[0],
        "claim": f"The claim of {identifier}.",
        "strength": "must",
        "invariant": None,
        "source": "ce-1.2 libkos_ipc_api, Using the API",
        "profiles": ["ce-1.2", "ce-1.4"],
        "causes": None,
        "uncovered": None,
        **members,
    }


def listed_case(case: str, **members: Any) -> Record:
    return {
        "event": "listed_case",
        "id": case,
        "requirement": case.rpartition(".")[0],
        "title": f"title of {case.replace('.', ' ')}",
        "file": "conformance/cases/sample.c",
        "layout": "one process",
        "traits": [],
        **members,
    }


def transition(name: str, identifier: str = "CALL-01", is_open: bool = False) -> Record:
    return {"event": "transition", "name": name, "requirement": identifier, "open": is_open}


def case_start(case: str, rep: int = 1, **members: Any) -> Record:
    return {
        "event": "case_start",
        "case": case,
        "rep": rep,
        "index": 1,
        "requirement": case.rpartition(".")[0],
        "strength": "must",
        "claim": "It works.",
        "title": f"title of {case.replace('.', ' ')}",
        "file": "conformance/cases/sample.c",
        "layout": "one process",
        "suspect": None,
        **members,
    }


def check(case: str, ok: bool = True, rep: int = 1, **members: Any) -> Record:
    return {
        "event": "check",
        "case": case,
        "rep": rep,
        "ok": ok,
        "kind": "check",
        "text": "the call returns rcOk",
        "expected": "rcOk",
        "observed": "rcOk" if ok else "rcIpcInterrupt",
        "file": "conformance/cases/sample.c",
        "line": 20,
        **members,
    }


def case_end(case: str, verdict: str = "PASS", rep: int = 1, **members: Any) -> Record:
    return {
        "event": "case_end",
        "case": case,
        "rep": rep,
        "verdict": verdict,
        "reason": "" if verdict == "PASS" else f"reason of {verdict}",
        "expected": None,
        "observed": None,
        "at": None,
        "checks": 1,
        "duration_ms": 1.5,
        "signal": None,
        "exit_code": 0,
        "output_bytes": 0,
        "strays": 0,
        "repro": f"ipc-cts debug {case} --sut lib/libkos-ipc.so",
        **members,
    }


def run_end(verdicts: dict[str, int], **members: Any) -> Record:
    return {
        "event": "run_end",
        "verdicts": verdicts,
        "exit_code": 0 if set(verdicts) <= {"PASS", "SKIP", "OBSERVED"} else 1,
        "complete": True,
        "duration_ms": 12,
        **members,
    }


def complete(case: str, verdict: str = "PASS", rep: int = 1) -> Record:
    return {
        "event": "complete",
        "case": case,
        "rep": rep,
        "verdict": verdict,
        "reason": "",
        "expected": None,
        "observed": None,
        "file": None,
        "checks": 1,
    }


def one(case: str, verdict: str = "PASS", rep: int = 1, **members: Any) -> list[Record]:
    """A case from start to end, with one check and the worker's own last word."""
    ok = verdict in ("PASS", "SKIP", "OBSERVED", "INCONCLUSIVE", "LEAK", "CRASH")
    last = complete(case, verdict, rep)
    return [
        case_start(case, rep),
        check(case, ok, rep),
        *([last] if verdict in ("PASS", "FAIL", "OBSERVED") else []),
        case_end(case, verdict, rep, **members),
    ]


class Story:
    """The events of one case with calls of actors, stamped in the order of telling."""

    def __init__(self, case: str, rep: int = 1) -> None:
        self.here: Record = {"case": case, "rep": rep}
        self.records: list[Record] = [case_start(case, rep)]
        self.stamp = 0
        self.begun: dict[int, tuple[Record, int]] = {}

    def add(self, event: str, **members: Any) -> None:
        self.records.append({"event": event, **self.here, **members})

    def actors(self, *names: str) -> None:
        self.add("process", process="process1", id=1)
        for name in names:
            self.add("actor", actor=name, process="process1")

    def begin(self, actor: str, call: str, **members: Any) -> int:
        self.stamp += 1
        op = len(self.begun) + 1
        record = {"actor": actor, "call": call}
        self.begun[op] = (record, self.stamp)
        self.add("invoke", op=op, **record, **members)
        return op

    def end(self, op: int, rc: str = "rcOk", **members: Any) -> None:
        self.stamp += 1
        record, begun = self.begun[op]
        self.add(
            "return", op=op, **record, rc=rc, rc_value=0, seq_invoke=begun, seq_return=self.stamp,
            t_invoke_ns=1000 * begun, t_return_ns=1000 * self.stamp, **members,
        )  # fmt: skip

    def call(self, actor: str, call: str, rc: str = "rcOk", **members: Any) -> None:
        self.end(self.begin(actor, call, **members), rc)

    def settle(self, how: str = "hook") -> None:
        self.add("settle", how=how, rounds=2, tasks=3)

    def check(self, ok: bool, text: str, **members: Any) -> None:
        self.records.append(check(self.here["case"], ok, self.here["rep"], text=text, **members))

    def close(self, verdict: str, **members: Any) -> list[Record]:
        return [*self.records, case_end(self.here["case"], verdict, self.here["rep"], **members)]


def taken(rep: int = 1, interrupted: bool = True) -> list[Record]:
    """A taken CallEx, interrupted against the rules or answered."""
    story = Story("CALL-02.1", rep)
    story.actors("controller1", "client", "server")
    story.call("controller1", "KnIpcCreateSyncObject")
    received = story.begin("server", "Recv", object="server1", handle="0x00010001")
    story.settle()
    sent = story.begin(
        "client", "CallEx", object="client1", handle="0x00010000", mdelay="infinite",
        sync="0x00010003", sync_object="sync1", request=1,
    )  # fmt: skip
    story.end(received, received=1)
    story.add("freeze", actor="client")
    story.add("thaw", actor="client")
    story.call("controller1", "KnIpcSetInterrupt", object="sync1", handle="0x00010003")
    blocked = {"expected": "still in the call", "text": "CallEx of client is still blocked"}
    if interrupted:
        story.end(sent, "rcIpcInterrupt")
        story.settle("kernel")
        story.check(False, observed="rcIpcInterrupt", **blocked)
        story.add("stage", actor="client", state="idle, CallEx returned rcIpcInterrupt", how="hook")
        return story.close(
            "FAIL", reason=blocked["text"], expected=blocked["expected"], observed="rcIpcInterrupt",
            at={"file": "conformance/cases/sample.c", "line": 20},
        )  # fmt: skip
    story.settle("kernel")
    story.check(True, observed="still in the call", **blocked)
    story.call("server", "Reply", object="server1", handle="0x00010001", request=1)
    story.end(sent, response=1)
    story.check(True, "the consistency law holds", kind="law", expected=None, observed=None)
    story.add("model", verdict="accepted", events=9, states=1, coverage={"taken call answered": 1})
    story.call("controller1", "KnHandleClose", object="sync1", handle="0x00010003")
    return story.close("PASS")


def taken_run() -> list[Record]:
    """Three repetitions, the second one broken; with a catalogue."""
    run = whole(taken(1, False), taken(2), taken(3, False), repeat=3)
    catalogue: list[Record] = [
        requirement("CALL-02", claim="A taken CallEx is not interrupted.", causes="it stays listed"),
        requirement("CALL-05", strength="open", invariant="Never a mixture."),
        requirement("V14-01", profiles=["ce-1.4"]),
        listed_case("CALL-02.1"),
        listed_case("CALL-02.2"),
        listed_case("CALL-05.1", traits=["opt_in"]),
        listed_case("V14-01.1"),
        transition("taken call answered", "CALL-02"),
        transition("Set of a clear object", "OBJ-05"),
        transition("entered while set: delivered", "CALL-05", True),
    ]
    return [run[0], *catalogue, *run[1:]]


def whole(*cases: list[Record], **members: Any) -> list[Record]:
    """A complete run of these cases."""
    records = [record for case in cases for record in case]
    ends = [record for record in records if record["event"] == "case_end"]
    planned = list(dict.fromkeys(record["case"] for record in ends))
    verdicts = Counter(record["verdict"] for record in ends)
    return [run_start(planned, **members), *records, run_end(dict(verdicts))]


def encode(records: list[Record]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def lines(records: list[Record]) -> list[bytes]:
    return encode(records).splitlines(keepends=True)


# ---------------------------------------------------------------------------------------------
# The sample logs.


def small() -> list[Record]:
    return whole(one("CALL-01.1"), one("CALL-02.1", "FAIL"), one("OBJ-16.1", "SKIP"))


def every_event() -> list[Record]:
    """One passing case with each event of a worker, and one that the documents leave open."""
    case = "CALL-01.1"
    here = {"case": case, "rep": 1}
    ret = {"seq_invoke": 1, "seq_return": 2, "t_invoke_ns": 1000, "t_return_ns": 2000}
    worker: list[Record] = [
        {"event": "process", **here, "process": "p1", "id": 1},
        {"event": "actor", **here, "actor": "client", "process": "p1"},
        {
            "event": "object",
            **here,
            "object": "sync1",
            "kind": "sync",
            "process": "p1",
            "handle": "0x0001000a",
        },
        {
            "event": "invoke",
            **here,
            "op": 1,
            "actor": "client",
            "call": "CallEx",
            "handle": "0x0001000b",
            "object": "client1",
            "mdelay": "infinite",
            "sync": "0x0001000a",
            "sync_object": "sync1",
            "request": 1,
        },
        {"event": "settle", **here, "how": "kernel", "rounds": 2, "tasks": 3},
        {"event": "freeze", **here, "actor": "client"},
        {"event": "thaw", **here, "actor": "client"},
        {
            "event": "model",
            **here,
            "verdict": "accepted",
            "events": 4,
            "states": 2,
            "coverage": {"request queued": 1},
        },
        {
            "event": "timing",
            **here,
            "what": "the end of a call after Set",
            "control_ns": [4000, 5000],
            "library_ns": [11000, 12000],
            "window_ns": 20000000,
            "verdict": "PASS",
        },
        {
            "event": "growth",
            **here,
            "rounds": 12,
            "objects": 4096,
            "threads": [2, 2, 2],
            "descriptors": [6, 6, 6],
            "verdict": "PASS",
        },
        {"event": "search", **here, "window": "Set against the entry of CallEx"},
        {
            "event": "window",
            **here,
            "window": "Set against the entry of CallEx",
            "trials": 40,
            "wanted": 10,
            "phases": {"before": 9, "entering": 20, "blocked": 11},
            "overlaps": {"trigger first": 9, "rival first": 13},
            "outcomes": {"interrupted": 40},
            "missing": ["before"],
        },
        {"event": "process_end", **here, "process": "process2", "killed": True},
        {"event": "advance", **here, "ms": 10, "virtual": True},
        {"event": "new_in_a_later_version", "anything": [1, {"two": None}]},
        {
            "event": "return",
            **here,
            "op": 1,
            "actor": "client",
            "call": "CallEx",
            "rc": "rcIpcInterrupt",
            "rc_value": -10,
            **ret,
        },
        {
            "event": "stage",
            **here,
            "actor": "client",
            "state": "idle",
            "how": "hook",
        },
        check(case, text="CallEx of client is still blocked", how="hook"),
        check(case, kind="law", text="a request is received once", later_member=1),
    ]
    first = one(case)
    open_case = "CALL-05.1"
    seen = {"event": "observe", "case": open_case, "rep": 1, "what": "the call", "seen": "rcOk"}
    second = one(open_case, "OBSERVED")
    second.insert(1, seen)
    run = whole([first[0], *worker, *first[1:]], second)
    catalogue: list[Record] = [
        requirement("CALL-01", causes="Set wakes nobody"),
        requirement("CALL-05", strength="open", invariant="Never a mixture."),
        requirement("V14-01", profiles=["ce-1.4"]),
        requirement("XFER-11", uncovered="needs a second machine"),
        listed_case("CALL-01.1"),
        listed_case("CALL-05.1"),
        listed_case("V14-01.1", traits=["opt_in"]),
        transition("request queued"),
        transition("entered while set: delivered", "CALL-05", True),
    ]
    return [run[0], *catalogue, *run[1:]]


def every_verdict() -> list[Record]:
    cases = [
        one("CALL-01.1", "PASS"),
        one(
            "CALL-02.1",
            "FAIL",
            reason="the taken call returned before its Reply",
            expected="still waiting",
            observed="rcIpcInterrupt",
            at={"file": "conformance/cases/call_window.c", "line": 36},
            output_bytes=5,
            output="hello",
        ),
        one("CALL-03.1", "CRASH", reason="SIGSEGV in the worker", signal="SIGSEGV", exit_code=None),
        one("CALL-04.1", "TIMEOUT", reason="no end within 20 s"),
        one("CALL-05.1", "OBSERVED", reason=""),
        one("CALL-06.1", "EARLY_EXIT", reason="exit status 0 without a completion record"),
        one("CALL-07.1", "LEAK", reason="2 objects are left"),
        one("CALL-08.1", "BROKEN", reason="the call did not block"),
        one("OBJ-16.1", "SKIP", reason="runs only when its id is given"),
        one("TIME-01.1", "INCONCLUSIVE", reason="the control group was late as well"),
    ]
    cases[4].insert(
        1, {"event": "observe", "case": "CALL-05.1", "rep": 1, "what": "the call", "seen": "rcOk"}
    )
    cases[1].insert(
        3,
        {
            "event": "stage",
            "case": "CALL-02.1",
            "rep": 1,
            "actor": "client",
            "state": "returned rcIpcInterrupt",
            "how": "hook",
        },
    )
    return whole(*cases)


def repeated() -> list[Record]:
    cases = [one(case, rep=rep) for case in ("CALL-01.1", "CALL-02.1") for rep in (1, 2, 3)]
    cases[4] = one("CALL-02.1", "FAIL", rep=2)
    return whole(*cases, repeat=3)


def stopped() -> list[Record]:
    """Ended by a signal inside the second of three cases."""
    records = whole(one("CALL-01.1"), one("CALL-02.1"), one("CALL-03.1"))
    return records[:6]


def all_skipped() -> list[Record]:
    why = "the library does not export KnHandleCopy"
    return whole(*(one(case, "SKIP", reason=why) for case in ("XFER-08.1", "XFER-10.1")))


SAMPLES = {
    "small": small,
    "every_event": every_event,
    "every_verdict": every_verdict,
    "repeated": repeated,
    "stopped": stopped,
    "all_skipped": all_skipped,
    "taken": taken_run,
}


def main() -> None:
    sys.path.insert(0, str(DATA.parent.parent))
    from ctsreport import events, explain, formats, results, tap

    for name, make in SAMPLES.items():
        (DATA / f"{name}.jsonl").write_bytes(encode(make()))
        for dialect in tap.FORMATS:
            text, _ = tap.convert(lines(make()), dialect)
            (DATA / f"{name}.tap{dialect}").write_text(text)
        run = results.collect(events.read(lines(make())))
        for format_name in GOLDEN_FORMATS:
            document = formats.FORMATS[format_name].writer()(run)
            (DATA / f"{name}.{format_name}").write_bytes(document)
    run = results.collect(events.read(lines(taken_run())), results.every_case)
    (case,) = run.cases
    for repetition in case.repetitions[:2]:
        text = "".join(line + "\n" for line in explain.case_lines(run, case, repetition))
        (DATA / f"taken.explain{repetition.rep}").write_text(text)


if __name__ == "__main__":
    main()
