# SPDX-License-Identifier: Apache-2.0
"""catalogue.py: each rule has a fixture that it must reject, with file, id and problem."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import catalogue
import pytest
import yaml

Content = dict[str, Any]

EDITIONS: Content = {
    "catalogue_version": 1,
    "areas": ["OBJ", "V14"],
    "editions": [
        {"id": "ce-1.1", "name": "old", "profile": False, "note": "note"},
        {"id": "ce-1.2", "name": "base", "profile": True, "note": "note"},
        {"id": "ce-1.4", "name": "new", "profile": True, "note": "note"},
    ],
    "pages": [
        {
            "id": "page_a",
            "about": "a page",
            "addresses": [
                {"edition": "ce-1.2", "read": "whole", "url": "https://example.org/a"},
            ],
        }
    ],
}


def record(requirement_id: str, **members: Any) -> Content:
    """A valid record with these members changed; None takes a member away, NULL stands for null."""
    content: Content = {
        "id": requirement_id,
        "claim": "It works.",
        "strength": "must",
        "profiles": ["ce-1.2"],
        "source": {"edition": "ce-1.2", "page": "page_a", "section": "top"},
        "source_fingerprint": "0" * 64,
        "causes": "it does not",
    }
    content.update(members)
    return {k: None if v is NULL else v for k, v in content.items() if v is not None}


NULL = object()


def valid() -> dict[str, Content]:
    return {
        "editions.yaml": copy.deepcopy(EDITIONS),
        "obj.yaml": {
            "area": "OBJ",
            "title": "objects",
            "requirements": [record("OBJ-01"), record("OBJ-02")],
        },
        "v14.yaml": {"area": "V14", "title": "new", "requirements": [record("V14-01")]},
    }


def write(directory: Path, files: dict[str, Content]) -> Path:
    for name, content in files.items():
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.copy(catalogue.REQUIREMENTS / "schema.json", directory)
    return directory


def problems(directory: Path) -> list[str]:
    return [str(problem) for problem in catalogue.load(directory).problems]


def test_valid_fixture_is_accepted(tmp_path: Path) -> None:
    loaded = catalogue.load(write(tmp_path, valid()))
    assert loaded.problems == ()
    assert [r.id for r in loaded.catalogue.requirements] == ["OBJ-01", "OBJ-02", "V14-01"]


def test_real_catalogue_is_accepted() -> None:
    loaded = catalogue.load()
    assert [str(problem) for problem in loaded.problems] == []
    rows = {r.id: r for r in loaded.catalogue.requirements}
    assert rows["OBJ-04"].strength_in == {"ce-1.4": "must"}
    # Every requirement has cases today; one that has none needs a reason, which the gate asks for.
    assert [r.id for r in rows.values() if r.uncovered is not None] == []


def obj(*records: Content, **members: Any) -> Callable[[dict[str, Content]], None]:
    """Replace the records, and other members, of obj.yaml."""

    def change(files: dict[str, Content]) -> None:
        if records:
            files["obj.yaml"]["requirements"] = list(records)
        files["obj.yaml"].update(members)

    return change


def edition(**members: Any) -> Callable[[dict[str, Content]], None]:
    return lambda files: files["editions.yaml"].update(members)


def drop(name: str) -> Callable[[dict[str, Content]], None]:
    def change(files: dict[str, Content]) -> None:
        del files[name]

    return change


SOURCE: Content = {"edition": "ce-1.2", "page": "page_a", "section": "top"}
REJECTED: list[tuple[str, Callable[[dict[str, Content]], None], str]] = [
    ("id form", obj(record("OBJ-1")), "obj.yaml:OBJ-1:id: 'OBJ-1' does not have the form"),
    ("id lower", obj(record("obj-01")), "obj.yaml:obj-01:id: "),
    ("id type", obj(record("OBJ-01", id=7)), "obj.yaml:entry 1:id: 7 is not of type 'string'"),
    ("id missing", obj(record("OBJ-01", id=None)), "obj.yaml:entry 1:.*'id' is a required"),
    ("id twice", obj(record("OBJ-01"), record("OBJ-01")), "obj.yaml:OBJ-01:id stands twice"),
    ("order", obj(record("OBJ-02"), record("OBJ-01")), "obj.yaml:OBJ-01:out of order"),
    ("gap", obj(record("OBJ-01"), record("OBJ-03")), "obj.yaml:OBJ-02:number is skipped"),
    ("other area", obj(record("V14-01")), "obj.yaml:V14-01:id does not belong to area OBJ"),
    (
        "retired and live",
        obj(retired=[{"id": "OBJ-02", "reason": "gone"}]),
        "obj.yaml:OBJ-02:id stands twice",
    ),
    ("retired reason", obj(retired=[{"id": "OBJ-03"}]), "obj.yaml:OBJ-03:.*'reason' is a required"),
    ("no claim", obj(record("OBJ-01", claim=None)), "obj.yaml:OBJ-01:.*'claim' is a required"),
    ("no full stop", obj(record("OBJ-01", claim="x")), "obj.yaml:OBJ-01:claim: 'x' does not have"),
    ("two lines", obj(record("OBJ-01", claim="x\ny.")), "obj.yaml:OBJ-01:claim: "),
    ("strength", obj(record("OBJ-01", strength="may")), "obj.yaml:OBJ-01:strength: 'may' is not"),
    (
        "open without invariant",
        obj(record("OBJ-01", strength="open", basis="b")),
        "obj.yaml:OBJ-01:.*'invariant' is a required",
    ),
    (
        "invariant without open",
        obj(record("OBJ-01", invariant="x.")),
        "obj.yaml:OBJ-01:invariant: not allowed here",
    ),
    (
        "derived without basis",
        obj(record("OBJ-01", strength="derived")),
        "obj.yaml:OBJ-01:.*'basis' is a required",
    ),
    (
        "no fingerprint, no basis",
        obj(record("OBJ-01", source_fingerprint=NULL)),
        "obj.yaml:OBJ-01:.*'basis' is a required",
    ),
    (
        "fingerprint form",
        obj(record("OBJ-01", source_fingerprint="abc")),
        "obj.yaml:OBJ-01:source_fingerprint: 'abc' does not have the form",
    ),
    ("unknown member", obj(record("OBJ-01", level="must")), "obj.yaml:OBJ-01:.*'level'"),
    ("empty reason", obj(record("OBJ-01", uncovered="")), "obj.yaml:OBJ-01:uncovered: "),
    ("no causes", obj(record("OBJ-01", causes=None)), "obj.yaml:OBJ-01:.*'causes' is a required"),
    ("no profile", obj(record("OBJ-01", profiles=[])), "obj.yaml:OBJ-01:profiles: "),
    (
        "profile that is none",
        obj(record("OBJ-01", profiles=["ce-1.1"])),
        "obj.yaml:OBJ-01:profiles: ce-1.1 is not a profile",
    ),
    (
        "unknown page",
        obj(record("OBJ-01", source={**SOURCE, "page": "page_b"})),
        "obj.yaml:OBJ-01:source: page page_b of ce-1.2 is not in editions.yaml",
    ),
    (
        "page not in this edition",
        obj(record("OBJ-01", supporting=[{**SOURCE, "edition": "ce-1.4"}])),
        "obj.yaml:OBJ-01:source: page page_a of ce-1.4 is not in editions.yaml",
    ),
    (
        "paragraph zero",
        obj(record("OBJ-01", source={**SOURCE, "paragraph": 0})),
        "obj.yaml:OBJ-01:paragraph: 0 is less",
    ),
    (
        "strength_in elsewhere",
        obj(record("OBJ-01", strength_in={"ce-1.4": "derived"})),
        "obj.yaml:OBJ-01:strength_in: ce-1.4 is not among the profiles",
    ),
    (
        "strength_in repeats",
        obj(record("OBJ-01", strength_in={"ce-1.2": "must"})),
        "obj.yaml:OBJ-01:strength_in: ce-1.2 repeats",
    ),
    (
        "strength_in open",
        obj(record("OBJ-01", strength_in={"ce-1.2": "open"})),
        "obj.yaml:OBJ-01:strength_in: open cannot be mixed",
    ),
    ("area name", obj(area="XYZ"), "obj.yaml:-:area is XYZ, expected OBJ"),
    ("no title", obj(title=""), "obj.yaml:-:title: "),
    ("area file missing", drop("v14.yaml"), "v14.yaml:-:file is missing"),
    ("area not listed", edition(areas=["OBJ"]), "v14.yaml:-:its area is not listed"),
    ("area twice", edition(areas=["OBJ", "OBJ"]), "editions.yaml:-:areas: "),
    ("editions missing", drop("editions.yaml"), "editions.yaml:-:file is missing"),
    (
        "edition twice",
        edition(editions=EDITIONS["editions"] + EDITIONS["editions"][:1]),
        "editions.yaml:ce-1.1:id stands twice",
    ),
    ("page twice", edition(pages=EDITIONS["pages"] * 2), "editions.yaml:page_a:id stands twice"),
    (
        "page of an undeclared edition",
        edition(
            pages=[
                *EDITIONS["pages"],
                {
                    "id": "page_b",
                    "about": "b",
                    "addresses": [
                        {"edition": "ce-9.9", "read": "whole", "url": "https://example.org/b"}
                    ],
                },
            ]
        ),
        "editions.yaml:page_b:edition ce-9.9 is not declared",
    ),
    ("version", edition(catalogue_version=0), "editions.yaml:-:catalogue_version: 0 is less"),
]


@pytest.mark.parametrize(
    ("change", "expected"),
    [(change, expected) for _, change, expected in REJECTED],
    ids=[label for label, _, _ in REJECTED],
)
def test_rejected(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Content]], None],
    expected: str,
) -> None:
    files = valid()
    change(files)
    write(tmp_path, files)
    found = problems(tmp_path)
    assert any(re.match(expected, problem) for problem in found), found
    assert all("\n" not in problem for problem in found)

    table = tmp_path / "out.c"
    assert catalogue.main(["--requirements", str(tmp_path), "--c", str(table)]) == 1
    assert not table.exists()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("area: [", "obj.yaml:-:line .: not YAML"),
        ("", "obj.yaml:-:file is empty"),
        ("- 1\n", "obj.yaml:-:.*is not of type 'object'"),
        ("area: OBJ\narea: OBJ\n", "obj.yaml:-:line 2: not YAML: key 'area' stands twice"),
        ("? [a]\n: b\n", "obj.yaml:-:.*not YAML"),
        ("a: !!python/object:os.system {}\n", "obj.yaml:-:.*not YAML"),
    ],
)
def test_text_that_is_no_data(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, valid())
    (tmp_path / "obj.yaml").write_text(text)
    found = problems(tmp_path)
    assert any(re.match(expected, problem) for problem in found), found


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, valid())
    (tmp_path / "obj.yaml").write_bytes(b"area: \xff\n")
    assert problems(tmp_path)[0].startswith("obj.yaml:-:cannot be read")


def test_all_problems_are_reported(tmp_path: Path) -> None:
    files = valid()
    files["obj.yaml"]["requirements"] = [record("OBJ-01", strength="x")]
    files["v14.yaml"]["requirements"] = [record("V14-01", strength="y")]
    found = problems(write(tmp_path, files))
    assert [line.split(":")[1] for line in found] == ["OBJ-01", "V14-01"]


def test_retired_ids_fill_gaps(tmp_path: Path) -> None:
    files = valid()
    files["obj.yaml"]["requirements"] = [record("OBJ-01"), record("OBJ-03")]
    files["obj.yaml"]["retired"] = [{"id": "OBJ-02", "reason": "merged into OBJ-03"}]
    loaded = catalogue.load(write(tmp_path, files))
    assert loaded.problems == ()
    assert loaded.catalogue.retired == {"OBJ-02": "merged into OBJ-03"}


NASTY = 'quote " slash \\ trigraph ??= umlaut \u00fc7 and % and */ end.'


def test_c_string_of_hostile_text() -> None:
    assert catalogue.c_string(None) == "NULL"
    literal = catalogue.c_string(NASTY)
    assert literal.isascii() and "??" not in literal
    assert "\\303\\2747" in literal


def test_c_table_compiles_and_says_the_same(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    header_dir = catalogue.REQUIREMENTS.parent.parent / "harness/src/supervisor"
    files = valid()
    files["obj.yaml"]["requirements"][0]["claim"] = NASTY
    write(tmp_path, files)
    table = tmp_path / "table.c"
    assert catalogue.main(["--requirements", str(tmp_path), "--c", str(table)]) == 0
    before = table.read_bytes()
    assert catalogue.main(["--requirements", str(tmp_path), "--c", str(table)]) == 0
    assert table.read_bytes() == before
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "requirement.h"\nint main(void) {'
        "for (size_t i = 0; i < cts_requirement_count; i++)"
        'printf("%s|%s|%s|%s\\n", cts_requirements[i].id, cts_requirements[i].claim,'
        'cts_requirements[i].profiles, cts_requirements[i].invariant ? "yes" : "no");'
        "return 0; }\n"
    )
    program = tmp_path / "program"
    subprocess.run(
        [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", str(header_dir)]
        + [str(table), str(tmp_path / "main.c"), "-o", str(program)],
        check=True,
    )
    printed = subprocess.run([str(program)], check=True, capture_output=True).stdout.decode()
    assert printed.splitlines() == [
        f"OBJ-01|{NASTY}|ce-1.2|no",
        "OBJ-02|It works.|ce-1.2|no",
        "V14-01|It works.|ce-1.2|no",
    ]


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(["--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    rows = {row["id"]: row for row in content["requirements"]}
    assert rows["CALL-02"]["strength"] == "must"
    assert rows["CALL-02"]["source"]["paragraph"] == 2
    assert rows["TIME-01"]["uncovered"] is None


def test_fingerprints_follow_the_sentence_and_not_its_blanks(tmp_path: Path) -> None:
    assert catalogue.fingerprint(" \u2022 One\u00a0 two.\n") == catalogue.fingerprint("One two.")
    assert catalogue.fingerprint("One two.") != catalogue.fingerprint("One two!")
    page = "One in syscalls.h file. (Two.) Three?\nFour"
    assert catalogue.sentences(page) == ["One in syscalls.h file.", "(Two.)", "Three?", "Four"]

    files = valid()
    files["obj.yaml"]["requirements"] = [
        record("OBJ-01", source_fingerprint=catalogue.fingerprint("(Two.)")),
        record("OBJ-02", source_fingerprint=catalogue.fingerprint("Five.")),
    ]
    files["v14.yaml"]["requirements"] = [record("V14-01", source_fingerprint=NULL, basis="b")]
    loaded = catalogue.load(write(tmp_path, files))
    assert [str(p) for p in catalogue.source_problems(loaded.catalogue, page)] == [
        "obj.yaml:OBJ-02:source_fingerprint: no such sentence in the page"
    ]
