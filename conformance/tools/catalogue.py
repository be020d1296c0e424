#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The requirement catalogue: load, check, and write it for others to use.

    catalogue.py                      check conformance/requirements/ and say how much there is
    catalogue.py --c OUT.c            also write the C table that requirement.h declares
    catalogue.py --json               also write the whole catalogue as JSON to stdout
    catalogue.py --check-source PAGE  also look every fingerprint up in a local copy of the page

Each problem is one line, `file:id:problem`, on stderr; with one or more of them the exit status
is 1 and nothing is written. The same input always gives the same output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import yaml

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
EDITIONS_FILE = "editions.yaml"
REVIEWS_FILE = "reviews.yaml"
SCHEMA_FILE = "schema.json"
ID_DIGITS = 2
SHORT_DIGITS = 12  # of a fingerprint, where people read and copy it


@dataclass(frozen=True, order=True)
class Problem:
    """Something that is wrong: in which file, with which record ("-" for none)."""

    file: str
    record: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.record}:{self.text}"


@dataclass(frozen=True)
class Source:
    edition: str
    page: str
    section: str
    paragraph: int | None

    def __str__(self) -> str:
        place = f"{self.edition} {self.page}, {self.section}"
        return place if self.paragraph is None else f"{place}, paragraph {self.paragraph}"


@dataclass(frozen=True)
class Requirement:
    id: str
    area: str
    claim: str
    strength: str
    strength_in: Mapping[str, str]
    invariant: str | None
    profiles: tuple[str, ...]
    sources: tuple[Source, ...]  # the one that the fingerprint belongs to comes first
    source_fingerprint: str | None
    basis: str | None
    causes: str
    uncovered: str | None

    @cached_property
    def claim_fingerprint(self) -> str:
        """SHA-256 of what a case is reviewed against, in a form that does not depend on layout:
        id, claim, strength in every edition, invariant, and the fingerprint of the source sentence."""
        text = {
            "id": self.id,
            "claim": normalise(self.claim),
            "strength": self.strength,
            "strength_in": dict(self.strength_in),
            "invariant": None if self.invariant is None else normalise(self.invariant),
            "source": self.source_fingerprint,
        }
        form = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(form.encode("utf-8")).hexdigest()

    @property
    def short_fingerprint(self) -> str:
        return self.claim_fingerprint[:SHORT_DIGITS]


@dataclass(frozen=True)
class Catalogue:
    version: int
    requirements: tuple[Requirement, ...]
    retired: Mapping[str, str]  # id to reason
    reviews: Mapping[str, str] = field(default_factory=dict)  # case to short fingerprint


@dataclass(frozen=True)
class Loaded:
    """What could be read, and what is wrong with it. Use the catalogue only without problems."""

    catalogue: Catalogue
    problems: tuple[Problem, ...]


# ---------------------------------------------------------------------------------------------
# Fingerprints.


def normalise(sentence: str) -> str:
    """The form of a sentence that is hashed: NFKC, no bullet, blanks folded to one space."""
    folded = " ".join(unicodedata.normalize("NFKC", sentence).split())
    return folded.removeprefix("\N{BULLET}").strip()


def fingerprint(sentence: str) -> str:
    return hashlib.sha256(normalise(sentence).encode("utf-8")).hexdigest()


def sentences(page: str) -> list[str]:
    """The sentences of a page in order. A line break always ends one."""
    found: list[str] = []
    for line in page.splitlines():
        parts = re.split(r"(?<=[.!?])\s+|(?<=[.!?]\))\s+", normalise(line))
        found.extend(part for part in parts if part)
    return found


# ---------------------------------------------------------------------------------------------
# Reading YAML. Two equal keys in one mapping are an error here; plain PyYAML keeps the last.


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
        if key in seen:
            raise yaml.MarkedYAMLError(
                problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
            )
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _read_yaml(path: Path, problems: list[Problem]) -> Any:
    """The content of the file, or None after a problem has been noted."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.append(Problem(path.name, "-", "file is missing"))
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, "-", f"cannot be read: {one_line(str(error))}"))
        return None
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problems.append(Problem(path.name, "-", f"{where}not YAML: {one_line(what)}"))
        return None
    if content is None:
        problems.append(Problem(path.name, "-", "file is empty"))
    return content


def one_line(text: str, limit: int = 200) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."


def _schema_problems(
    file: str, content: Any, schema: Mapping[str, Any], part: str
) -> list[Problem]:
    validator = jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{part}"})
    errors = sorted(validator.iter_errors(content), key=lambda e: [str(p) for p in e.absolute_path])
    return [
        Problem(file, _record_of(content, error.absolute_path), _schema_text(error))
        for error in errors
    ]


def _record_of(content: Any, path: Iterable[Any]) -> str:
    """The innermost `id` on the way to the place of an error."""
    record = "-"
    place = content
    for step in path:
        place = place[step]
        if isinstance(place, dict) and isinstance(place.get("id"), str):
            record = one_line(place["id"], 40)
        elif isinstance(step, int) and isinstance(place, dict):
            record = f"entry {step + 1}"
    return record


def _schema_text(error: Any) -> str:
    member = next((str(p) for p in reversed(error.absolute_path) if isinstance(p, str)), "")
    at = f"{member}: " if member else ""
    if error.validator is None:  # the schema here is `false`
        return f"{at}not allowed here"
    if error.validator == "pattern":
        return one_line(f"{at}{error.instance!r} does not have the form {error.validator_value}")
    return one_line(f"{at}{error.message}")


# ---------------------------------------------------------------------------------------------
# Building the catalogue.


def _source(record: Mapping[str, Any]) -> Source:
    return Source(record["edition"], record["page"], record["section"], record.get("paragraph"))


def _requirement(area: str, record: Mapping[str, Any]) -> Requirement:
    return Requirement(
        id=record["id"],
        area=area,
        claim=record["claim"],
        strength=record["strength"],
        strength_in=dict(record.get("strength_in", {})),
        invariant=record.get("invariant"),
        profiles=tuple(record["profiles"]),
        sources=tuple(_source(s) for s in [record["source"], *record.get("supporting", [])]),
        source_fingerprint=record["source_fingerprint"],
        basis=record.get("basis"),
        causes=record["causes"],
        uncovered=record.get("uncovered"),
    )


def _number(requirement_id: str) -> int:
    return int(requirement_id[-ID_DIGITS:])


def _id_problems(
    file: str, area: str, live: Sequence[str], retired: Sequence[str]
) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for requirement_id in [*live, *retired]:
        if requirement_id.rpartition("-")[0] != area:
            problems.append(Problem(file, requirement_id, f"id does not belong to area {area}"))
        if requirement_id in seen:
            problems.append(Problem(file, requirement_id, "id stands twice"))
        seen.add(requirement_id)
    for before, after in zip(live, live[1:]):
        if _number(after) < _number(before):
            problems.append(Problem(file, after, f"out of order, stands after {before}"))
    numbers = {_number(requirement_id) for requirement_id in seen}
    for number in sorted(set(range(1, max(numbers, default=0) + 1)) - numbers):
        missing = f"{area}-{number:0{ID_DIGITS}d}"
        problems.append(
            Problem(file, missing, "number is skipped; an id that is no longer used is `retired`")
        )
    return problems


@dataclass
class _Known:
    """What editions.yaml declares."""

    editions: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)
    pages: set[tuple[str, str]] = field(default_factory=set)


def _known(content: Mapping[str, Any], problems: list[Problem]) -> _Known:
    known = _Known()
    for edition in content["editions"]:
        if edition["id"] in known.editions:
            problems.append(Problem(EDITIONS_FILE, edition["id"], "id stands twice"))
        known.editions.add(edition["id"])
        if edition["profile"]:
            known.profiles.add(edition["id"])
    page_ids: set[str] = set()
    for page in content["pages"]:
        if page["id"] in page_ids:
            problems.append(Problem(EDITIONS_FILE, page["id"], "id stands twice"))
        page_ids.add(page["id"])
        for address in page["addresses"]:
            if address["edition"] not in known.editions:
                text = f"edition {address['edition']} is not declared"
                problems.append(Problem(EDITIONS_FILE, page["id"], text))
            known.pages.add((address["edition"], page["id"]))
    return known


def _reference_problems(file: str, requirement: Requirement, known: _Known) -> Iterator[Problem]:
    for source in requirement.sources:
        if (source.edition, source.page) not in known.pages:
            text = f"source: page {source.page} of {source.edition} is not in {EDITIONS_FILE}"
            yield Problem(file, requirement.id, text)
    for profile in requirement.profiles:
        if profile not in known.profiles:
            yield Problem(file, requirement.id, f"profiles: {profile} is not a profile")
    for profile, strength in requirement.strength_in.items():
        if profile not in requirement.profiles:
            text = f"strength_in: {profile} is not among the profiles of this requirement"
            yield Problem(file, requirement.id, text)
        if strength == requirement.strength:
            yield Problem(file, requirement.id, f"strength_in: {profile} repeats the strength")
        if "open" in (strength, requirement.strength):
            yield Problem(file, requirement.id, "strength_in: open cannot be mixed with others")


def case_numbers(text: str) -> list[int]:
    """The numbers of "1-3, 7", in order; some may stand twice."""
    numbers: list[int] = []
    for part in text.split(", "):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def _reviews(
    directory: Path,
    schema: Mapping[str, Any],
    requirements: Sequence[Requirement],
    problems: list[Problem],
) -> dict[str, str]:
    """What reviews.yaml records. Without the file nothing has been reviewed."""
    if not (directory / REVIEWS_FILE).exists():
        return {}
    content = _read_yaml(directory / REVIEWS_FILE, problems)
    wrong = [] if content is None else _schema_problems(REVIEWS_FILE, content, schema, "reviews")
    problems.extend(wrong)
    if content is None or wrong:
        return {}
    live = {requirement.id for requirement in requirements}
    reviews: dict[str, str] = {}
    for requirement_id, texts in content["reviews"].items():
        if requirement_id not in live:
            text = "there is no such requirement; remove its reviews"
            problems.append(Problem(REVIEWS_FILE, requirement_id, text))
        for short, numbers in texts.items():
            found = case_numbers(numbers)
            if not found:
                problems.append(Problem(REVIEWS_FILE, requirement_id, f"no case in {numbers}"))
            for number in found:
                case = f"{requirement_id}.{number}"
                if case in reviews:
                    problems.append(Problem(REVIEWS_FILE, case, "stands twice"))
                reviews[case] = short
    return reviews


def load(directory: Path = REQUIREMENTS) -> Loaded:
    """Read and check everything in the directory. Never raises for what the files hold."""
    problems: list[Problem] = []
    empty = Catalogue(0, (), {})
    try:
        schema = json.loads((directory / SCHEMA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return Loaded(empty, (Problem(SCHEMA_FILE, "-", one_line(str(error))),))
    head = _read_yaml(directory / EDITIONS_FILE, problems)
    if head is not None:
        problems.extend(_schema_problems(EDITIONS_FILE, head, schema, "editions"))
    if problems:
        return Loaded(empty, tuple(problems))
    known = _known(head, problems)

    requirements: list[Requirement] = []
    retired: dict[str, str] = {}
    expected = [f"{area.lower()}.yaml" for area in head["areas"]]
    known_files = {EDITIONS_FILE, REVIEWS_FILE, *expected}
    for stray in sorted({p.name for p in directory.glob("*.y*ml")} - known_files):
        problems.append(Problem(stray, "-", f"its area is not listed in {EDITIONS_FILE}"))
    for area, file in zip(head["areas"], expected):
        content = _read_yaml(directory / file, problems)
        if content is None:
            continue
        wrong = _schema_problems(file, content, schema, "area")
        problems.extend(wrong)
        if wrong:
            continue
        if content["area"] != area:
            problems.append(Problem(file, "-", f"area is {content['area']}, expected {area}"))
            continue
        own = [_requirement(area, record) for record in content["requirements"]]
        gone = content.get("retired", [])
        problems.extend(_id_problems(file, area, [r.id for r in own], [r["id"] for r in gone]))
        for requirement in own:
            problems.extend(_reference_problems(file, requirement, known))
        requirements.extend(own)
        retired.update({record["id"]: record["reason"] for record in gone})
    complete = not problems  # else a requirement may be missing for another reason
    reviews = _reviews(directory, schema, requirements, problems) if complete else {}
    catalogue = Catalogue(head["catalogue_version"], tuple(requirements), retired, reviews)
    return Loaded(catalogue, tuple(problems))


# ---------------------------------------------------------------------------------------------
# Output.


def c_string(text: str | None) -> str:
    """A C11 string literal of the text in UTF-8, or NULL."""
    if text is None:
        return "NULL"
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\?':  # an escaped ? cannot begin a trigraph
            out.append("\\" + char)
        elif 0x20 <= byte < 0x7F:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")  # three digits: the next character cannot join in
    return '"' + "".join(out) + '"'


def to_c(catalogue: Catalogue) -> str:
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Generated by conformance/tools/catalogue.py from conformance/requirements/. */",
        '#include "requirement.h"',
        "",
        "/* clang-format off */",
        "const struct cts_requirement cts_requirements[] = {",
    ]
    for requirement in catalogue.requirements:
        members = {
            "id": requirement.id,
            "area": requirement.area,
            "claim": requirement.claim,
            "strength": requirement.strength,
            "strength_in": " ".join(f"{k}={v}" for k, v in requirement.strength_in.items()),
            "invariant": requirement.invariant,
            "source": "; ".join(str(source) for source in requirement.sources),
            "profiles": " ".join(requirement.profiles),
            "causes": requirement.causes,
            "uncovered": requirement.uncovered,
            "fingerprint": requirement.short_fingerprint,
        }
        lines.append("    {")
        lines.extend(f"        .{name} = {c_string(text)}," for name, text in members.items())
        lines.append("    },")
    lines += [
        "};",
        f"const size_t cts_requirement_count = {len(catalogue.requirements)};",
        "",
        "const struct cts_review cts_reviews[] = {",
        *(
            f"    {{{c_string(case)}, {c_string(short)}}},"
            for case, short in sorted(catalogue.reviews.items())
        ),
        "    {0, 0},",
        "};",
        f"const size_t cts_review_count = {len(catalogue.reviews)};",
        "",
    ]
    return "\n".join(lines)


def to_json(catalogue: Catalogue) -> str:
    def plain(requirement: Requirement) -> dict[str, Any]:
        first, *others = (
            {k: v for k, v in vars(source).items() if v is not None}
            for source in requirement.sources
        )
        return {
            "id": requirement.id,
            "area": requirement.area,
            "claim": requirement.claim,
            "strength": requirement.strength,
            "strength_in": dict(requirement.strength_in),
            "invariant": requirement.invariant,
            "profiles": list(requirement.profiles),
            "source": first,
            "supporting": others,
            "source_fingerprint": requirement.source_fingerprint,
            "claim_fingerprint": requirement.claim_fingerprint,
            "basis": requirement.basis,
            "causes": requirement.causes,
            "uncovered": requirement.uncovered,
        }

    content = {
        "catalogue_version": catalogue.version,
        "requirements": [plain(requirement) for requirement in catalogue.requirements],
        "retired": dict(catalogue.retired),
        "reviews": dict(catalogue.reviews),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def source_problems(catalogue: Catalogue, page: str) -> list[Problem]:
    """Fingerprints that no sentence of the page has."""
    known = {fingerprint(sentence) for sentence in sentences(page)}
    return [
        Problem(f"{r.area.lower()}.yaml", r.id, "source_fingerprint: no such sentence in the page")
        for r in catalogue.requirements
        if r.source_fingerprint is not None and r.source_fingerprint not in known
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Check the requirement catalogue and write it for others to use.",
        epilog="example: catalogue.py --c build/requirement_table.c",
    )
    parser.add_argument("--c", metavar="OUT.c", type=Path, help="write the C table")
    parser.add_argument("--json", action="store_true", help="write JSON to stdout")
    parser.add_argument("--check-source", metavar="PAGE", type=Path, help="look fingerprints up")
    parser.add_argument("--requirements", metavar="DIR", type=Path, default=REQUIREMENTS)
    options = parser.parse_args(arguments)

    loaded = load(options.requirements)
    problems = list(loaded.problems)
    if options.check_source is not None and not problems:
        try:
            page = options.check_source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            parser.error(one_line(str(error)))
        problems = source_problems(loaded.catalogue, page)
    if problems:
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1
    if options.c is not None:
        options.c.write_text(to_c(loaded.catalogue), encoding="ascii")
    if options.json:
        sys.stdout.write(to_json(loaded.catalogue))
    elif options.c is None:
        rows = loaded.catalogue.requirements
        waiting = sum(1 for r in rows if r.uncovered is not None)
        print(
            f"catalogue version {loaded.catalogue.version}: {len(rows)} requirements, "
            f"{waiting} of them without cases for a stated reason"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
