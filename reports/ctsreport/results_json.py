# SPDX-License-Identifier: Apache-2.0
"""The results of a run as one JSON object (reports/schema/results.schema.json).

Everything that the other documents say, for programs: run, counts, cases, requirements, and what
the model showed. Strings are as the log has them, made valid Unicode; nothing is shortened.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ctsreport import events, matrix, results

if TYPE_CHECKING:
    from ctsreport.evidence.waivers import Standing

VERSION = 2
DOCUMENT = "ipc-cts results"

Object = dict[str, object]


def _clean(value: object) -> object:
    """JSON values of the log with every string in valid Unicode."""
    if isinstance(value, str):
        return events.clean(value)
    if isinstance(value, Mapping):
        return {events.clean(str(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _run(start: events.RunStart, end: events.RunEnd | None) -> Object:
    return {
        "suite": start.suite,
        "profile": start.profile,
        "sut": _clean(start.sut),
        "adapter": _clean(start.adapter),
        "seed": start.seed,
        "jobs": start.jobs,
        "repeat": start.repeat,
        "shuffle": start.shuffle,
        "timeout_factor": start.timeout_factor,
        "machine": _clean(start.machine),
        "missing_optional": list(start.missing_optional),
        "time_utc": start.time_utc,
        "exit_code": None if end is None else end.exit_code,
        "duration_ms": None if end is None else end.duration_ms,
    }


def _at(at: events.At | None) -> Object | None:
    return None if at is None else {"file": at.file, "line": at.line}


def _repetition(rep: results.Repetition) -> Object:
    end = rep.end
    found: Object = {"rep": rep.rep, "verdict": rep.verdict or None}
    if end is not None:
        found.update(
            reason=end.reason,
            expected=end.expected,
            observed=end.observed,
            at=_at(end.at),
            checks=end.checks,
            duration_ms=end.duration_ms,
            signal=end.signal,
            exit_code=end.exit_code,
            output_bytes=end.output_bytes,
            output=end.output,
            strays=end.strays,
            repro=end.repro,
        )
    found["observations"] = [{"what": o.what, "seen": o.seen} for o in rep.observed]
    found["threads"] = [{"actor": s.actor, "state": s.state} for s in rep.stages]
    return found


def _waiver(item: Standing) -> Object:
    waiver = item.waiver
    return {
        "id": waiver.id,
        "case": waiver.case,
        "state": item.state,
        "why": item.why,
        "reason": waiver.reason,
        "issue": waiver.issue,
        "owner": waiver.owner,
        "created": waiver.created,
        "expires": waiver.expires,
    }


def _case(case: results.CaseResult) -> Object:
    start = case.start
    waived: Object = {} if case.waiver is None else {"waiver": case.waiver}
    return {
        "case": case.case,
        "requirement": case.requirement,
        "strength": None if start is None else start.strength,
        "title": None if start is None else start.title,
        "file": None if start is None else start.file,
        "layout": None if start is None else start.layout,
        "suspect": case.suspect,
        "verdict": case.verdict or None,
        **waived,
        "outcomes": [{"verdict": word or None, "count": count} for word, count in case.outcomes],
        "flaky": case.is_flaky,
        "repetitions": [_repetition(rep) for rep in case.repetitions],
    }


def _requirement(row: matrix.Row) -> Object:
    return {
        "requirement": row.requirement,
        "strength": row.strength,
        "claim": row.claim,
        "source": row.source,
        "verdict": row.verdict,
        "why": row.why,
        "cases_run": row.run,
        "cases_planned": row.planned,
        "cases_all": len(row.cells),
        "routes": row.routes,
        "cases": [
            {"case": cell.case, "verdict": cell.verdict, "reason": cell.reason}
            for cell in row.cells
        ],
    }


def _model(run: results.Run) -> Object | None:
    if not run.transitions:
        return None
    return {
        "transitions": [
            {"name": t.name, "requirement": t.requirement, "open": t.open, "count": t.count}
            for t in run.transitions
        ],
        "never": [t.name for t in run.transitions if not t.count],
    }


def content(run: results.Run) -> Object:
    table = matrix.rows(run)
    waivers: Object = {"waivers": [_waiver(item) for item in run.waivers]} if run.waivers else {}
    return {
        "document": DOCUMENT,
        "version": VERSION,
        "complete": not run.problems,
        "problems": list(run.problems),
        "run": None if run.start is None else _run(run.start, run.end),
        "counts": dict(sorted(Counter(c.verdict or matrix.NO_VERDICT for c in run.cases).items())),
        "cases": [_case(case) for case in run.cases],
        "requirement_counts": dict(sorted(Counter(row.verdict for row in table).items())),
        "requirements": [_requirement(row) for row in table],
        "model": _model(run),
        **waivers,
    }


def document(run: results.Run) -> str:
    return json.dumps(content(run), indent=1, ensure_ascii=True) + "\n"


def matrix_document(run: results.Run) -> str:
    """The part that is about requirements."""
    whole = content(run)
    names = ("version", "complete", "problems", "requirement_counts", "requirements", "model")
    part: Object = {"document": "ipc-cts matrix"}
    part.update({name: whole[name] for name in names})
    return json.dumps(part, indent=1, ensure_ascii=True) + "\n"
