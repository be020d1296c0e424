# SPDX-License-Identifier: Apache-2.0
"""One page about an evidence bundle for people: what was tested, and what that does not say.

Only made of a bundle that the verifier accepts. Every statement names the line of the event log
that it rests on.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Optional

import jinja2
from markupsafe import Markup

from ctsreport.evidence import EvidenceError, verify
from ctsreport.text import short, visible

TEXT_MAX = 120
WAIVERS_MAX, WINDOWS_MAX, UNTESTED_MAX, SKIPPED_MAX = 8, 24, 12, 24


class NoPage(EvidenceError):
    """The page cannot be written; the text says why."""

    status = 3


def _ref(line: int) -> Markup:
    return Markup('<sup><a href="events.jsonl">[{}]</a></sup>').format(line)


def _plain(text: object, limit: int = TEXT_MAX) -> str:
    return short(visible(str(text)), limit)


def _where(log: bytes) -> dict[tuple[str, str], int]:
    """The first line of each event, by its name and what it is about."""
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(log.splitlines(), start=1):
        if line.startswith((b'{"event":"invoke"', b'{"event":"return"')):
            continue  # most of a log
        record = json.loads(line)
        about = record.get("window") or record.get("case") or record.get("id") or ""
        found.setdefault((record["event"], str(about)), number)
    return found


def _windows(log: bytes, where: Mapping[tuple[str, str], int]) -> list[tuple[str, int, int]]:
    trials: Counter[str] = Counter()
    for line in log.splitlines():
        if b'"event":"window"' in line or b'"event": "window"' in line:
            record = json.loads(line)
            if record["event"] == "window":
                trials[str(record["window"])] += int(record["trials"])
    return [(_plain(n, 40), count, where["window", n]) for n, count in sorted(trials.items())]


def _timing(run: verify.Log, where: Mapping[tuple[str, str], int]) -> Optional[dict[str, Any]]:
    if not run.timing:
        return None
    windows = sorted({int(row["window_ns"]) for row in run.timing})
    return {
        "samples": sum(len(row["control_ns"]) for row in run.timing),
        "windows": ", ".join(f"{ns / 1e6:g} ms" for ns in windows[:6]),
        "line": min(line for (event, _), line in where.items() if event == "timing"),
    }


def _areas(
    run: verify.Log, where: Mapping[tuple[str, str], int]
) -> tuple[list[tuple[str, list[dict[str, Any]]]], list[dict[str, Any]]]:
    """Requirements with a case that ran, by area; and those of the edition without."""
    requirement_of = {row["id"]: row["requirement"] for row in run.listed}
    ran: dict[str, list[str]] = {}
    for case in run.plan:
        if run.verdict(case) != "SKIP":
            ran.setdefault(str(requirement_of.get(case)), []).append(case)
    areas: dict[str, list[dict[str, Any]]] = {}
    untested = []
    for row in run.requirements:
        name = str(row["id"])
        if name in ran:
            line = where["case_end", ran[name][0]]
            entry = {"id": name, "cases": len(ran[name]), "open": row["strength"] == "open",
                     "line": line}  # fmt: skip
            areas.setdefault(name.partition("-")[0], []).append(entry)
        elif run.start["profile"] in row["profiles"]:
            why = _plain(row.get("uncovered") or "", 60)
            untested.append({"id": name, "why": why, "line": where["requirement", name]})
    return list(areas.items()), untested


def _headline(sheet: str) -> str:
    """The sentence of a quality sheet that has the result: it begins with a word or a number of it."""
    lines = sheet.splitlines()
    found = [line for line in lines if line.startswith("Found: ")]
    found += [line for line in lines if line[:1].isdigit()]
    return _plain(found[0] if found else "", 240)


def _some(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def page(content: bytes, key: Optional[bytes]) -> bytes:
    """HTML. verify.Refused when the bundle is not accepted."""
    signature = verify.verify(content, key)[-1].split(None, 1)[1]
    files = verify.unpack(content)
    log = files["events.jsonl"]
    run, where = verify.read_log(log), _where(log)
    areas, untested = _areas(run, where)
    verdicts = {case: run.verdict(case) for case in run.plan}
    counts = Counter(verdicts.values())
    skipped = [case for case, word in verdicts.items() if word == "SKIP"]
    # A waiver for a case that the run did not select has no effect, and is none here.
    rows = [row for row in verify.read_waivers(files["waivers.yaml"]) if row["case"] in verdicts]
    waivers = [{**{name: _plain(row[name]) for name in verify.WAIVER_FIELDS},
                "line": where["case_end", str(row["case"])]} for row in rows]  # fmt: skip
    statement = json.loads(files["STATEMENT.yaml"])
    commit = files["suite-git.txt"].decode().split()[1]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined,
                                     trim_blocks=True, keep_trailing_newline=True)  # fmt: skip
    own = resources.files(__package__).joinpath("certificate.html.j2").read_text(encoding="utf-8")
    if len(waivers) > WAIVERS_MAX:
        raise NoPage(f"{len(waivers)} waivers do not fit on one page; the bundle has them all")
    text = environment.from_string(own).render(
        ref=_ref,
        statement={name: _plain(statement[name]) for name in verify.STATEMENT_FIELDS},
        run={**run.start, "machine": {n: _plain(v) for n, v in run.start["machine"].items()}},
        lines={"start": where["run_start", ""], "end": where["run_end", ""]},
        bundle=verify.sha256(content),
        signature=signature,
        commit=commit,
        cases=len(run.plan),
        counts=", ".join(f"{counts[word]} {word}" for word in verify.SEVERITY if counts[word]),
        offered=_plain(", ".join(map(str, run.start["capabilities"].get("present") or ())), 200),
        areas=areas,
        windows=_windows(log, where)[:WINDOWS_MAX],
        timing=_timing(run, where),
        waivers=waivers,
        untested=untested[:UNTESTED_MAX],
        skipped=_some(skipped, SKIPPED_MAX),
        quality=[
            (name.replace("_", " "), _headline(sheet["text"]))
            for name, sheet in json.loads(files["quality.json"]).items()
        ],
    )
    return text.encode("utf-8")


def pdf(html: bytes) -> bytes:
    """The same page, by weasyprint, which gets nothing from anywhere else."""
    with tempfile.TemporaryDirectory(prefix="ipc-cts-certificate-") as directory:
        source, target = Path(directory) / "page.html", Path(directory) / "page.pdf"
        source.write_bytes(html)
        try:
            answer = subprocess.run(
                ["weasyprint", "--quiet", "--base-url", "about:blank", str(source), str(target)],
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise NoPage("PDF needs the weasyprint command; install weasyprint") from None
        if answer.returncode != 0 or not target.is_file():
            said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
            raise NoPage(f"weasyprint failed: {_plain(said[-1]) if said else 'no word'}")
        return target.read_bytes()
