# SPDX-License-Identifier: Apache-2.0
"""results.json: its schema, equality of counts in all documents, and logs cut at every byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import logs
import pytest
from ctsreport import consistency, events, formats, results, results_json

SCHEMA_DIR = Path(__file__).resolve().parent.parent / "schema"
SCHEMA = json.loads((SCHEMA_DIR / "results.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CHECKED = sorted(set(consistency.READERS) - set(formats.NEED_COVERAGE))


def collected(records: list[dict[str, Any]]) -> results.Run:
    return results.collect(events.read(logs.lines(records)))


def written(run: results.Run) -> dict[str, Any]:
    content = json.loads(results_json.document(run), parse_constant=pytest.fail)
    VALIDATOR.validate(content)
    assert isinstance(content, dict)
    return content


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(logs.SAMPLES))
def test_samples_follow_the_schema(name: str) -> None:
    content = written(collected(logs.SAMPLES[name]()))
    assert content["complete"] == (name != "stopped") == (not content["problems"])
    assert content["version"] == results_json.VERSION == SCHEMA["properties"]["version"]["const"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1}, {"cases": None}, {"extra": 1}, {"counts": {"PASS": 0}},
        {"run": {}}, {"complete": "yes"}, {"cases": [{"case": "CALL-01.1"}]},
    ],
)  # fmt: skip
def test_the_schema_refuses(change: dict[str, Any]) -> None:
    content = written(collected(logs.small()))
    assert list(VALIDATOR.iter_errors({**content, **change}))


def test_hostile_values() -> None:
    records = logs.whole(logs.one("CALL-01.1", "FAIL", reason="\ud800\x00", output="\udcff"))
    records[0].update(sut={"path": "\ud800", "deep": [float("inf"), {"\udc80": float("nan")}]})
    run = collected(records)
    content = written(run)
    assert content["run"]["sut"]["deep"][0] is None
    assert content["cases"][0]["repetitions"][0]["reason"] == "\\ud800\x00"


def everywhere(run: results.Run) -> dict[str, consistency.Tally | None]:
    """What each document tells of the cases, as its own reader reads it."""
    return {
        name: consistency.READERS[name](formats.FORMATS[name].writer()(run)) for name in CHECKED
    }


@pytest.mark.parametrize("name", sorted(logs.SAMPLES))
def test_all_documents_count_the_same(name: str) -> None:
    run = collected(logs.SAMPLES[name]())
    told = {n: sorted(tally) for n, tally in everywhere(run).items() if tally is not None}
    assert len(told) >= 4
    assert len({str(tally) for tally in told.values()}) == 1
    assert {len(tally) for tally in told.values()} == {len(run.cases)}


def test_a_log_cut_at_every_byte_gives_every_document() -> None:
    """And each of them says that something is missing."""
    content = logs.encode(logs.whole(logs.one("CALL-01.1", "FAIL", reason="x", repro="y")))
    for size in range(len(content)):
        run = results.collect(events.read(content[:size].splitlines(keepends=True)))
        whole = size >= len(content) - 1
        for name in CHECKED:
            document = formats.FORMATS[name].writer()(run)
            assert consistency.findings(name, document, run) == [], (size, name)
            if name == "csv":
                continue  # rows only; the others say what is missing
            words = (b"log problem", b"Bail out!", b"log_problem", b'"complete": false',
                     b"not the whole of a run")  # fmt: skip
            assert any(word in document for word in words) != whole, (size, name)
        if size % 50 == 0:
            written(run)


@pytest.mark.parametrize("name", CHECKED)
def test_a_changed_document_is_found(name: str) -> None:
    run = collected(logs.every_verdict())
    document = formats.FORMATS[name].writer()(run)
    assert consistency.findings(name, document, run) == []
    changes = {
        "tap13": [(b"not ok 2 - ", b"ok 2 - "), (b"CALL-02.1", b"CALL-02.9")],
        "tap14": [(b"\nnot ok 3 - ", b"\nok 3 - "), (b"ok 9 - OBJ-16.1", b"ok 9 - OBJ-16.2")],
        "junit": [(b'failures="2"', b'failures="1"'), (b'name="CALL-02.1', b'name="CALL-02.9'),
                  (b"<error ", b"<failure ")],
        "json": [(b'"FAIL": 1', b'"FAIL": 2'), (b'"case": "CALL-01.1"', b'"case": "CALL-01.7"')],
        "csv": [(b",CALL-02.1,FAIL,", b",CALL-02.1,PASS,"), (b",CALL-01.1,", b",CALL-01.7,")],
        "matrix-json": [(b'"case": "CALL-01.1"', b'"case": "CALL-01.7"')],
        "html": [(b'id="CALL-02.1" data-v="FAIL"', b'id="CALL-02.1" data-v="PASS"'),
                 (b'id="CALL-01.1" data-v', b'id="CALL-01.7" data-v')],
    }[name]  # fmt: skip
    for before, after in changes:
        changed = document.replace(before, after)
        if before == b"<error ":
            changed = changed.replace(b"</error>", b"</failure>")
        assert changed != document
        assert consistency.findings(name, changed, run), before


def test_requirements_and_model() -> None:
    content = written(collected(logs.taken_run()))
    rows = {row["requirement"]: row for row in content["requirements"]}
    assert rows["CALL-02"]["verdict"] == "FAIL" and rows["CALL-02"]["cases_all"] == 2
    assert rows["V14-01"]["verdict"] == "OUT_OF_PROFILE"
    assert content["model"]["never"] == ["Set of a clear object", "entered while set: delivered"]
    assert content["cases"][0]["flaky"] is True
