# SPDX-License-Identifier: Apache-2.0
"""Does a document say what the log says? Read back as its consumers do, and compared.

Every document that is written passes here first. A format's reader gives the cases that the
document names, in its order, each with one of OK, SKIPPED, FAILURE, ERROR.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from ctsreport import results, tap

OK, SKIPPED, FAILURE, ERROR = "ok", "skipped", "failure", "error"

Tally = list[tuple[str, str]]


def group(verdict: str) -> str:
    """What a consumer makes of a verdict."""
    if verdict in ("SKIP", "INCONCLUSIVE"):
        return SKIPPED
    if verdict in tap.OK_VERDICTS:
        return OK
    return FAILURE if tap.severity(verdict) == "fail" else ERROR


def expected(name: str, run: results.Run) -> Tally:
    """TAP shows an id in its own characters only."""
    shown = _tap_id if name in ("tap13", "tap14") else _own_id
    return [(shown(case), group(case.verdict)) for case in run.cases]


def _own_id(case: results.CaseResult) -> str:
    return case.case


def _tap_id(case: results.CaseResult) -> str:
    return tap.description(case).split(" ")[0]


_POINT = re.compile(r"(ok|not ok) \d+ - (\S+)[^#]*(# SKIP.*)?$")


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


READERS: dict[str, Callable[[bytes], Tally | None]] = {"tap13": _tap, "tap14": _tap}


def findings(name: str, document: bytes, run: results.Run) -> list[str]:
    """What differs, one line each; empty when the document agrees, or when it has no reader."""
    reader = READERS.get(name)
    found = reader(document) if reader is not None else None
    return [] if found is None else list(_differences(found, expected(name, run)))


def _differences(found: Tally, wanted: Tally) -> Iterator[str]:
    if found == wanted:
        return
    for kind in (OK, SKIPPED, FAILURE, ERROR):
        counts = [Counter(word for _, word in tally)[kind] for tally in (found, wanted)]
        if counts[0] != counts[1]:
            yield f"{counts[0]} instead of {counts[1]} cases are {kind}"
    ids = [[name for name, _ in tally] for tally in (found, wanted)]
    if Counter(ids[0]) != Counter(ids[1]):
        strange = sorted((Counter(ids[0]) - Counter(ids[1])) + (Counter(ids[1]) - Counter(ids[0])))
        yield f"case ids differ: {', '.join(strange[:5])}"
    else:
        yield "the same cases in another order or with other verdicts"
