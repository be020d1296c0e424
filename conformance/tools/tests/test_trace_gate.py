# SPDX-License-Identifier: Apache-2.0
"""trace_gate.py: each rule has a fixture that it must reject."""

from __future__ import annotations

import json
from pathlib import Path

import catalogue
import pytest
import trace_gate


def requirement(requirement_id: str, uncovered: str | None = None) -> catalogue.Requirement:
    return catalogue.Requirement(
        id=requirement_id,
        area=requirement_id.rpartition("-")[0],
        claim="It works.",
        strength="must",
        strength_in={},
        invariant=None,
        profiles=("ce-1.2",),
        sources=(),
        source_fingerprint=None,
        basis="",
        causes="",
        uncovered=uncovered,
    )


ROWS = catalogue.Catalogue(
    version=1,
    requirements=(
        requirement("CALL-01"),
        requirement("CALL-02"),
        requirement("TIME-01", uncovered="needs the timing engine"),
        requirement("V14-01"),
    ),
    retired={"CALL-03": "merged"},
)


def line(case_id: object, title: object = None) -> str:
    return json.dumps({"id": case_id, "title": f"case {case_id}" if title is None else title})


GOOD = [line("CALL-01.1"), line("CALL-01.2"), line("CALL-02.10"), line("V14-01.1")]


def test_good_list_is_accepted() -> None:
    assert trace_gate.check(GOOD, ROWS) == ([], 4)


def test_order_and_unknown_members_do_not_matter() -> None:
    more = json.dumps({"id": "CALL-01.3", "title": "x", "traits": ["smoke"], "new": 1})
    assert trace_gate.check([more, *reversed(GOOD)], ROWS) == ([], 5)


def test_same_title_in_another_area_is_accepted() -> None:
    lines = [line("CALL-01.1", "same"), line("CALL-02.1", "other"), line("V14-01.1", "same")]
    assert trace_gate.check(lines, ROWS)[0] == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (GOOD[:2] + GOOD[3:], "CALL-02: no case, and no reason in `uncovered`"),
        ([*GOOD, line("TIME-01.1")], "TIME-01: `uncovered`, and yet it has case TIME-01.1"),
        ([*GOOD, line("CALL-09.1")], "CALL-09.1: dead id, there is no requirement CALL-09"),
        ([*GOOD, line("CALL-03.1")], "CALL-03.1: dead id, CALL-03 is retired"),
        ([*GOOD, line("CALL-01.1", "other")], "CALL-01.1: duplicate case id, also on line 1"),
        ([*GOOD, line("CALL-01.4", "case CALL-01.1")], "CALL-01.4: duplicate title in its area"),
        ([*GOOD, line("CALL-01.4", "case CALL-02.10")], "CALL-01.4: duplicate title in its area"),
        ([*GOOD, "{"], "line 5: not JSON"),
        ([*GOOD, "[" * 100000], "line 5: not JSON"),
        ([*GOOD, "[]"], "line 5: not a JSON object"),
        ([*GOOD, line(None, "x")], "line 5: malformed case id null"),
        ([*GOOD, line(7, "x")], "line 5: malformed case id 7"),
        ([*GOOD, json.dumps({"id": "CALL-01.9"})], "CALL-01.9: no title"),
    ]
    + [
        ([*GOOD, line(bad, "x")], "line 5: malformed case id")
        for bad in (
            "CALL-01",
            "CALL-01.0",
            "CALL-01.01",
            "CALL-1.1",
            "call-01.1",
            "CALL-01.1\n",
            "CALL-01.1.1",
            "C-01.1",
            "",
        )
    ]
    + [
        ([*GOOD, line("CALL-01.9", bad)], "CALL-01.9: title")
        for bad in ("", " x", "x ", "a # SKIP", "a\nb", 'a "b"', "\u00fc", "a\\b", "a;b", "a\tb")
    ],
)
def test_rejected(lines: list[str], expected: str) -> None:
    findings, _ = trace_gate.check(lines, ROWS)
    assert len(findings) == 1, findings
    assert findings[0].startswith(expected)
    assert "\n" not in findings[0]


def test_empty_list_names_every_requirement_without_reason() -> None:
    findings, count = trace_gate.check([], ROWS)
    assert count == 0
    assert [finding.split(":")[0] for finding in findings] == ["CALL-01", "CALL-02", "V14-01"]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = catalogue.load().catalogue.requirements
    cases = tmp_path / "cases.jsonl"
    lines = [line(f"{row.id}.1") for row in rows if row.uncovered is None]
    cases.write_text("\n".join(lines) + "\n")
    assert trace_gate.main(["--cases", str(cases)]) == 0
    assert capsys.readouterr().out.startswith(f"{len(lines)} cases for {len(lines)} requirements")

    cases.write_bytes("\n".join(lines[1:]).encode() + b"\n\xff\n")
    assert trace_gate.main(["--cases", str(cases)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].endswith("not JSON") and errors[1].startswith(rows[0].id)

    with pytest.raises(SystemExit) as stopped:
        trace_gate.main(["--cases", str(tmp_path / "absent")])
    assert stopped.value.code == 2


def test_invalid_catalogue_ends_the_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text("")
    assert trace_gate.main(["--cases", str(cases), "--requirements", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("schema.json:-:")
