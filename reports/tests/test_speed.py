# SPDX-License-Identifier: Apache-2.0
"""Documents of 1,000 cases within 3 s, and their evidence within 5 s, on a machine that does nothing
else. Time of this process is measured, which other work makes up to twice as long, and that is allowed
for: this finds what has become slow, not what is a little slower."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import evidence_logs
import logs
import pytest
from ctsreport import events, formats, results
from ctsreport.evidence import bundle, verify
from test_verify import STATEMENT, key, public

__all__ = ("key", "public")  # fixtures
CASES, STEPS = 1000, 130  # calls and returns of a case, as in a run of the whole suite
DOCUMENT_S, VERIFY_S = 2 * 3.0, 2 * 5.0


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


@pytest.fixture(scope="module")
def log() -> bytes:
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
    return b"".join(lines).replace(b'": ', b'":').replace(b', "', b',"')


@pytest.mark.parametrize("name", ["tap13", "junit", "json", "html"])
def test_a_document(name: str, log: bytes) -> None:
    form = formats.FORMATS[name]
    keeps = results.every_case if form.history else results.no_case
    taken = seconds(
        lambda: form.writer()(results.collect(events.read(io.BytesIO(log)), keeps))
    )
    assert taken <= DOCUMENT_S, f"{name} of {CASES} cases, {len(log)} bytes: {taken:.1f} s"


def test_evidence(log: bytes, key: Any, public: bytes) -> None:
    objects = [{"name": "libkos-ipc.so", "sha256": evidence_logs.DIGESTS["sut"], "build_id": None}]
    material = bundle.Material(STATEMENT, {"version": 1, "waivers": []}, objects, "a" * 40, "# K\n")
    content = bundle.seal(bundle.files_of(log, material), key)
    taken = seconds(lambda: verify.verify(content, public))
    assert taken <= VERIFY_S, f"{len(content)} bytes: {taken:.1f} s"
