# SPDX-License-Identifier: Apache-2.0
"""events.schema.json accepts the sample logs and refuses lines that events.md does not allow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import logs
import pytest
from ctsreport import events

SCHEMA_DIR = Path(__file__).resolve().parent.parent / "schema"
SCHEMA = json.loads((SCHEMA_DIR / "events.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(logs.SAMPLES))
def test_sample_logs_are_valid_and_up_to_date(name: str) -> None:
    content = (logs.DATA / f"{name}.jsonl").read_bytes()
    assert content == logs.encode(logs.SAMPLES[name]())
    for line in content.splitlines():
        VALIDATOR.validate(json.loads(line))


def test_unknown_events_and_members_are_valid() -> None:
    VALIDATOR.validate({"event": "later", "anything": 1})
    VALIDATOR.validate({**logs.case_end("CALL-01.1"), "later": [1]})


@pytest.mark.parametrize(
    "line",
    [
        [],
        {},
        {"event": ""},
        logs.run_start(["CALL-01.1", "CALL-01.1"]),
        logs.run_start(["CALL-01"]),
        logs.run_start([], version=2),
        logs.run_start([], sut={"path": "x"}),
        logs.run_start([], timeout_factor=0),
        logs.case_start("CALL-01.1", rep=0),
        logs.case_start("CALL-01.1", title="a # TODO"),
        logs.case_start("CALL-01.1", strength="may"),
        logs.case_end("CALL-01.1", "GREEN"),
        logs.case_end("CALL-01.1", reason="two\nlines"),
        logs.case_end("CALL-01.1", at={"file": "x"}),
        logs.case_end("CALL-01.1", duration_ms=-1),
        logs.check("CALL-01.1", kind="guess"),
        logs.check("CALL-01.1", ok=1),  # type: ignore[arg-type]
        logs.run_end({"GREEN": 1}),
        logs.run_end({}, complete="yes"),
        {"event": "settle", "case": "CALL-01.1", "rep": 1, "how": "guess", "rounds": 1, "tasks": 1},
        {"event": "freeze", "actor": "client"},
        {"event": "growth", "case": "CALL-01.1", "rep": 1, "rounds": 12, "objects": 0,
         "threads": 2, "verdict": "PASS"},
        {"event": "timing", "case": "CALL-01.1", "rep": 1, "what": "Set", "control_ns": [1],
         "library_ns": [1.5], "window_ns": 1, "verdict": "PASS"},
        {"event": "timing", "case": "CALL-01.1", "rep": 1, "what": "Set", "control_ns": [1],
         "library_ns": [1], "window_ns": 1, "verdict": "SKIP"},
        {"event": "object", "case": "CALL-01.1", "rep": 1, "object": "sync1", "kind": "sync",
         "process": "p1", "handle": "10"},
        {"event": "complete", "case": "CALL-01.1", "rep": 1, "verdict": "PASS"},
    ],
)  # fmt: skip
def test_rejected(line: Any) -> None:
    assert list(VALIDATOR.iter_errors(line))


def test_schema_reader_and_document_know_the_same_words() -> None:
    document = (SCHEMA_DIR / "events.md").read_text()
    assert SCHEMA["$defs"]["verdict"]["enum"] == list(events.VERDICTS)
    words = re.search(r"Verdict words: `([A-Z_ ]+)`", document)
    assert words is not None and words[1].split() == list(events.VERDICTS)
    described = set()
    for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", document, re.MULTILINE):
        described.update(re.findall(r"`(\w+)`", row))
    in_schema: set[str] = set()
    for rule in SCHEMA["allOf"]:
        event = rule["if"]["properties"]["event"]
        in_schema.update(event.get("enum", []), [event["const"]] if "const" in event else [])
    assert described == in_schema
