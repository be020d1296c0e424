# SPDX-License-Identifier: Apache-2.0
"""Differences between two runs, and what makes the exit status 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import logs
import pytest
from ctsreport import cli, diff, events, results


def collected(records: list[dict[str, Any]]) -> results.Run:
    return results.collect(events.read(logs.lines(records)))


def groups(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Groups that are not empty, with their cases."""
    found = diff.compare(collected(before), collected(after))
    return {name: [c.case for c in changes] for name, changes in found.groups.items() if changes}


def verdicts(before: str, after: str) -> dict[str, list[str]]:
    return groups(
        logs.whole(logs.one("CALL-01.1", before)), logs.whole(logs.one("CALL-01.1", after))
    )


BAD = ["FAIL", "CRASH", "TIMEOUT", "EARLY_EXIT", "LEAK", "BROKEN"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("good", ["PASS", "OBSERVED", "SKIP", "INCONCLUSIVE"])
def test_newly_failing(good: str, bad: str) -> None:
    assert verdicts(good, bad) == {"regressions": ["CALL-01.1"]}


@pytest.mark.parametrize(
    ("before", "after", "group"),
    [
        ("FAIL", "PASS", "fixed"),
        ("CRASH", "OBSERVED", "fixed"),
        ("FAIL", "SKIP", "not_tested"),
        ("FAIL", "CRASH", "other_failure"),
        ("PASS", "SKIP", "not_tested"),
        ("PASS", "INCONCLUSIVE", "not_tested"),
        ("SKIP", "PASS", "now_tested"),
        ("PASS", "PASS", None),
        ("FAIL", "FAIL", None),
        ("SKIP", "INCONCLUSIVE", None),
    ],
)
def test_other_changes(before: str, after: str, group: str | None) -> None:
    assert verdicts(before, after) == ({group: ["CALL-01.1"]} if group else {})


def test_flaky() -> None:
    def run(*words: str) -> list[dict[str, Any]]:
        cases = [logs.one("CALL-01.1", word, rep=n) for n, word in enumerate(words, start=1)]
        return logs.whole(*cases, repeat=len(words))

    assert groups(run("PASS", "PASS"), run("PASS", "FAIL")) == {
        "regressions": ["CALL-01.1"],
        "flaky": ["CALL-01.1"],
    }
    assert groups(run("PASS", "FAIL"), run("FAIL", "PASS")) == {"flaky": ["CALL-01.1"]}
    assert groups(run("FAIL", "CRASH"), run("FAIL", "CRASH")) == {}
    assert groups(run("PASS", "SKIP"), run("PASS", "SKIP")) == {}


def test_observations() -> None:
    def run(seen: str) -> list[dict[str, Any]]:
        case = logs.one("CALL-05.1", "OBSERVED")
        here = {"case": "CALL-05.1", "rep": 1}
        case.insert(1, {"event": "observe", **here, "what": "the call", "seen": seen})
        return logs.whole(case)

    assert groups(run("rcOk"), run("rcOk")) == {}
    assert groups(run("rcOk"), run("rcIpcInterrupt")) == {"observations": ["CALL-05.1"]}
    (change,) = diff.compare(collected(run("rcOk")), collected(run("rcAbort"))).groups[
        "observations"
    ]
    assert (change.before, change.after) == ("the call = rcOk", "the call = rcAbort")


def test_suspect_added_removed() -> None:
    before = logs.whole(logs.one("CALL-01.1"), logs.one("CALL-01.2"))
    after = logs.whole(logs.one("CALL-01.1"), logs.one("CALL-01.3", "FAIL"))
    after[1]["suspect"] = "reviewed against another text"
    assert groups(before, after) == {
        "suspect": ["CALL-01.1"],
        "added": ["CALL-01.3"],
        "removed": ["CALL-01.2"],
    }


def test_requirements() -> None:
    found = diff.compare(
        collected(logs.whole(logs.one("CALL-01.1"), logs.one("CALL-01.2"))),
        collected(logs.whole(logs.one("CALL-01.1"), logs.one("CALL-01.2", "LEAK"))),
    )
    assert [(c.requirement, c.before, c.after) for c in found.requirements] == [
        ("CALL-01", "PASS", "LEAK")
    ]


def store(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_bytes(logs.encode(records))
    return str(path)


def test_exit_status(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = store(tmp_path / "good", logs.whole(logs.one("CALL-01.1")))
    bad = store(tmp_path / "bad", logs.whole(logs.one("CALL-01.1", "FAIL")))
    cut = store(tmp_path / "cut", logs.whole(logs.one("CALL-01.1"))[:-1])
    none = store(tmp_path / "none", logs.whole(logs.one("CALL-01.1"))[:2])
    for before, after, status in [
        (good, good, cli.DONE),
        (good, bad, cli.REGRESSION),
        (bad, good, cli.DONE),
        (bad, bad, cli.DONE),
        (good, cut, cli.INCOMPLETE),
        (good, none, cli.INCOMPLETE),
        (cut, bad, cli.REGRESSION),
    ]:
        for form in ("text", "json"):
            assert cli.main(["diff", "--format", form, before, after]) == status
            out = capfd.readouterr().out
            assert out.endswith("\n")
            if form == "json":
                assert bool(json.loads(out)["regressions"]) == (status == cli.REGRESSION)


def test_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hostile = "x\ny\x1b[2J"
    before = store(tmp_path / "a", logs.whole(logs.one("CALL-01.1")))
    after = store(tmp_path / "b", logs.whole(logs.one("CALL-01.1", "FAIL", reason=hostile)))
    assert cli.main(["diff", before, after]) == cli.REGRESSION
    out = capfd.readouterr().out
    assert out.startswith("Newly failing (1)\n  CALL-01.1    PASS -> FAIL")
    assert out.endswith("\ndiff: 1 newly failing\n")
    assert "\x1b" not in out and "\ny" not in out


def test_missing_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diff", str(tmp_path / "a"), str(tmp_path / "b")]) == cli.USAGE
    assert cli.main(["diff", str(tmp_path / "a")]) == cli.USAGE
    assert capfd.readouterr().err.count("\n") == 2
