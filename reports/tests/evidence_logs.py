# SPDX-License-Identifier: Apache-2.0
"""Event logs of shards and of certification runs, in the shape that `ipc-cts run` writes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import logs
from logs import Record

DIGESTS = {
    "suite": hashlib.sha256(b"suite").hexdigest(),
    "sut": hashlib.sha256(b"library").hexdigest(),
    "adapter": None,
    "profile": hashlib.sha256(b"profile").hexdigest(),
}


def plan_digest(plan: Sequence[str]) -> str:
    return hashlib.sha256("".join(case + "\0" for case in plan).encode()).hexdigest()


def run(
    plan: Sequence[str], verdicts: dict[str, str], repeat: int = 1, **members: Any
) -> list[Record]:
    """A whole run with its catalogue; a case without a verdict of its own is PASS."""
    records: list[Record] = []
    for index, case in enumerate(plan, start=1):
        for rep in range(1, repeat + 1):
            told = logs.one(case, verdicts.get(case, "PASS"), rep)
            records += [{**told[0], "index": index}, *told[1:]]
    requirements = list(dict.fromkeys(case.rpartition(".")[0] for case in plan))
    catalogue = [logs.requirement(name) for name in requirements]
    catalogue += [logs.listed_case(case) for case in dict.fromkeys((*plan, "OBJ-99.1"))]
    ends = Counter(record["verdict"] for record in records if record["event"] == "case_end")
    start = logs.run_start(list(plan), **{"digests": DIGESTS, "repeat": repeat, **members})
    return [start, *catalogue, *records, logs.run_end(dict(ends))]


def shards(
    plan: Sequence[str], count: int, verdicts: dict[str, str], repeat: int = 1
) -> list[list[Record]]:
    """The same run in parts, each with the whole catalogue."""
    whole = run(plan, verdicts, repeat)
    catalogue = [r for r in whole if r["event"] in ("requirement", "listed_case")]
    parts = []
    for index in range(1, count + 1):
        part = run(plan[index - 1 :: count], verdicts, repeat)
        shard = {"index": index, "count": count, "plan": plan_digest(plan)}
        kept = [r for r in part if r["event"] not in ("requirement", "listed_case")]
        parts.append([{**kept[0], "shard": shard}, *catalogue, *kept[1:]])
    return parts


def certification(
    plan: Sequence[str], verdicts: dict[str, str], repeat: int = 1, **members: Any
) -> list[Record]:
    """A run that `certify` would pack: strict, with the worker's own last word on every case."""
    sut = {"path": "lib/libkos-ipc.so", "size_bytes": 7, "build_id": "ab12", "version": "1.2.0"}
    settings = {"strict": True, "sut": sut, "seed": 1, **members}
    records = []
    for record in run(plan, verdicts, repeat, **settings):
        if record["event"] == "complete":
            continue
        if record["event"] == "case_end":
            case, verdict = record["case"], record["verdict"]
            here = {"case": case, "rep": record["rep"]}
            if verdict == "OBSERVED":
                records.append({"event": "observe", **here, "what": "the call", "seen": "rcOk"})
            if verdict not in ("CRASH", "TIMEOUT", "EARLY_EXIT"):
                records.append({**logs.complete(case, verdict, record["rep"]), **here})
            record["exit_code"] = 77 if verdict in ("SKIP", "INCONCLUSIVE") else 0
        records.append(record)
    timing = {"event": "timing", "case": plan[0], "rep": 1, "what": "Set", "control_ns": [4, 5],
              "library_ns": [6, 7], "window_ns": 20, "verdict": "PASS"}  # fmt: skip
    first = next(i for i, r in enumerate(records) if r["event"] == "complete")
    return [*records[:first], timing, *records[first:]]
