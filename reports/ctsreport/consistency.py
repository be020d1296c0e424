# SPDX-License-Identifier: Apache-2.0
"""Does a document say what the log says? Read back as its consumers do, and compared.

Every document that is written passes here first. A format's reader gives the cases that the
document names, in its order, each with one of OK, SKIPPED, FAILURE, ERROR.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

from ctsreport import matrix, results, tap
from ctsreport.anchors import NO_VERDICT_WORD, anchor
from ctsreport.coverage import test_name

OK, SKIPPED, FAILURE, ERROR = "ok", "skipped", "failure", "error"

Tally = list[tuple[str, str]]


def group(verdict: str) -> str:
    """What a consumer makes of a verdict."""
    if verdict in ("SKIP", "INCONCLUSIVE"):
        return SKIPPED
    if verdict in tap.OK_VERDICTS:
        return OK
    return FAILURE if tap.severity(verdict) == "fail" else ERROR


def _own_id(case: results.CaseResult) -> str:
    return case.case


def _tap_id(case: results.CaseResult) -> str:
    return tap.description(case).split(" ")[0]


def _csv_id(case: results.CaseResult) -> str:
    return matrix.csv_safe(case.case)


def _html_id(case: results.CaseResult) -> str:
    return anchor(case.case)


# TAP and JUnit show an id in their own characters, a spreadsheet must not take it for a formula.
_IDS = {"tap13": _tap_id, "tap14": _tap_id, "junit": _tap_id, "csv": _csv_id,
        "html": _html_id}  # fmt: skip


def _reached(run: results.Run) -> Tally:
    """What LCOV can say of cases: which of them reached anything."""
    return [
        (test_name(case.case), OK)
        for case in run.cases
        if any(rep.coverage for rep in case.repetitions)
    ]


# Documents that are taken for a verdict on the run: a claim that does not hold is one more failure,
# and so are waivers that are not in order; a failure that is waived is none.
_WITH_CLAIMS = ("tap13", "tap14", "junit")


def expected(name: str, run: results.Run) -> Tally:
    if name == "lcov":
        return _reached(run)
    shown = _IDS.get(name, _own_id)
    judges = name in _WITH_CLAIMS
    tally = [
        (shown(case), SKIPPED if judges and case.waiver is not None else group(case.verdict))
        for case in run.cases
    ]
    if judges and run.start is not None and run.start.capabilities.absent:
        tally.append((tap.CLAIMS.split(" ")[0], FAILURE))
    if judges and run.start is not None and run.wrong_waivers:
        tally.append((tap.WAIVERS.split(" ")[0], FAILURE))
    return tally


_POINT = re.compile(r"(ok|not ok) \d+ - (\S+)[^#]*(# (?:SKIP|TODO).*)?$")


def _tap(document: bytes) -> Tally | None:
    """None when the document has no points and says why."""
    lines = document.decode("utf-8").split("\n")
    if any(line.startswith(("1..0 # SKIP ", "Bail out! ")) for line in lines):
        return None
    found: Tally = []
    for line in lines:
        point = _POINT.match(line)
        if point is not None:
            found.append(
                (point[2], SKIPPED if point[3] else OK if point[1] == "ok" else FAILURE)
            )
        elif line == '  severity: "error"' and found and found[-1][1] == FAILURE:
            found[-1] = (found[-1][0], ERROR)
    return found


def _junit(document: bytes) -> Tally | None:
    root = ElementTree.fromstring(document)
    suites = root.findall("testsuite")
    if [suite.get("name") for suite in suites] == ["log"]:
        return None
    found: Tally = []
    for suite in suites:
        for case in suite.findall("testcase"):
            kinds = [kind for kind in (SKIPPED, FAILURE, ERROR) if case.find(kind) is not None]
            found.append(((case.get("name") or "").split(" ")[0], "+".join(kinds) or OK))
    return found if _counts_hold(root, suites) else []


def _counts_hold(root: ElementTree.Element, suites: list[ElementTree.Element]) -> bool:
    """Do the counts of each suite, and of all, agree with the cases in them?"""
    for element in (root, *suites):
        cases = list(element.iter("testcase"))
        counts = {
            "tests": len(cases),
            "failures": sum(case.find(FAILURE) is not None for case in cases),
            "errors": sum(case.find(ERROR) is not None for case in cases),
            "skipped": sum(case.find(SKIPPED) is not None for case in cases),
        }
        if any(element.get(name) != str(count) for name, count in counts.items()):
            return False
    return True


def _json(document: bytes) -> Tally | None:
    content = json.loads(document)
    found = [(row["case"], group(row["verdict"] or results.NO_VERDICT)) for row in content["cases"]]
    counts = Counter(row["verdict"] or "NO_VERDICT" for row in content["cases"])
    return found if counts == Counter(content["counts"]) else []


def _csv(document: bytes) -> Tally | None:
    rows = csv.DictReader(io.StringIO(document.decode("utf-8")))
    return [_planned(row["case"], row["verdict"]) for row in rows if _is_planned(row["verdict"])]


def _matrix_json(document: bytes) -> Tally | None:
    rows = json.loads(document)["requirements"]
    cells = [cell for row in rows for cell in row["cases"]]
    return [_planned(c["case"], c["verdict"]) for c in cells if _is_planned(c["verdict"])]


_CASE = re.compile(r'<details class="case" id="([^"]*)" data-v="([^"]*)"')


def _html(document: bytes) -> Tally | None:
    """Nothing that a log says can look like this, since `<` and `"` are escaped in all of it."""
    found = _CASE.findall(document.decode("utf-8"))
    return [(name, group("" if word == NO_VERDICT_WORD else word)) for name, word in found]


def _lcov(document: bytes) -> Tally | None:
    names = (line[3:] for line in document.decode("utf-8").split("\n") if line.startswith("TN:"))
    return [(name, OK) for name in dict.fromkeys(names) if name]


def _is_planned(word: str) -> bool:
    return word not in (matrix.NOT_PLANNED, "")


def _planned(case: str, word: str) -> tuple[str, str]:
    return case, group(results.NO_VERDICT if word == matrix.NO_VERDICT else word)


READERS: dict[str, Callable[[bytes], Tally | None]] = {
    "tap13": _tap,
    "tap14": _tap,
    "junit": _junit,
    "json": _json,
    "csv": _csv,
    "matrix-json": _matrix_json,
    "html": _html,
    "lcov": _lcov,
}


def findings(name: str, document: bytes, run: results.Run) -> list[str]:
    """What differs, one line each; empty when the document agrees, or when it has no reader."""
    reader = READERS.get(name)
    found = reader(document) if reader is not None else None
    return [] if found is None else list(_differences(found, expected(name, run)))


def _differences(found: Tally, wanted: Tally) -> Iterator[str]:
    """The order is that of the document."""
    for kind in (OK, SKIPPED, FAILURE, ERROR):
        counts = [Counter(word for _, word in tally)[kind] for tally in (found, wanted)]
        if counts[0] != counts[1]:
            yield f"{counts[0]} instead of {counts[1]} cases are {kind}"
    strange = (Counter(found) - Counter(wanted)) + (Counter(wanted) - Counter(found))
    if strange:
        yield f"it differs on {', '.join(sorted({name for name, _ in strange})[:5])}"
