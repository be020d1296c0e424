#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reviews of cases: which text of its requirement a case was compared with.

    review.py                                 what is suspect
    review.py CALL-02 OBJ-01.3                show the text and its cases, and how to record it
    review.py CALL-02 --confirm 3f2a91c04b7e  record that the cases decide this text

A case that no review names, or whose requirement reads differently now, is suspect. A review is
recorded for the fingerprint that was shown and for no other: whoever records one has had the text
before the eyes. Without arguments the exit status is 1 when a case is suspect; 4 is wrong usage.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import catalogue
import trace_gate
from trace_gate import Case

REPOSITORY = Path(__file__).resolve().parents[2]
WORKERS = tuple(REPOSITORY / "build" / name / "bin" / "cts-worker" for name in ("dev", "release"))
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Which text of its requirement each case was reviewed against: requirement, beginning of its claim
# fingerprint (conformance/tools/catalogue.py), numbers of cases. Written by conformance/tools/review.py,
# which shows the text first.
"""


class WrongUse(Exception):
    """The command line cannot be followed; the text says why."""


def number(case_id: str) -> int:
    return int(case_id.rpartition(".")[2])


def ranges(numbers: Iterable[int]) -> str:
    """ "1-3, 7" for 1, 2, 3, 7: what catalogue.case_numbers reads."""
    runs: list[list[int]] = []
    for value in sorted(set(numbers)):
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def to_yaml(rows: catalogue.Catalogue, reviews: Mapping[str, str]) -> str:
    """The content of reviews.yaml, in catalogue order."""
    lines = [HEAD + "reviews:" + ("" if reviews else " {}")]
    for requirement in rows.requirements:
        texts: dict[str, list[int]] = {}
        for case_id, short in reviews.items():
            if case_id.rpartition(".")[0] == requirement.id:
                texts.setdefault(short, []).append(number(case_id))
        if texts:
            lines.append(f"  {requirement.id}:")
        for short, numbers in sorted(texts.items(), key=lambda text: min(text[1])):
            lines.append(f'    "{short}": "{ranges(numbers)}"')
    return "\n".join(lines) + "\n"


def list_cases(source: Path | None, worker: Path | None) -> list[Case]:
    """From a file that `cts-worker --list` wrote, or from a worker."""
    if source is not None:
        try:
            text = source.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise WrongUse(f"{source}: {error.strerror}") from error
    else:
        built = next((path for path in WORKERS if path.is_file()), WORKERS[0])
        program = built if worker is None else worker
        try:
            done = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WrongUse(f"{program} does not list the cases; build it, or give --cases") from error
        text = done.stdout
    cases, findings = trace_gate.read_cases(text.splitlines())
    if findings:
        raise WrongUse(findings[0])
    return cases


def place(case: Case) -> str:
    """File and line of the row of the case, as far as it stands there literally."""
    path = REPOSITORY / case.file
    if case.file and path.is_file():
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if f'"{case.id}"' in text:
                return f"{case.file}:{line}"
    return case.file or "?"


def chosen(
    ids: Sequence[str], rows: catalogue.Catalogue, cases: Sequence[Case]
) -> dict[str, list[Case]]:
    """By requirement, in catalogue order, the cases that the ids name."""
    known = {requirement.id for requirement in rows.requirements}
    selected: set[str] = set()
    for wanted in ids:
        found = [case for case in cases if wanted in (case.id, case.requirement)]
        if not found:
            what = "has no case" if wanted in known else "is no requirement and no case"
            raise WrongUse(f"{wanted} {what}")
        selected.update(case.id for case in found)
    return {
        requirement.id: own
        for requirement in rows.requirements
        if (own := [c for c in cases if c.id in selected and c.requirement == requirement.id])
    }


def shown(
    requirement: catalogue.Requirement,
    cases: Sequence[Case],
    whole: bool,
    rows: catalogue.Catalogue,
) -> Iterator[str]:
    """What a reviewer compares, and the line that records the review. `whole`: all its cases."""
    strengths = [requirement.strength]
    strengths += [f"{strength} in {name}" for name, strength in requirement.strength_in.items()]
    yield f"{requirement.id}  {requirement.claim}"
    yield f"  strength     {', '.join(strengths)}"
    if requirement.invariant is not None:
        yield f"  invariant    {requirement.invariant}"
    if requirement.basis is not None:
        yield f"  basis        {requirement.basis}"
    yield f"  source       {'; '.join(str(source) for source in requirement.sources)}"
    yield f"  fingerprint  {requirement.short_fingerprint}"
    for case in cases:
        why = trace_gate.suspicion(case, rows)
        yield f"  {case.id:<12} {case.title}"
        yield f"  {'':<12} {place(case)}, {why if why else 'reviewed'}"
    ids = requirement.id if whole else " ".join(case.id for case in cases)
    yield "  When each of them decides this text, and nothing but it:"
    yield f"    conformance/tools/review.py {ids} --confirm {requirement.short_fingerprint}"


def record(
    groups: Mapping[str, Sequence[Case]],
    confirmed: Sequence[str],
    rows: catalogue.Catalogue,
    cases: Sequence[Case],
) -> dict[str, str]:
    """The reviews with these added. Each group needs the fingerprint of its present text."""
    live = {requirement.id: requirement for requirement in rows.requirements}
    wanted = {live[requirement_id].short_fingerprint for requirement_id in groups}
    for given in confirmed:
        if given not in wanted:
            raise WrongUse(f"{given} is not the fingerprint of a requirement that is named here")
    for requirement_id in groups:
        if live[requirement_id].short_fingerprint not in confirmed:
            raise WrongUse(f"{requirement_id} is not confirmed: show it first, it names the fingerprint")
    present = {case.id for case in cases}
    reviews = {
        case_id: short
        for case_id, short in rows.reviews.items()
        if case_id in present or case_id.rpartition(".")[0] not in groups
    }
    for requirement_id, own in groups.items():
        reviews.update({case.id: live[requirement_id].short_fingerprint for case in own})
    return reviews


def run(options: argparse.Namespace) -> int:
    loaded = catalogue.load(options.requirements)
    if loaded.problems:
        raise WrongUse(f"{loaded.problems[0]} (conformance/tools/catalogue.py shows all problems)")
    rows = loaded.catalogue
    cases = list_cases(options.cases, options.worker)
    if not options.ids:
        if options.confirm:
            raise WrongUse("--confirm needs the requirement or the cases that it belongs to")
        findings = trace_gate.review_findings(cases, rows)
        print("\n".join(findings) or f"{len(cases)} cases, none is suspect")
        return 1 if findings else 0
    groups = chosen(options.ids, rows, cases)
    if not options.confirm:
        live = {requirement.id: requirement for requirement in rows.requirements}
        count = Counter(case.requirement for case in cases)
        blocks = [
            "\n".join(shown(live[name], own, len(own) == count[name], rows))
            for name, own in groups.items()
        ]
        print("\n\n".join(blocks))
        return 0
    text = to_yaml(rows, record(groups, options.confirm, rows, cases))
    (options.requirements / catalogue.REVIEWS_FILE).write_text(text, encoding="utf-8")
    print(f"recorded: {', '.join(f'{name} ({len(own)})' for name, own in groups.items())}")
    return 0


def fingerprint_argument(text: str) -> str:
    if not re.fullmatch(rf"[0-9a-f]{{{catalogue.SHORT_DIGITS}}}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not {catalogue.SHORT_DIGITS} hex digits")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Show what is suspect, show a requirement with its cases, record a review.",
        epilog="example: review.py CALL-02",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="requirement or case")
    parser.add_argument(
        "--confirm", metavar="HEX", action="append", default=[], type=fingerprint_argument,
        help="record; the fingerprint that was shown, once for each requirement named",
    )  # fmt: skip
    parser.add_argument("--worker", metavar="PROGRAM", type=Path, help="lists the cases")
    parser.add_argument("--cases", metavar="CASES.jsonl", type=Path, help="its list, as a file")
    parser.add_argument(
        "--requirements", metavar="DIR", type=Path, default=catalogue.REQUIREMENTS
    )
    try:
        return run(parser.parse_args(arguments))
    except WrongUse as error:
        print(f"review.py: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
