# SPDX-License-Identifier: Apache-2.0
"""The same totals for every reader that others use, over more than thirty runs, most of them hostile:
prove, tappy, npm's tap-parser, junitparser, xmllint with our schema, and our own JSON."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import junitparser
import logs
import pytest
from ctsreport import events, junit, results, results_json, tap
from test_tap import HOSTILE, poisoned, prove_totals, tappy_totals

Records = list[dict[str, Any]]
XSD = Path(__file__).resolve().parent.parent / "schema" / "junit.xsd"
WORDS = ("PASS", "FAIL", "CRASH", "TIMEOUT", "EARLY_EXIT", "OBSERVED", "SKIP", "INCONCLUSIVE",
         "LEAK", "BROKEN")  # fmt: skip


def chance(seed: int) -> Records:
    """Up to forty cases with any verdict; the words that are hostile in between."""
    dice = random.Random(seed)
    cases = []
    for number in range(1, dice.randrange(2, 40)):
        case, verdict = f"CALL-{number:02}.1", dice.choice(WORDS)
        text = dice.choice(HOSTILE)[:5000]
        hostile = dice.random() < 0.3
        cases.append(poisoned(text, case, verdict) if hostile else logs.one(case, verdict))
    return logs.whole(logs.one("OBJ-01.1"), *cases)


def runs() -> dict[str, Records]:
    found = {name: make() for name, make in logs.SAMPLES.items() if name != "all_skipped"}
    for number, text in enumerate(HOSTILE):
        if number % 3 == 0:
            cases = [poisoned(text[:5000], f"CALL-{i:02}.1", word)
                     for i, word in enumerate(WORDS, start=1)]  # fmt: skip
            found[f"hostile{number}"] = logs.whole(*cases)
    return {**found, **{f"chance{seed}": chance(seed) for seed in range(10)}}


RUNS = runs()


def test_there_are_enough_of_them() -> None:
    assert len(RUNS) >= 30 and sum(name.startswith("hostile") for name in RUNS) >= 10


def parser_totals(path: Path) -> Counter[str]:
    """npm's tap-parser. A TODO point does not fail; we write one only for a waiver."""
    done = subprocess.run(
        ["tap-parser", "-j"], input=path.read_bytes(), capture_output=True, check=False,
        env={**os.environ, "NODE_PATH": "/usr/share/nodejs"},
    )  # fmt: skip
    told = json.loads(done.stdout)
    last = next(row[1] for row in reversed(told) if row[0] == "complete")
    assert not last["bailout"] and "extra" not in {row[0] for row in told}
    assert (done.returncode == 0) == last["ok"] == (last["fail"] == 0)
    skipped = int(last["skip"])
    return Counter({"ok": int(last["pass"]) - skipped, "not ok": int(last["fail"]),
                    "skipped": skipped})  # fmt: skip


def junit_totals(path: Path) -> Counter[str]:
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema", str(XSD), str(path)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    suites = list(junitparser.JUnitXml.fromfile(str(path)))
    for case in (case for suite in suites for case in suite):
        (kind,) = {
            "skipped" if isinstance(result, junitparser.Skipped) else "not ok"
            for result in case.result
        } or {"ok"}
        counts[kind] += 1
    assert sum(suite.failures + suite.errors for suite in suites) == counts["not ok"]
    assert sum(suite.skipped for suite in suites) == counts["skipped"]
    return counts


def json_totals(document: str) -> Counter[str]:
    """By the table of reports/README.md, without our code."""
    counts: Counter[str] = Counter()
    for row in json.loads(document)["cases"]:
        word = row["verdict"]
        kind = {"PASS": "ok", "OBSERVED": "ok", "SKIP": "skipped", "INCONCLUSIVE": "skipped"}
        counts[kind.get(word, "not ok")] += 1
    return counts


@pytest.mark.parametrize("name", sorted(RUNS))
def test_all_agree(name: str, tmp_path: Path) -> None:
    run = results.collect(events.read(logs.lines(RUNS[name])))
    wanted = +json_totals(results_json.document(run))
    told: dict[str, Counter[str]] = {}
    for dialect in tap.FORMATS:
        path = tmp_path / f"run.tap{dialect}"
        path.write_bytes(tap.convert(logs.lines(RUNS[name]), dialect)[0].encode("utf-8"))
        told[f"tap-parser {dialect}"] = parser_totals(path)
        told[f"tappy {dialect}"], _ = tappy_totals(path)
        if dialect == 13:  # prove refuses 14
            told["prove"], _ = prove_totals(path)
    xml = tmp_path / "run.xml"
    xml.write_bytes(junit.document(run))
    told["junit"] = junit_totals(xml)
    assert {reader: +counts for reader, counts in told.items()} == dict.fromkeys(told, wanted)
