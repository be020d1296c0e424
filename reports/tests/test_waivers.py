# SPDX-License-Identifier: Apache-2.0
"""Waivers: the raw verdict stays, and a waiver that is not in order fails the run."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import evidence_logs
import jsonschema
import logs
import pytest
from ctsreport import cli, consistency, events, formats, results
from ctsreport.evidence import waivers

PLAN = ["CALL-01.1", "CALL-02.1", "OBJ-01.1", "OBJ-02.1", "TIME-01.1"]
VERDICTS = {"CALL-02.1": "FAIL", "OBJ-02.1": "SKIP"}
SUT = evidence_logs.DIGESTS["sut"]
ROW: dict[str, Any] = {
    "id": "W-007",
    "requirement": "CALL-02",
    "case": "CALL-02.1",
    "reason": "the vendor repairs it in 1.3",
    "issue": "https://example.org/issues/7",
    "owner": "release team",
    "created": "2025-12-01",
    "expires": "2026-02-01",
    "sut": {"sha256": SUT},
}  # the logs are of 2026-01-01


def content(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "waivers": [{**copy.deepcopy(ROW), **change} for change in changes]}


def collected(verdicts: dict[str, str] | None = None, **members: Any) -> results.Run:
    run = evidence_logs.run(PLAN, VERDICTS if verdicts is None else verdicts, **members)
    return results.collect(events.read(logs.lines(run)))


def judged(
    change: dict[str, Any], verdicts: dict[str, str] | None = None, **members: Any
) -> tuple[str, int]:
    run = collected(verdicts, **members)
    found = waivers.standings(waivers.from_content(content(change)), run)
    return found[0].state, waivers.exit_code(found, run)


OTHER: dict[str, Any] = {"case": "OBJ-01.1", "requirement": "OBJ-01"}


@pytest.mark.parametrize(
    ("change", "verdicts", "state", "code"),
    [
        ({}, VERDICTS, waivers.USED, 0),
        ({"expires": "2026-01-01"}, VERDICTS, waivers.USED, 0),
        ({"created": "2026-01-01"}, VERDICTS, waivers.USED, 0),
        ({"expires": "2025-12-31"}, VERDICTS, waivers.EXPIRED, 1),
        ({"created": "2026-01-02"}, VERDICTS, waivers.NOT_YET, 1),
        (OTHER, VERDICTS, waivers.PASSING, 1),
        ({}, {}, waivers.PASSING, 1),
        ({}, {"CALL-02.1": "OBSERVED"}, waivers.PASSING, 1),
        ({}, {"CALL-02.1": "SKIP"}, waivers.UNMATCHED, 1),
        ({}, {"CALL-02.1": "INCONCLUSIVE"}, waivers.UNDECIDED, 6),
        ({}, {"CALL-02.1": "CRASH", "OBJ-01.1": "FAIL"}, waivers.USED, 1),
        ({}, {"CALL-02.1": "LEAK", "TIME-01.1": "INCONCLUSIVE"}, waivers.USED, 6),
        ({"case": "CALL-02.9"}, {}, waivers.UNMATCHED, 1),
        ({"case": "OBJ-99.1", "requirement": "OBJ-99"}, {}, waivers.NOT_RUN, 0),
        ({"sut": {"sha256": "0" * 64}}, VERDICTS, waivers.UNMATCHED, 1),
        ({"sut": {"versions": {"from": "1.2", "to": "1.2"}}}, VERDICTS, waivers.UNMATCHED, 1),
    ],
)
def test_standing(
    change: dict[str, Any], verdicts: dict[str, str], state: str, code: int
) -> None:
    assert judged(change, verdicts) == (state, code)


@pytest.mark.parametrize(
    ("low", "high", "version", "fits"),
    [("1.2", "1.3", "1.2.0", True), ("1.2", "1.3", "1.3", True), ("1.2", "1.3", "1.3.1", False),
     ("1.2", "1.10", "1.9", True), ("1.2", "1.3", "1.1.9", False), ("1", "2", "2.0.0.0", True)],
)  # fmt: skip
def test_versions(low: str, high: str, version: str, fits: bool) -> None:
    sut = {"path": "x", "size_bytes": 1, "build_id": None, "version": version}
    change = {"sut": {"versions": {"from": low, "to": high}}}
    assert (judged(change, sut=sut)[0] == waivers.USED) is fits


def test_a_missing_verdict_and_a_false_claim_cannot_be_waived() -> None:
    claims = {"claimed": ["copy", "revoke"], "present": ["copy"]}
    assert judged({}, capabilities=claims) == (waivers.USED, 1)
    run = [r for r in evidence_logs.run(PLAN, VERDICTS) if r.get("case") != "CALL-02.1"]
    cut = results.collect(events.read(logs.lines(run)))
    found = waivers.standings(waivers.from_content(content({})), cut)
    assert (found[0].state, waivers.exit_code(found, cut)) == (waivers.UNMATCHED, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not of type 'object'"),
        ("version: 1\nversion: 1\nwaivers: []\n", "version stands twice (line 1)"),
        ("version: [\n", "(line 2)"),
        ("version: 1\nwaivers: [{id: 2026-13-45}]\n", "month"),
        (json.dumps(content({"owner": ""})), "owner"),
        (json.dumps(content({"reason": "two\nlines"})), "reason"),
        (json.dumps(content({"sut": {}})), "sut"),
        (json.dumps(content({"later": 1})), "later"),
        (json.dumps(content({"expires": "2026-02-31"})), "dates as in"),
        (json.dumps(content({"created": "2026-03-01"})), "expires before"),
        (json.dumps(content({"requirement": "CALL-03"})), "no case of CALL-03"),
        (json.dumps(content({}, {"case": "CALL-02.2"})), "the id W-007"),
        (json.dumps(content({}, {"id": "W-008"})), "the case CALL-02.1"),
        (json.dumps(content({"sut": {"versions": {"from": "2", "to": "1"}}})), "high to low"),
    ],
)  # fmt: skip
def test_bad_files(
    text: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_text(text)
    assert cli.main(["waivers", str(file)]) == cli.USAGE
    captured = capfd.readouterr()
    assert captured.err.count("\n") == 1 and words in captured.err, captured.err


def test_content_round_trip() -> None:
    read = waivers.from_content(content({}, {"id": "W-8", **OTHER, "sut": {"versions":
                                        {"from": "1.2", "to": "2"}}}))  # fmt: skip
    assert waivers.from_content(waivers.to_content(read)) == read
    dates = "created: 2025-12-01\n"
    assert waivers.parse_content(dates) == {"created": "2025-12-01"}


@pytest.mark.parametrize("change", [{}, OTHER, {"case": "CALL-02.9"}])
def test_documents_agree_and_keep_the_raw_verdict(change: dict[str, Any]) -> None:
    run = waivers.apply(collected(), waivers.from_content(content(change)))
    for name, row in formats.FORMATS.items():
        if name not in ("html", *formats.NEED_COVERAGE):
            assert consistency.findings(name, row.writer()(run), run) == []
    written = json.loads(formats.FORMATS["json"].writer()(run))
    schema = Path(__file__).parent.parent / "schema" / "results.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(written)
    assert written["counts"] == {"FAIL": 1, "PASS": 3, "SKIP": 1}
    (failed,) = (case for case in written["cases"] if case["case"] == "CALL-02.1")
    assert failed["verdict"] == "FAIL" and failed.get("waiver") == (None if change else "W-007")


def test_tap_and_junit_show_a_waiver() -> None:
    run = waivers.apply(collected(), waivers.from_content(content({})))
    tap = formats.FORMATS["tap13"].writer()(run).decode()
    assert "not ok 2 - CALL-02.1 title of CALL-02 1 # TODO waiver W-007\n" in tap
    assert '  verdict: "FAIL"\n  waiver: "W-007"\n' in tap
    junit = formats.FORMATS["junit"].writer()(run).decode()
    assert '<skipped message="waived by W-007">' in junit and 'failures="0"' in junit
    wrong = waivers.apply(collected(), waivers.from_content(content(OTHER)))
    tap = formats.FORMATS["tap13"].writer()(wrong).decode()
    assert "\n1..6\n" in tap and "\nnot ok 6 - waivers are valid and needed\n" in tap


def test_the_event_log_is_unchanged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log, file = tmp_path / "events.jsonl", tmp_path / "waivers.yaml"
    log.write_bytes(logs.encode(evidence_logs.run(PLAN, VERDICTS)))
    file.write_text(json.dumps(content({})))
    before = hashlib.sha256(log.read_bytes()).digest()
    assert cli.main(["waivers", str(file), str(log)]) == 0
    assert capfd.readouterr().out == (
        "waived by W-007  CALL-02.1 FAIL: the vendor repairs it in 1.3 "
        "(https://example.org/issues/7, release team, until 2026-02-01)\n"
    )
    arguments = ["report", "--format", "junit", "--waivers", str(file), str(log)]
    assert cli.main(arguments) == cli.DONE
    file.write_text(json.dumps(content({"expires": "2025-12-31"})))
    assert cli.main(arguments) == 1
    assert "is expired: it was valid until 2025-12-31\n" in capfd.readouterr().err
    assert hashlib.sha256(log.read_bytes()).digest() == before


def test_page_and_matrix_show_a_waiver() -> None:
    members = evidence_logs.run(PLAN, VERDICTS)
    run = results.collect(events.read(logs.lines(members)), results.every_case)
    run = waivers.apply(run, waivers.from_content(content({})))
    page = formats.FORMATS["html"].writer()(run).decode()
    assert "(waived by W-007)" in page and 'data-v="FAIL"' in page
    matrix = formats.FORMATS["matrix"].writer()(run).decode()
    assert "\n    W-007        CALL-02.1    used: the vendor repairs it in 1.3\n" in matrix
