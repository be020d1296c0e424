# SPDX-License-Identifier: Apache-2.0
"""Waivers: failures that are known and accepted for a time (reports/schema/waivers.schema.json).

A waiver never changes a verdict. It is put beside the raw one, and only the exit code of a run
under waivers takes notice. A waiver that is not in order fails the run: one that is not valid at the
date of the run, that fits nothing in it, or whose case does not fail any more.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ctsreport import results
from ctsreport.evidence import EvidenceError
from ctsreport.text import visible

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "waivers.schema.json"
VERSION = 1

CONFORMANT, DEVIATES, INCONCLUSIVE = 0, 1, 6

# What became of a waiver in a run.
USED = "used"  # its case fails, and that is accepted
UNDECIDED = "undecided"  # its case was inconclusive
NOT_RUN = "not run"  # its case is not part of this run
EXPIRED = "expired"
NOT_YET = "not yet valid"
UNMATCHED = "unmatched"
PASSING = "unexpectedly passing"
WRONG = (EXPIRED, NOT_YET, UNMATCHED, PASSING)


class WaiverError(EvidenceError):
    """The file holds no waivers that could be used."""


@dataclass(frozen=True)
class Waiver:
    id: str
    requirement: str
    case: str
    reason: str
    issue: str
    owner: str
    created: str  # ISO dates; the last day on which it is valid
    expires: str
    sut_sha256: str | None
    versions: tuple[str, str] | None  # from, to, both included


@dataclass(frozen=True)
class Standing:
    """A waiver in a run."""

    waiver: Waiver
    state: str
    why: str
    verdict: str  # the raw one; "" without

    @property
    def is_wrong(self) -> bool:
        return self.state in WRONG


# ---------------------------------------------------------------------------------------------
# The file.


def _plain_dates(value: Any) -> Any:
    """YAML reads 2026-01-31 as a date."""
    if isinstance(value, Mapping):
        return {str(name): _plain_dates(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain_dates(item) for item in value]
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    return value


def parse_content(text: str) -> Any:
    """YAML with plain types only; a name that stands twice is an error."""
    import yaml  # type: ignore[import]  # only for those who use waivers

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def mapping(loader: Any, node: Any) -> Any:
        names = [loader.construct_object(key) for key, _ in node.value]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise WaiverError(f"{twice[0]} stands twice (line {node.start_mark.line + 1})")
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return _plain_dates(yaml.load(text, Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise WaiverError(f"{visible(str(problem))}{place}") from None
    except (ValueError, RecursionError) as error:  # a date that is none
        raise WaiverError(visible(str(error)) or "not YAML") from None


def _waiver(row: Mapping[str, Any]) -> Waiver:
    sut = row["sut"]
    versions = sut.get("versions")
    return Waiver(
        **{name: row[name] for name in ("id", "requirement", "case", "reason", "issue", "owner")},
        created=row["created"],
        expires=row["expires"],
        sut_sha256=sut.get("sha256"),
        versions=(versions["from"], versions["to"]) if versions is not None else None,
    )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def from_content(content: Any) -> list[Waiver]:
    """WaiverError with one line when the content is not what the schema says."""
    import jsonschema  # type: ignore[import]

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    problems = jsonschema.Draft202012Validator(schema).iter_errors(content)
    problem = next(iter(sorted(problems, key=lambda p: [str(part) for part in p.path])), None)
    if problem is not None:
        place = "/".join(str(part) for part in problem.path) or "the file"
        raise WaiverError(f"{visible(place)}: {visible(problem.message)[:300]}")
    waivers = [_waiver(row) for row in content["waivers"]]
    for waiver in waivers:
        if not (_is_date(waiver.created) and _is_date(waiver.expires)):
            raise WaiverError(f"{waiver.id}: created and expires are dates as in 2026-01-31")
        if waiver.created > waiver.expires:
            raise WaiverError(f"{waiver.id}: it expires before it is created")
        if waiver.case.rpartition(".")[0] != waiver.requirement:
            raise WaiverError(f"{waiver.id}: {waiver.case} is no case of {waiver.requirement}")
        if waiver.versions and version_key(waiver.versions[0]) > version_key(waiver.versions[1]):
            raise WaiverError(f"{waiver.id}: the versions run from high to low")
    for name in ("id", "case"):
        values = [getattr(waiver, name) for waiver in waivers]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise WaiverError(f"two waivers have the {name} {twice[0]}")
    return waivers


def load(path: Path) -> list[Waiver]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WaiverError(f"{visible(str(path))}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WaiverError(f"{visible(str(path))}: not UTF-8") from None
    try:
        return from_content(parse_content(text))
    except WaiverError as error:
        raise WaiverError(f"{visible(str(path))}: {error}") from None


def to_content(waivers: Sequence[Waiver]) -> Any:
    """What from_content reads."""
    rows = []
    for waiver in waivers:
        sut: dict[str, Any] = {}
        if waiver.sut_sha256 is not None:
            sut["sha256"] = waiver.sut_sha256
        if waiver.versions is not None:
            sut["versions"] = {"from": waiver.versions[0], "to": waiver.versions[1]}
        row = {name: getattr(waiver, name) for name in Waiver.__dataclass_fields__}
        del row["sut_sha256"], row["versions"]
        rows.append({**row, "sut": sut})
    return {"version": VERSION, "waivers": rows}


# ---------------------------------------------------------------------------------------------
# In a run.


def version_key(text: str) -> tuple[int, ...]:
    """1.2 and 1.2.0 are the same version."""
    parts = [int(part) for part in text.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _misfit(waiver: Waiver, run: results.Run) -> str:
    """Why the waiver is not for the library of this run; "" when it is."""
    start = run.start
    digest = start.digests.get("sut") if start is not None else None
    version = start.sut.get("version") if start is not None else None
    if waiver.sut_sha256 is not None and waiver.sut_sha256 != digest:
        return "it is for a library with another digest"
    if waiver.versions is not None:
        if not isinstance(version, str) or not re.fullmatch(r"\d+(\.\d+)*", version):
            return "it is for some versions, and the run has no --sut-version"
        low, high = (version_key(text) for text in waiver.versions)
        if not low <= version_key(version) <= high:
            return f"it is for versions {waiver.versions[0]} to {waiver.versions[1]}, not {version}"
    return ""


def standing(waiver: Waiver, run: results.Run) -> Standing:
    case = run.case(waiver.case)
    date = run.start.time_utc[:10] if run.start is not None else ""
    verdict = case.verdict if case is not None else ""
    if not _is_date(date) or date > waiver.expires:
        return Standing(waiver, EXPIRED, f"it was valid until {waiver.expires}", verdict)
    if date < waiver.created:
        return Standing(waiver, NOT_YET, f"it is valid from {waiver.created}", verdict)
    misfit = _misfit(waiver, run)
    if misfit:
        return Standing(waiver, UNMATCHED, misfit, verdict)
    if case is None:
        if any(item.id == waiver.case for item in run.listed):
            return Standing(waiver, NOT_RUN, "its case is not part of this run", verdict)
        return Standing(waiver, UNMATCHED, "there is no such case", verdict)
    if verdict == "INCONCLUSIVE":
        return Standing(waiver, UNDECIDED, "its case is inconclusive", verdict)
    if verdict == "SKIP":
        return Standing(waiver, UNMATCHED, "its case was skipped", verdict)
    if verdict == results.NO_VERDICT:
        return Standing(waiver, UNMATCHED, "its case has no verdict", verdict)
    if not results.is_failure(verdict):
        return Standing(waiver, PASSING, "its case does not fail any more; remove it", verdict)
    return Standing(waiver, USED, waiver.reason, verdict)


def standings(waivers: Sequence[Waiver], run: results.Run) -> list[Standing]:
    return [standing(waiver, run) for waiver in waivers]


def exit_code(found: Sequence[Standing], run: results.Run) -> int:
    """Of a whole log under its waivers: failures that are waived do not count."""
    waived = {item.waiver.case for item in found if item.state == USED}
    absent = run.start.capabilities.absent if run.start is not None else ()
    failed = [c for c in run.cases if results.is_failure(c.verdict) and c.case not in waived]
    missing = [c for c in run.cases if results.NO_VERDICT in dict(c.outcomes)]
    if absent or failed or missing or any(item.is_wrong for item in found):
        return DEVIATES
    if any("INCONCLUSIVE" in dict(c.outcomes) and c.case not in waived for c in run.cases):
        return INCONCLUSIVE
    strict = run.start is not None and run.start.strict
    untested = all(case.verdict == "SKIP" for case in run.cases)
    return INCONCLUSIVE if strict and untested else CONFORMANT


def line(item: Standing) -> str:
    """One line for people."""
    waiver = item.waiver
    if item.is_wrong:
        return f"waiver {waiver.id} ({waiver.case}) is {item.state}: {visible(item.why)}"
    if item.state == USED:
        facts = f"{waiver.case} {item.verdict}: {waiver.reason} ({waiver.issue}, {waiver.owner}"
        return f"waived by {waiver.id}  {visible(facts)}, until {waiver.expires})"
    return f"waiver {waiver.id} ({waiver.case}) has no effect: {visible(item.why)}"


def apply(run: results.Run, waivers: Sequence[Waiver]) -> results.Run:
    """The same run with what became of the waivers in it. No verdict changes."""
    found = standings(waivers, run)
    used = {item.waiver.case: item.waiver.id for item in found if item.state == USED}
    cases = tuple(replace(case, waiver=used.get(case.case)) for case in run.cases)
    return replace(run, cases=cases, waivers=tuple(found))
