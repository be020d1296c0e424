# SPDX-License-Identifier: Apache-2.0
"""TAP: golden files, hostile text, cut logs, and agreement with prove and tappy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import logs
import pytest
import yaml
from ctsreport import tap

REPORTS = Path(__file__).resolve().parent.parent
WORDS = "[A-Za-z0-9 _.,:/()-]+"
POINT = re.compile(rf"(ok|not ok) ([0-9]+) - ({WORDS}?)( # SKIP {WORDS})?")
DIALECTS = pytest.mark.parametrize("dialect", tap.FORMATS)


def convert(records: list[dict[str, Any]], dialect: int, verbose: bool = False) -> str:
    return tap.convert(logs.lines(records), dialect, verbose)[0]


def points(text: str) -> list[tuple[str, str, bool]]:
    """(ok or not ok, description, skipped) of the points at top level; checks every line."""
    lines = text.split("\n")
    assert lines[-1] == "", "the last line has its end"
    version = re.fullmatch(r"TAP version 1[34]", lines[0])
    plan = re.fullmatch(r"1\.\.([1-9][0-9]*)", lines[1])
    assert version and plan
    found: list[tuple[str, str, bool]] = []
    for line in lines[2:-1]:
        if line.startswith("  "):
            continue  # blocks and subtests are checked by `blocks`
        if line.startswith("# "):
            assert re.fullmatch(rf"# (Subtest|log problem): {WORDS}", line), line
            continue
        point = POINT.fullmatch(line)
        assert point, line
        assert int(point[2]) == len(found) + 1
        found.append((point[1], point[3], point[4] is not None))
    assert len(found) == int(plan[1])
    return found


def blocks(text: str, indent: int = 2) -> list[dict[str, Any]]:
    """The YAML blocks with this indentation; checks size, key order, and quoting."""
    margin = " " * indent
    form = rf"(?ms)^{margin}---\n(.*?)^{margin}\.\.\.\n"
    found: list[dict[str, Any]] = []
    for body in re.findall(form, text):
        assert len(body.encode("utf-8")) + 2 * indent + 8 <= tap.BLOCK_MAX_BYTES
        for line in body.rstrip("\n").split("\n"):
            assert "\t" not in line and "\r" not in line
            item = re.fullmatch(rf'{margin} *(?:- )?(?:[a-z_]+:)? ?(".*"|[0-9.]+)?', line)
            assert item, line
        content = yaml.safe_load(body)
        assert list(content) == [key for key in tap.KEYS if key in content]
        found.append(content)
    return found


# ---------------------------------------------------------------------------------------------


@DIALECTS
@pytest.mark.parametrize("name", sorted(logs.SAMPLES))
def test_golden(name: str, dialect: int) -> None:
    with open(logs.DATA / f"{name}.jsonl", "rb") as log:
        text, whole = tap.convert(log, dialect)
    assert text == (logs.DATA / f"{name}.tap{dialect}").read_text()
    assert whole == (name != "stopped")


@DIALECTS
@pytest.mark.parametrize(
    ("verdict", "word", "skipped", "severity"),
    [
        ("PASS", "ok", False, None),
        ("OBSERVED", "ok", False, "comment"),
        ("SKIP", "ok", True, None),
        ("INCONCLUSIVE", "ok", True, "comment"),
        ("FAIL", "not ok", False, "fail"),
        ("LEAK", "not ok", False, "fail"),
        ("TIMEOUT", "not ok", False, "error"),
        ("CRASH", "not ok", False, "error"),
        ("EARLY_EXIT", "not ok", False, "error"),
        ("BROKEN", "not ok", False, "error"),
        ("A_NEW_WORD", "not ok", False, "error"),
    ],
)
def test_verdicts(dialect: int, verdict: str, word: str, skipped: bool, severity: str) -> None:
    other = [logs.case_start("CALL-02.1"), logs.case_end("CALL-02.1")]
    case = [logs.case_start("CALL-01.1"), logs.case_end("CALL-01.1", verdict)]
    text = convert(logs.whole(case, other), dialect)
    assert points(text)[0] == (word, "CALL-01.1 title of CALL-01 1", skipped)
    if severity is not None:
        (block,) = blocks(text)
        assert (block["severity"], block["verdict"]) == (severity, verdict)


@DIALECTS
def test_planned_cases_that_never_ended_are_not_ok(dialect: int) -> None:
    text = convert(logs.stopped(), dialect)
    assert [word for word, _, _ in points(text)] == ["ok", "not ok", "not ok"]
    assert [b["message"] for b in blocks(text) if b.get("verdict") != "PASS"] == ["no verdict"] * 2


@DIALECTS
def test_repetitions_give_one_point_with_the_worst_verdict(dialect: int) -> None:
    text = convert(logs.repeated(), dialect)
    assert [word for word, _, _ in points(text)] == ["ok", "not ok"]
    assert blocks(text)[-1]["message"] == (
        "reason of FAIL; mixed outcome of 3 repetitions: FAIL 1, PASS 2"
    )


@DIALECTS
def test_mixed_but_never_bad_is_ok_and_says_so(dialect: int) -> None:
    cases = [logs.one("CALL-01.1", word, rep) for rep, word in ((1, "PASS"), (2, "INCONCLUSIVE"))]
    text = convert(logs.whole(*cases, repeat=2), dialect)
    assert points(text)[0][0] == "ok"
    assert "mixed outcome of 2 repetitions: INCONCLUSIVE 1, PASS 1" in blocks(text)[-1]["message"]


@DIALECTS
def test_nothing_to_run(dialect: int) -> None:
    head = f"TAP version {dialect}\n1..0 # SKIP "
    assert convert(logs.all_skipped(), dialect) == (
        head + "all 2 cases: the library does not export KnHandleCopy\n"
    )
    two = [logs.one("XFER-08.1", "SKIP", reason="a"), logs.one("XFER-10.1", "SKIP", reason="b")]
    assert convert(logs.whole(*two), dialect) == head + "all 2 cases, for 2 different reasons\n"
    assert convert(logs.whole(), dialect) == head + "nothing selected\n"
    # A log of skipped cases that was cut is no skipped run.
    cut = convert(logs.all_skipped()[:-1], dialect)
    assert [skipped for _, _, skipped in points(cut)] == [True, True]


@DIALECTS
def test_a_log_without_plan_bails_out(dialect: int) -> None:
    broken: list[list[dict[str, Any]]] = [[], logs.small()[1:]]
    for records in broken:
        text, whole = tap.convert(logs.lines(records), dialect)
        assert text.endswith("\nBail out! the event log holds no run_start\n")
        assert not whole and "1.." not in text
    assert "\nBail out! " in convert([logs.run_start([])], dialect)


def test_subtests_only_in_14_and_checks_in_the_block_of_13() -> None:
    records = logs.every_verdict()
    assert "Subtest" not in convert(records, 13)
    text = convert(records, 14)
    assert text.count("# Subtest: ") == 10
    assert "TAP version" not in text[1:]
    for subtest, point in re.findall(
        r"^# Subtest: (.*)\n(?:    .*\n)+(?:not )?ok [0-9]+ - (.*?)(?: # .*)?$", text, re.MULTILINE
    ):
        assert subtest == point
    checks = [block["check"] for block in blocks(convert(records, 13)) if "check" in block]
    assert checks[0] == ["ok - the call returns rcOk (conformance/cases/sample.c:20)"]
    inner = blocks(text, indent=6)
    assert inner[0]["expected"] == "rcOk" and inner[0]["at"]["line"] == 20


@DIALECTS
def test_verbose_adds_blocks_to_passing_points(dialect: int) -> None:
    text = convert(logs.small(), dialect, verbose=True)
    assert [b["duration_ms"] for b in blocks(text)] == [1.5, 1.5, 1.5]


# ---------------------------------------------------------------------------------------------
# Hostile text.

HOSTILE = [
    "# TODO",
    "x # TODO not yet",
    "\\# SKIP",
    "# SKIP everything",
    "line one\nok 2 - forged",
    "not ok\r\nok 3\r",
    "\n1..0 # SKIP all",
    "Bail out!",
    "\nBail out! now",
    "\n  ...\nok 1 - forged\n  ---\n",
    "...",
    "---",
    'quote " and \\ slash \\" end',
    "trailing backslash \\",
    "\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
    "'single'",
    "key: value",
    "key : value",
    "key: : value",
    ": ",
    "- item",
    "{a: b}",
    "[a, b]",
    "&anchor *alias !tag %TAG",
    "~",
    "null",
    "",
    " ",
    "\t\ttabs",
    "\x00\x01\x07\x08\x1b[31mred\x1b[0m\x7f",
    "\x85\u2028\u2029next line",
    "\u202eright to left",
    "\ufeff\u200bzero",
    "\u00a0no break",
    "\U0001f600 \U000e0001 \uffff",
    "\ud800 lone",
    "pragma +strict",
    "TAP version 13",
    "    ok 1 - nested",
    "A" * 70000,
    "\x01" * 70000,
    "\U0001f600" * 70000,
    "a: " * 70000,
]
NAMES = [f"{number}-{text[:12]!r}" for number, text in enumerate(HOSTILE)]


def poisoned(text: str, case: str = "CALL-01.1", verdict: str = "FAIL") -> list[dict[str, Any]]:
    """A case in which the text stands wherever a library, or a damaged log, could bring it."""
    at = {"file": text, "line": 10**30}
    return [
        logs.case_start(case, title=text, requirement=text, strength=text, claim=text, file=text),
        logs.check(case, True, text=text, file=text),
        {"event": "observe", "case": case, "rep": 1, "what": text, "seen": text},
        {"event": "stage", "case": case, "rep": 1, "actor": text, "state": text, "how": text},
        logs.check(case, False, text=text, expected=text, observed=text, file=text, line=10**30),
        logs.case_end(
            case,
            verdict,
            reason=text,
            expected=text,
            observed=text,
            at=at,
            signal=text,
            output=text,
            repro=text,
        ),
    ]


@DIALECTS
@pytest.mark.parametrize("text", HOSTILE, ids=NAMES)
@pytest.mark.parametrize("verdict", ["FAIL", "OBSERVED", "SKIP"])
def test_hostile_text_changes_nothing(text: str, verdict: str, dialect: int) -> None:
    records = logs.whole(
        poisoned(text, verdict=verdict), logs.one("CALL-02.1"), seed=text, profile=text
    )
    out = convert(records, dialect)
    found = points(out)
    assert [word for word, _, _ in found] == ["not ok" if verdict == "FAIL" else "ok", "ok"]
    assert [skipped for _, _, skipped in found] == [verdict == "SKIP", False]
    assert found[0][1].startswith("CALL-01.1")
    assert len(out) < 3 * tap.BLOCK_MAX_BYTES
    outer, inner = blocks(out), blocks(out, indent=6)
    assert len(inner) == (1 if dialect == 14 else 0)
    if verdict == "FAIL" and text and len(text) < 100 and text.isascii():
        assert outer[0]["message"] == text
        assert outer[0]["observed"] == text


@DIALECTS
def test_hostile_plan(dialect: int) -> None:
    out = convert([logs.run_start([text[:1000] for text in HOSTILE])], dialect)
    assert all(word == "not ok" for word, _, _ in points(out))


@DIALECTS
def test_bytes_that_are_no_text(dialect: int) -> None:
    raw = logs.encode(logs.whole(poisoned("@@@")))
    out, _ = tap.convert(raw.replace(b"@@@", b"\xff\xfe\xc3").splitlines(keepends=True), dialect)
    assert points(out)[0][0] == "not ok"
    assert blocks(out)[0]["message"] == "\\xff\\xfe\\xc3"


@DIALECTS
def test_a_block_has_room_for_the_worst_case(dialect: int) -> None:
    case = "CALL-01.1"
    text = "\x01" * 5000
    filler = [record for _ in range(300) for record in poisoned(text, case)[1:5]]
    start, *_, end = poisoned(text, case)
    out = convert(logs.whole([start, *filler, end]), dialect)
    points(out)
    assert max(len(body) for body in re.findall(r"(?ms)^  ---\n.*?^  \.\.\.\n", out)) > 40000
    assert blocks(out)


def test_many_checks_keep_the_last_one() -> None:
    case = "CALL-01.1"
    checks = [logs.check(case) for _ in range(5000)] + [logs.check(case, False, text="the last")]
    records = logs.whole([logs.case_start(case), *checks, logs.case_end(case, "FAIL")])
    out = convert(records, 14)
    assert "    1..1000\n" in out and "    not ok 1000 - the last\n" in out
    assert blocks(convert(records, 13))[0]["check"][-1].startswith("not ok - the last")


def test_quoted_is_short_valid_and_says_what_is_left_out() -> None:
    for text in HOSTILE:
        for limit in (160, 240, 2800):
            value = tap.quoted(text, limit)
            assert len(value.encode("utf-8")) <= limit
            assert isinstance(yaml.safe_load(value), str)
    assert tap.quoted("x" * 1000, 160).endswith('... (872 characters left out)"')
    assert tap.quoted("x" * 158, 160) == '"' + "x" * 158 + '"'


# ---------------------------------------------------------------------------------------------
# Logs that were cut.


@DIALECTS
def test_a_log_cut_at_any_byte_is_never_better_than_the_whole(dialect: int) -> None:
    raw = logs.encode(logs.small())
    whole = {text.split()[0]: word for word, text, _ in points(convert(logs.small(), dialect))}
    ends = {}
    offset = 0
    for record, line in zip(logs.small(), logs.lines(logs.small())):
        offset += len(line)
        if record["event"] == "case_end":
            ends[record["case"]] = offset - 1  # complete but for the line end
    for cut in range(len(raw)):
        text, complete = tap.convert(raw[:cut].splitlines(keepends=True), dialect)
        assert complete == (cut == len(raw) - 1)
        if "Bail out!" in text:
            assert cut < len(logs.lines(logs.small())[0]) - 1
            continue
        for word, description, _ in points(text):
            case = description.split()[0]
            assert word == (whole[case] if cut >= ends[case] else "not ok"), cut
        assert complete or "\n# log problem: " in text


# ---------------------------------------------------------------------------------------------
# Consumers.


def totals(text: str) -> Counter[str]:
    return Counter("skipped" if skipped else word for word, _, skipped in points(text))


def prove_totals(path: Path) -> tuple[Counter[str], int]:
    done = subprocess.run(
        ["prove", "-v", "--exec", "cat", str(path)], capture_output=True, encoding="utf-8",
        errors="replace",
    )
    assert "Parse errors" not in done.stdout, done.stdout[-2000:]
    total = re.search(r"^Files=1, Tests=([0-9]+),", done.stdout, re.MULTILINE)
    failed = re.search(r"Failed: ([0-9]+)\)$", done.stdout, re.MULTILINE)
    skipped = re.search(r"\(less ([0-9]+) skipped subtests?:", done.stdout)
    assert total is not None
    counts = Counter(
        {
            "not ok": int(failed[1]) if failed else 0,
            "skipped": int(skipped[1]) if skipped else 0,
        }
    )
    counts["ok"] = int(total[1]) - counts["not ok"] - counts["skipped"]
    return counts, done.returncode


def tappy_totals(path: Path) -> tuple[Counter[str], int]:
    done = subprocess.run(["tappy", str(path)], capture_output=True, text=True)
    total = re.search(r"^Ran ([0-9]+) tests? in", done.stderr, re.MULTILINE)
    assert total is not None, done.stderr
    last = done.stderr.rstrip().splitlines()[-1]
    counts = Counter(
        {
            "not ok": int((re.search(r"failures=([0-9]+)", last) or [0, 0])[1]),
            "skipped": int((re.search(r"skipped=([0-9]+)", last) or [0, 0])[1]),
        }
    )
    assert "errors=" not in last
    counts["ok"] = int(total[1]) - counts["not ok"] - counts["skipped"]
    return counts, done.returncode


def consumer_logs() -> dict[str, list[dict[str, Any]]]:
    hostile: list[list[dict[str, Any]]] = []
    for number, text in enumerate(HOSTILE, start=1):
        for area, verdict in (("CALL", "FAIL"), ("RECV", "OBSERVED"), ("STATE", "SKIP")):
            hostile.append(poisoned(text[:5000], f"{area}-{number:02}.1", verdict))
    found = {name: make() for name, make in logs.SAMPLES.items() if name != "all_skipped"}
    return {**found, "hostile": logs.whole(*hostile), "green": logs.whole(logs.one("CALL-01.1"))}


@pytest.mark.skipif(shutil.which("prove") is None, reason="prove is not installed")
@pytest.mark.parametrize("name", sorted(consumer_logs()))
@pytest.mark.parametrize("verbose", [False, True])
def test_prove_agrees(tmp_path: Path, name: str, verbose: bool) -> None:
    text = convert(consumer_logs()[name], 13, verbose)
    path = tmp_path / "run.tap"
    path.write_bytes(text.encode("utf-8"))
    counts, status = prove_totals(path)
    assert +counts == +totals(text)
    assert (status != 0) == (totals(text)["not ok"] > 0)


@pytest.mark.skipif(shutil.which("tappy") is None, reason="tappy is not installed")
@DIALECTS
@pytest.mark.parametrize("name", sorted(consumer_logs()))
@pytest.mark.parametrize("verbose", [False, True])
def test_tappy_agrees(tmp_path: Path, name: str, dialect: int, verbose: bool) -> None:
    text = convert(consumer_logs()[name], dialect, verbose)
    path = tmp_path / "run.tap"
    path.write_bytes(text.encode("utf-8"))
    counts, status = tappy_totals(path)
    assert +counts == +totals(text)
    assert (status != 0) == (totals(text)["not ok"] > 0)


@pytest.mark.skipif(shutil.which("prove") is None, reason="prove is not installed")
def test_prove_accepts_a_skipped_run_and_refuses_a_log_without_plan(tmp_path: Path) -> None:
    path = tmp_path / "run.tap"
    for make, expected in ((logs.all_skipped, 0), (list, 255)):
        path.write_text(convert(make(), 13))
        done = subprocess.run(["prove", "--exec", "cat", str(path)], capture_output=True)
        assert done.returncode == expected


# ---------------------------------------------------------------------------------------------
# The command.


def command(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ctsreport.tap", *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(REPORTS), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    )


def test_command_writes_the_golden_files() -> None:
    for dialect in tap.FORMATS:
        done = command("--format", str(dialect), str(logs.DATA / "small.jsonl"))
        assert done.returncode == 0 and done.stderr == b""
        assert done.stdout == (logs.DATA / f"small.tap{dialect}").read_bytes()


def test_command_statuses() -> None:
    assert command(str(logs.DATA / "stopped.jsonl")).returncode == 2
    assert command("-", stdin=logs.encode(logs.small())).returncode == 0
    assert command("--help").returncode == 0
    assert command("--format", "12", "x").returncode == 4
    absent = command("no/such/file")
    assert (absent.returncode, absent.stdout) == (4, b"")
    assert absent.stderr == b"no/such/file: No such file or directory\n"


def test_text_outside_ascii_does_not_depend_on_the_locale() -> None:
    raw = logs.encode(logs.whole(logs.one("CALL-01.1", "FAIL", reason="\u00e4")))
    assert "\u00e4".encode() in command("-", stdin=raw).stdout


@DIALECTS
def test_megabytes(dialect: int) -> None:
    for char in ("A", "\\", "\x01"):
        out = convert(logs.whole(poisoned(char * (2 * 1024 * 1024))), dialect)
        assert points(out)[0][0] == "not ok"
        assert len(out) < 2 * tap.BLOCK_MAX_BYTES


def test_claimed_and_absent_is_a_point_of_its_own() -> None:
    """Every case is fine or skipped, and the stream is no success all the same."""
    for verdict in ("PASS", "SKIP"):
        capabilities = {"claimed": ["copy", "revoke"], "present": ["revoke", "stages"]}
        records = logs.whole(logs.one("CALL-01.1", verdict), capabilities=capabilities)
        for dialect in tap.FORMATS:
            text, whole = tap.convert(logs.lines(records), dialect)
            assert whole
            assert "\n1..2\n" in text
            assert "\nnot ok 2 - claimed capabilities are present\n" in text
            assert 'message: "claimed and absent: copy"' in text


def test_present_and_unclaimed_changes_nothing() -> None:
    plain = logs.whole(logs.one("CALL-01.1"))
    for claimed in (None, [], ["stages"]):
        capabilities = {"claimed": claimed, "present": ["revoke", "stages"]}
        records = logs.whole(logs.one("CALL-01.1"), capabilities=capabilities)
        assert tap.convert(logs.lines(records), 13) == tap.convert(logs.lines(plain), 13)


def test_a_suspect_case_says_so_in_its_block() -> None:
    records = logs.whole(logs.one("CALL-01.1"), logs.one("CALL-02.1"))
    records[1]["suspect"] = "reviewed against 1, and CALL-01 reads 2 now"
    for dialect in tap.FORMATS:
        text, _ = tap.convert(logs.lines(records), dialect)
        assert text.count('suspect: "reviewed against 1, and CALL-01 reads 2 now"') == 1
