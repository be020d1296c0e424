#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long documents of 1,000 cases and the check of their evidence take.

    python3 reports/tests/measure_speed.py [--rounds N]

Prints times of this process, and their ratio to a floor measured in turn with them: reading every line
of the same log with the json module and doing nothing with it. The log is made up, with as many events
for a case as those of a real run have. This is no test, since the times are the machine's; the ratios are
what a change of the code changes.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "reports"))

import evidence_logs  # noqa: E402
import logs  # noqa: E402
from ctsreport import events, formats, results  # noqa: E402
from ctsreport.evidence import bundle, verify  # noqa: E402
from test_verify import OBJECTS, QUALITY, STATEMENT, SYMBOLS, new_key  # noqa: E402

CASES, STEPS = 1000, 130  # calls and returns of a case, as in a run of the whole suite
DOCUMENTS = ("tap13", "junit", "json", "html")


def made_log() -> bytes:
    plan = [f"CALL-{i // 20 + 1:02}.{i % 20 + 1}" for i in range(CASES)]
    lines: list[bytes] = []
    for record in evidence_logs.certification([*plan, "OBJ-99.1"], {}, 1):
        if record["event"] == "complete":
            here = {"case": record["case"], "rep": record["rep"]}
            for op in range(1, STEPS // 2):
                invoke = {"event": "invoke", **here, "op": op, "actor": "client", "call": "CallEx",
                          "handle": "0x00010000", "object": "client1", "mdelay": "infinite",
                          "sync": "0x00010003", "sync_object": "sync1", "request": op}  # fmt: skip
                back = {"event": "return", **here, "op": op, "actor": "client", "call": "CallEx",
                        "rc": "rcOk", "rc_value": 0, "seq_invoke": 2 * op, "seq_return": 2 * op + 1,
                        "t_invoke_ns": 1000 * op, "t_return_ns": 1000 * op + 500}  # fmt: skip
                lines += [logs.encode([invoke]), logs.encode([back])]
        lines.append(logs.encode([record]))
    # The worker writes no blanks.
    return b"".join(lines).replace(b'": ', b'":').replace(b', "', b',"')


def floor(log: bytes) -> None:
    for line in log.splitlines():
        json.loads(line)


def document(name: str, log: bytes) -> None:
    form = formats.FORMATS[name]
    keeps = results.every_case if form.history else results.no_case
    form.writer()(results.collect(events.read(io.BytesIO(log)), keeps))


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of documents and of verify, to a floor.")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    rounds = max(1, parser.parse_args().rounds)
    log = made_log()
    with tempfile.TemporaryDirectory() as directory:
        key = new_key(Path(directory), "key.pem")
        public = bundle.public_key(key)
        none = {"version": 1, "waivers": []}
        material = bundle.Material(STATEMENT, none, OBJECTS, "a" * 40, QUALITY, SYMBOLS)
        sealed = bundle.seal(bundle.files_of(log, material), key)
        works: dict[str, Callable[[], Any]] = {"floor": lambda: floor(log)}
        for name in DOCUMENTS:
            works[name] = lambda name=name: document(name, log)
        works["verify"] = lambda: verify.verify(sealed, public)
        taken: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                taken[name].append(seconds(work))
    print(f"{CASES} cases, a log of {len(log) / 1e6:.1f} MB, {rounds} rounds; median (least to most)")
    base = statistics.median(taken["floor"])
    for name, times in taken.items():
        ratio = statistics.median(times) / base
        print(f"{name:8} {statistics.median(times):6.2f} s ({min(times):.2f} to {max(times):.2f})  {ratio:5.1f} x floor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
