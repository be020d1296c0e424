# SPDX-License-Identifier: Apache-2.0
"""One log from the logs of all shards of a run (`ipc-cts run --shard I/N`).

The merged log reads like that of one run: the whole plan in catalogue order, every case in its
place, one start and one end. What its parts were stands in `run_start.shards`. The order in which
the shards are named does not matter: the same shards give the same bytes.

A shard that is missing, doubled, foreign or not whole is refused by the name of its file.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ctsreport import events, results
from ctsreport.evidence import EvidenceError

Record = dict[str, Any]

CONFORMANT, DEVIATES, INCONCLUSIVE = 0, 1, 6

# What shards must have in common, with the words for it.
_DIGESTS = {"suite": "suite", "sut": "library", "adapter": "adapter", "profile": "profile or plan"}
# `run_start` members that tell where and when a shard ran.
_INFORMATION = ("machine", "jobs", "time_utc")


class MergeError(EvidenceError):
    """The shards do not make one run; the text says which, and why."""


@dataclass(frozen=True)
class Shard:
    """The log of one shard, proved to be whole."""

    name: str  # as the user gave it
    index: int
    count: int
    plan_digest: str
    start: Record
    end: Record
    catalogue: tuple[bytes, ...]  # the lines before the first case
    cases: dict[tuple[str, int], list[bytes]]  # by case and repetition
    sha256: str

    @property
    def title(self) -> str:
        return f"{self.name} (shard {self.index}/{self.count})"


def _object(line: bytes) -> Record:
    content = json.loads(line)
    return content if isinstance(content, dict) else {}


def _encode(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def _shard_number(start: Record, name: str) -> tuple[int, int, str]:
    shard = start.get("shard")
    if not isinstance(shard, dict):
        raise MergeError(f"{name} is not a shard: its run had no --shard")
    index, count, plan = shard.get("index"), shard.get("count"), shard.get("plan")
    numbers = type(index) is int and type(count) is int and isinstance(plan, str)
    if not numbers or not 1 <= index <= count:  # type: ignore[operator]
        raise MergeError(f"{name} is damaged: its shard number makes no sense")
    return int(index), int(count), str(plan)  # type: ignore[arg-type]


def read_shard(name: str, content: bytes) -> Shard:
    """The shard that a log is; MergeError when it is none, or not whole."""
    run = results.collect(events.read(io.BytesIO(content)))
    if run.problems:
        raise MergeError(f"{name} is not a whole run: {run.problems[0]}")
    start: Record = {}
    end: Record = {}
    catalogue: list[bytes] = []
    cases: dict[tuple[str, int], list[bytes]] = {}
    for line in io.BytesIO(content):
        record = _object(line)
        event = record.get("event")
        whole = line if line.endswith(b"\n") else line + b"\n"
        if event == "run_start":
            start = record
        elif event == "run_end":
            end = record
        elif "case" in record:
            cases.setdefault((str(record["case"]), int(record["rep"])), []).append(whole)
        else:
            catalogue.append(whole)
    index, count, plan = _shard_number(start, name)
    digest = hashlib.sha256(content).hexdigest()
    return Shard(name, index, count, plan, start, end, tuple(catalogue), cases, digest)


def _check_foreign(first: Shard, other: Shard) -> None:
    if other.count != first.count:
        raise MergeError(f"{other.title} is foreign: {first.name} is of {first.count} shards")
    for key, words in _DIGESTS.items():
        own = other.start.get("digests", {}).get(key)
        if own != first.start.get("digests", {}).get(key):
            raise MergeError(f"{other.title} is foreign: {first.name} has another {words}")
    if other.plan_digest != first.plan_digest or other.catalogue != first.catalogue:
        raise MergeError(f"{other.title} is foreign: {first.name} has another catalogue")


def _whole_plan(shards: Sequence[Shard]) -> list[str]:
    """The plans put together as they were dealt out, proved by the digest of the whole."""
    dealt = [list(shard.start["planned"]) for shard in shards]
    rounds = max(len(plan) for plan in dealt)
    plan = [part[i] for i in range(rounds) for part in dealt if i < len(part)]
    listed = "".join(case + "\0" for case in plan).encode("utf-8")
    if hashlib.sha256(listed).hexdigest() != shards[0].plan_digest:
        names = ", ".join(shard.name for shard in shards)
        raise MergeError(f"the plans of {names} together are not the plan of the whole run")
    return plan


def _in_order(shards: Sequence[Shard]) -> list[Shard]:
    """By number, each exactly once."""
    first = shards[0]
    by_index: dict[int, Shard] = {}
    for shard in shards:
        _check_foreign(first, shard)
        twin = by_index.get(shard.index)
        if twin is not None:
            raise MergeError(f"{shard.title} is doubled: {twin.name} is that shard, too")
        by_index[shard.index] = shard
    missing = [str(i) for i in range(1, first.count + 1) if i not in by_index]
    if missing:
        word = "shard is" if len(missing) == 1 else "shards are"
        raise MergeError(f"{word} missing: {', '.join(f'{i}/{first.count}' for i in missing)}")
    return [by_index[i] for i in range(1, first.count + 1)]


def _exit_code(shards: Sequence[Shard], verdicts: Counter[str], strict: bool) -> int:
    """As `ipc-cts run` decides (final_code in run.c)."""
    codes = {int(shard.end["exit_code"]) for shard in shards}
    for word in (3, 2):
        if word in codes:
            return word
    claims = shards[0].start.get("capabilities", {})
    absent = set(claims.get("claimed") or ()) - set(claims.get("present") or ())
    if absent or any(results.is_failure(word) for word in verdicts):
        return DEVIATES
    untested = strict and set(verdicts) <= {"SKIP"}
    return INCONCLUSIVE if untested or verdicts["INCONCLUSIVE"] else CONFORMANT


def _start(shards: Sequence[Shard], plan: list[str]) -> Record:
    start = dict(shards[0].start)
    del start["shard"]
    start["planned"] = plan
    start["time_utc"] = min(str(shard.start.get("time_utc", "")) for shard in shards)
    start["shards"] = [
        {
            "index": shard.index,
            "log_sha256": shard.sha256,
            "planned": len(shard.start["planned"]),
            "duration_ms": shard.end["duration_ms"],
            **{name: shard.start.get(name) for name in _INFORMATION},
        }
        for shard in shards
    ]
    return start


def _renumbered(lines: Sequence[bytes], index: int) -> bytes:
    """The lines of a case, with its place in the whole plan."""
    first = _object(lines[0])
    if first.get("event") != "case_start":
        return b"".join(lines)
    return _encode({**first, "index": index}) + b"".join(lines[1:])


def merge(shards: Sequence[Shard]) -> bytes:
    """The log of the whole run. MergeError when the shards are not exactly its parts."""
    if not shards:
        raise MergeError("name the logs of all shards")
    ordered = _in_order(shards)
    plan = _whole_plan(ordered)
    verdicts: Counter[str] = Counter()
    for shard in ordered:
        verdicts.update(shard.end["verdicts"])
    repeat = int(ordered[0].start["repeat"])
    start = _start(ordered, plan)
    lines = [_encode(start), *ordered[0].catalogue]
    where = {case: shard for shard in ordered for case in shard.start["planned"]}
    for index, case in enumerate(plan, start=1):
        for rep in range(1, repeat + 1):
            lines.append(_renumbered(where[case].cases[case, rep], index))
    end = {
        "event": "run_end",
        "verdicts": dict(sorted(verdicts.items())),
        "exit_code": _exit_code(ordered, verdicts, bool(start.get("strict"))),
        "complete": True,
        "duration_ms": max(shard.end["duration_ms"] for shard in ordered),
    }
    return b"".join([*lines, _encode(end)])
