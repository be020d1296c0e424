# SPDX-License-Identifier: Apache-2.0
"""JUnit: the schema, hostile text, readers that we did not write, counts."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser
import logs
import pytest
from ctsreport import consistency, events, junit, results
from lxml import etree

XSD = Path(__file__).resolve().parent.parent / "schema" / "junit.xsd"
SCHEMA = etree.XMLSchema(etree.parse(str(XSD)))
HOSTILE = "]]></failure><failure/>\x00\x1b[1m\ud800\uffff &amp; \u202e <!-- # TODO\r\n" + "x" * 9000


def collected(records: list[dict[str, Any]]) -> results.Run:
    return results.collect(events.read(logs.lines(records)))


def written(records: list[dict[str, Any]]) -> bytes:
    document = junit.document(collected(records))
    SCHEMA.assertValid(etree.fromstring(document))
    return document


def cases(document: bytes) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(document)
    return {(case.get("name") or "").split(" ")[0]: case for case in root.iter("testcase")}


@pytest.mark.parametrize("name", sorted(logs.SAMPLES))
def test_samples_follow_the_schema_of_xmllint(name: str) -> None:
    path = logs.DATA / f"{name}.junit"
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema", str(XSD), str(path)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_verdict() -> None:
    found = {
        name.rpartition(".")[0]: [child.tag for child in case if child.tag != "properties"]
        for name, case in cases(written(logs.every_verdict())).items()
    }
    assert found == {
        "CALL-01": [], "CALL-02": ["failure", "system-out"], "CALL-03": ["error"],
        "CALL-04": ["error"], "CALL-05": [], "CALL-06": ["error"], "CALL-07": ["failure"],
        "CALL-08": ["error"], "OBJ-16": ["skipped"], "TIME-01": ["skipped"],
    }  # fmt: skip
    case = cases(written(logs.every_verdict()))
    inconclusive = case["TIME-01.1"].find("skipped")
    assert inconclusive is not None and inconclusive.get("message") == "inconclusive"
    failure = case["CALL-02.1"].find("failure")
    assert failure is not None and failure.get("message") in (failure.text or "")


def test_junitparser_counts_what_we_count() -> None:
    for sample in sorted(set(logs.SAMPLES) - {"stopped"}):
        run = collected(logs.SAMPLES[sample]())
        ours = Counter(word for _, word in consistency.expected("junit", run))
        parsed = junitparser.JUnitXml.fromstring(written(logs.SAMPLES[sample]()))
        theirs = (parsed.tests, parsed.failures, parsed.errors, parsed.skipped)
        assert theirs == (len(run.cases), ours["failure"], ours["error"], ours["skipped"])
        names = [case.name for suite in parsed for case in suite]
        assert len(names) == len(set(names)) == len(run.cases)


@pytest.mark.parametrize("member", ["reason", "expected", "observed", "output", "repro", "verdict"])
def test_hostile_text_is_only_text(member: str) -> None:
    values = {"verdict": "FAIL", member: HOSTILE}
    verdict = values.pop("verdict")
    records = logs.whole(logs.one("CALL-01.1", verdict, **values), logs.one("CALL-01.2"))
    document = written(records)
    assert len(document) < 200_000
    assert [len(list(case.iter("failure"))) <= 1 for case in cases(document).values()]
    assert set(cases(document)) == {"CALL-01.1", "CALL-01.2"}
    assert consistency.findings("junit", document, collected(records)) == []
    junitparser.JUnitXml.fromstring(document)


def test_hostile_names() -> None:
    records = logs.whole(logs.one("CALL-01.1", "FAIL"))
    records[0].update(profile=HOSTILE, seed=HOSTILE, sut={"path": HOSTILE}, planned=["CALL-01.1"])
    records[1].update(title=HOSTILE, strength=HOSTILE, file=HOSTILE, requirement=HOSTILE)
    records[2].update(file=HOSTILE)
    written(records)


def test_repetitions_that_fail_again() -> None:
    words = ("PASS", "FAIL", "CRASH", "FAIL")
    run = [logs.one("CALL-01.1", word, rep=n) for n, word in enumerate(words, start=1)]
    case = cases(written(logs.whole(*run, repeat=4)))["CALL-01.1"]
    tags = [child.tag for child in case if child.tag != "properties"]
    assert tags == ["error", "rerunFailure", "rerunFailure"]


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_a_log_without_a_plan_is_an_error(size: int) -> None:
    content = logs.encode(logs.small())[:size]
    run = results.collect(events.read(content.splitlines(keepends=True)))
    document = junit.document(run)
    SCHEMA.assertValid(etree.fromstring(document))
    root = ElementTree.fromstring(document)
    if not run.cases:
        assert (root.get("tests"), root.get("errors")) == ("1", "1")
        assert root.find(".//error") is not None


def test_what_the_log_lacks_is_told() -> None:
    root = ElementTree.fromstring(written(logs.stopped()))
    told = [p.get("value") for p in root.iter("property") if p.get("name") == "log_problem"]
    assert any("without verdict" in (line or "") for line in told)


def test_properties_are_those_of_the_list() -> None:
    allowed = {
        "suite", "profile", "sut", "sut_build_id", "adapter", "seed", "log_problem", "requirement",
        "level", "verdict", "repetitions", "suspect", "observed",
    }  # fmt: skip
    for sample in logs.SAMPLES.values():
        root = ElementTree.fromstring(written(sample()))
        assert {p.get("name") for p in root.iter("property")} <= allowed
