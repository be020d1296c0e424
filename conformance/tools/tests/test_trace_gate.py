# SPDX-License-Identifier: Apache-2.0
"""trace_gate.py: each rule has a fixture that it must reject."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

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


def review(*case_ids: str) -> dict[str, str]:
    """Reviews of these cases against what their requirements say in ROWS."""
    now = {row.id: row.short_fingerprint for row in ROWS.requirements}
    return {case_id: now.get(case_id.rpartition(".")[0], "0" * 12) for case_id in case_ids}


def reviewed(lines: list[str]) -> catalogue.Catalogue:
    """ROWS, with a review of each of these cases that has a proper id."""
    ids = [case.id for case in trace_gate.read_cases(lines)[0]]
    return dataclasses.replace(ROWS, reviews=review(*ids))


def line(case_id: object, title: object = None) -> str:
    return json.dumps({"id": case_id, "title": f"case {case_id}" if title is None else title})


GOOD = [line("CALL-01.1"), line("CALL-01.2"), line("CALL-02.10"), line("V14-01.1")]


def test_good_list_is_accepted() -> None:
    assert trace_gate.check(GOOD, reviewed(GOOD)) == ([], 4)


def test_order_and_unknown_members_do_not_matter() -> None:
    more = json.dumps({"id": "CALL-01.3", "title": "x", "traits": ["smoke"], "new": 1})
    lines = [more, *reversed(GOOD)]
    assert trace_gate.check(lines, reviewed(lines)) == ([], 5)


def test_same_title_in_another_area_is_accepted() -> None:
    lines = [line("CALL-01.1", "same"), line("CALL-02.1", "other"), line("V14-01.1", "same")]
    assert trace_gate.check(lines, reviewed(lines))[0] == []


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
    findings, _ = trace_gate.check(lines, reviewed(lines))
    assert len(findings) == 1, findings
    assert findings[0].startswith(expected)
    assert "\n" not in findings[0]


def test_empty_list_names_every_requirement_without_reason() -> None:
    findings, count = trace_gate.check([], ROWS)
    assert count == 0
    assert [finding.split(":")[0] for finding in findings] == ["CALL-01", "CALL-02", "V14-01"]


@pytest.mark.parametrize(
    ("reviews", "expected"),
    [
        (review("CALL-01.1", "CALL-01.2", "CALL-02.10"), ["V14-01.1: suspect: no review is recorded"]),
        (review("CALL-01.1", "CALL-01.2", "CALL-02.10", "V14-01.1", "V14-01.2"),
         ["V14-01.2: reviewed, and there is no such case"]),
        ({}, [f"{case}: suspect: no review is recorded"
              for case in ("CALL-01.1", "CALL-01.2", "CALL-02.10", "V14-01.1")]),
    ],
)  # fmt: skip
def test_reviews(reviews: dict[str, str], expected: list[str]) -> None:
    rows = dataclasses.replace(ROWS, reviews=reviews)
    assert trace_gate.check(GOOD, rows)[0] == expected


@pytest.mark.parametrize(
    "members",
    [{"claim": "It works well."}, {"strength": "derived"}, {"strength_in": {"ce-1.4": "derived"}},
     {"invariant": "It holds."}, {"source_fingerprint": "1" * 64}],
    ids=lambda members: next(iter(members)),
)  # fmt: skip
def test_an_edited_requirement_makes_exactly_its_cases_suspect(members: dict[str, Any]) -> None:
    rows = reviewed(GOOD)
    first, *others = rows.requirements
    changed = dataclasses.replace(rows, requirements=(dataclasses.replace(first, **members), *others))
    found = trace_gate.check(GOOD, changed)[0]
    assert [text.split(":")[0] for text in found] == ["CALL-01.1", "CALL-01.2"]
    assert all(first.short_fingerprint in text and "CALL-01 reads" in text for text in found)


def test_layout_and_help_do_not_make_a_case_suspect() -> None:
    rows = reviewed(GOOD)
    same = tuple(
        dataclasses.replace(row, claim="It\n  works.", causes="other", basis="other")
        for row in rows.requirements
    )
    assert trace_gate.check(GOOD, dataclasses.replace(rows, requirements=same))[0] == []


def test_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = catalogue.load()
    rows = loaded.catalogue.requirements
    reviews = {f"{row.id}.1": row.short_fingerprint for row in rows}
    stand_in = dataclasses.replace(
        loaded, catalogue=dataclasses.replace(loaded.catalogue, reviews=reviews)
    )
    with monkeypatch.context() as patched:
        patched.setattr(catalogue, "load", lambda directory: stand_in)
        check_command(tmp_path, capsys, rows)


def check_command(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: tuple[catalogue.Requirement, ...],
) -> None:
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
