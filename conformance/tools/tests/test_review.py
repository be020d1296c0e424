# SPDX-License-Identifier: Apache-2.0
"""review.py: a review is recorded for the text that was shown, and an edit makes it suspect."""

from __future__ import annotations

import json
from pathlib import Path

import catalogue
import pytest
import review
from test_catalogue import record, valid, write

CASES = ["OBJ-01.1", "OBJ-01.2", "OBJ-01.4", "OBJ-02.1", "V14-01.1"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Requirements OBJ-01, OBJ-02, V14-01, and a list of their cases."""
    lines = [json.dumps({"id": name, "title": f"title of {name}"}) for name in CASES]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines) + "\n")
    return write(tmp_path, valid())


def call(data: Path, *words: str) -> int:
    return review.main([*words, "--requirements", str(data), "--cases", str(data / "cases.jsonl")])


def rows(data: Path) -> catalogue.Catalogue:
    loaded = catalogue.load(data)
    assert loaded.problems == ()
    return loaded.catalogue


def short(data: Path, requirement_id: str) -> str:
    return next(r.short_fingerprint for r in rows(data).requirements if r.id == requirement_id)


def record_all(data: Path) -> None:
    for name in ("OBJ-01", "OBJ-02", "V14-01"):
        assert call(data, name, "--confirm", short(data, name)) == 0


def suspects(data: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    status = call(data)
    lines = capsys.readouterr().out.splitlines()
    if status == 0:
        assert lines == [f"{len(CASES)} cases, none is suspect"]
        return []
    return [line.split(":")[0] for line in lines]


def test_everything_is_suspect_at_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suspects(data, capsys) == CASES


def test_showing_records_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(data, "OBJ-01") == 0
    said = capsys.readouterr().out
    for words in ("It works.", "must", "OBJ-01.2", "title of OBJ-01.4", "ce-1.2 page_a, top"):
        assert words in said
    assert f"review.py OBJ-01 --confirm {short(data, 'OBJ-01')}" in said
    assert not (data / catalogue.REVIEWS_FILE).exists()


def test_the_shown_line_records(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_all(data)
    assert suspects(data, capsys) == []
    text = (data / catalogue.REVIEWS_FILE).read_text()
    assert f'  OBJ-01:\n    "{short(data, "OBJ-01")}": "1-2, 4"\n' in text
    record_all(data)
    assert (data / catalogue.REVIEWS_FILE).read_text() == text


def test_an_edit_makes_exactly_the_cases_of_its_requirement_suspect(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_all(data)
    files = valid()
    files["obj.yaml"]["requirements"] = [record("OBJ-01", claim="It works well."), record("OBJ-02")]
    write(data, files)
    assert suspects(data, capsys) == ["OBJ-01.1", "OBJ-01.2", "OBJ-01.4"]
    # One of them is looked at again; the others keep their older review, and stay suspect.
    assert call(data, "OBJ-01.2", "--confirm", short(data, "OBJ-01")) == 0
    assert suspects(data, capsys) == ["OBJ-01.1", "OBJ-01.4"]
    assert len(set(rows(data).reviews.values())) == 4
    write(data, valid())
    assert suspects(data, capsys) == ["OBJ-01.2"]


def test_a_part_of_the_cases_is_named_in_the_line(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(data, "OBJ-01.4", "OBJ-01.1") == 0
    assert "review.py OBJ-01.1 OBJ-01.4 --confirm" in capsys.readouterr().out


def test_reviews_of_cases_that_are_gone_go_with_the_next_record(data: Path) -> None:
    record_all(data)
    gone = (data / "cases.jsonl").read_text().replace("OBJ-01.2", "OBJ-01.3")
    (data / "cases.jsonl").write_text(gone)
    assert call(data) == 1
    assert call(data, "OBJ-01", "--confirm", short(data, "OBJ-01")) == 0
    assert "OBJ-01.2" not in rows(data).reviews and "OBJ-01.3" in rows(data).reviews
    assert call(data) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["OBJ-09"], "OBJ-09 is no requirement and no case"),
        (["OBJ-01.9"], "OBJ-01.9 is no requirement and no case"),
        (["OBJ-01", "--confirm", "0" * 12], "is not the fingerprint of a requirement"),
        (["--confirm", "0" * 12], "--confirm needs the requirement"),
        (["OBJ-01", "OBJ-02", "--confirm", "OBJ-01"], "OBJ-02 is not confirmed"),
        (["OBJ-01", "--confirm", "OBJ-02"], "is not the fingerprint of a requirement"),
    ],
)
def test_refused(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    files = valid()
    files["obj.yaml"]["requirements"][1]["claim"] = "It does not."
    write(data, files)
    at = words.index("--confirm") + 1 if "--confirm" in words else len(words)
    words = [short(data, word) if i == at and "-" in word else word for i, word in enumerate(words)]
    assert call(data, *words) == 4
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (data / catalogue.REVIEWS_FILE).exists()


def test_a_fingerprint_has_a_form(data: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(data, "OBJ-01", "--confirm", "yes")
    assert stopped.value.code == 2


def test_no_list_of_cases(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--requirements", str(data)]
    assert review.main([*wanted, "--cases", str(data / "absent")]) == 4
    assert review.main([*wanted, "--worker", str(data / "absent")]) == 4
    (data / "cases.jsonl").write_text("{\n")
    assert call(data) == 4
    assert "line 1: not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("reviews: {OBJ-09: {'%s': '1'}}", "reviews.yaml:OBJ-09:there is no such requirement"),
        ("reviews: {OBJ-01: {'%s': '1-3, 2'}}", "reviews.yaml:OBJ-01.2:stands twice"),
        ("reviews: {OBJ-01: {'%s': '3-1'}}", "reviews.yaml:OBJ-01:no case in 3-1"),
        ("reviews: {OBJ-01: {'%s': '1,2'}}", "reviews.yaml:-:"),
        ("reviews: {OBJ-01: {'%s': 1}}", "reviews.yaml:-:"),
        ("reviews: {OBJ-01: {ab: '1'}}  # %s", "reviews.yaml:-:"),
        ("reviews: {obj: {'%s': '1'}}", "reviews.yaml:-:"),
        ("reviews: []  # %s", "reviews.yaml:-:reviews: "),
        ("# %s", "reviews.yaml:-:file is empty"),
    ],
)
def test_a_file_that_is_no_record(data: Path, text: str, problem: str) -> None:
    (data / catalogue.REVIEWS_FILE).write_text(text % ("0" * 12))
    found = [str(p) for p in catalogue.load(data).problems]
    assert len(found) == 1 and found[0].startswith(problem), found
    assert call(data) == 4


def test_ranges() -> None:
    for text in ("1", "1-2", "1-3, 5, 7-9", "4, 10-11"):
        assert review.ranges(catalogue.case_numbers(text)) == text
    assert review.ranges([3, 1, 2, 2]) == "1-3"
