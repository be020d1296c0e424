# SPDX-License-Identifier: Apache-2.0
"""Coverage of a library that was built apart from the suite, by gcc --coverage and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import toolchain
from suite import Suite
from toolchain import REPOSITORY, SDK_INCLUDE

SOURCES = REPOSITORY / "reference-impl/src"
IDS = ("OBJ-01", "CALL-02.1", "CALL-02.2")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference as a vendor would build it."""
    where = tmp_path_factory.mktemp("vendor")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O0", "-fPIC", "-fvisibility=hidden", "--coverage",
             "-fprofile-update=atomic", f"-I{SDK_INCLUDE}"]  # fmt: skip
    (where / "src").symlink_to(SOURCES)
    objects = []
    for source in sorted(SOURCES.glob("*.c")):
        objects.append(where / f"{source.stem}.o")
        toolchain.run_tool(["gcc", *flags, "-c", where / "src" / source.name, "-o", objects[-1]])
    made = where / "libkos-ipc.so"
    toolchain.run_tool(["gcc", "-shared", "--coverage", "-pthread", "-Wl,-z,nodelete", *objects,
                        "-o", made])  # fmt: skip
    return made


def test_coverage_of_a_run(suite: Suite, library: Path, tmp_path: Path) -> None:
    tracefile, page = tmp_path / "run.info", tmp_path / "run.html"
    run = suite.run(IDS, sut=library, adapter="reference",
                    options=["--lcov", str(tracefile), "--html", str(page)])  # fmt: skip
    assert run.exit_code == 0, run.report
    kinds = [event["event"] for event in run.events]
    cases = {event["case"] for event in run.events if event["event"] == "coverage"}
    assert cases == set(run.verdicts) and kinds.count("source") >= 15
    names = set(re.findall(r"(?m)^TN:(\w+)$", tracefile.read_text()))
    assert names == {case.replace("-", "_").replace(".", "_") for case in run.verdicts}
    told = subprocess.run(["lcov", "--summary", tracefile], capture_output=True, text=True, check=True)
    assert re.search(r"lines\.+: [4-9]\d\.\d% \(", told.stdout + told.stderr)
    out = tmp_path / "coverage"
    done = suite.call(["coverage", run.log, "-o", out, "--pages"])
    assert done.exit_code == 0, done.report
    assert (out / "coverage.info").read_bytes() == tracefile.read_bytes()
    assert len(list((out / "cases").iterdir())) == len(cases)
    assert (out / "html/index.html").is_file()
    # The call that is taken is reached by CALL-02 alone among these.
    lines = (out / "lines.txt").read_text()
    assert re.search(r"(?m)^CALL-02 +\d+ +[1-9]\d*\n +\w+\.c: ", lines), lines
    assert "Lines of the library that this run reached" in page.read_text()
    # The verdicts, the other documents and the shards do not mind.
    plain = suite.run(IDS, sut=library, adapter="reference")
    assert plain.verdicts == run.verdicts
    assert suite.call(["diff", plain.log, run.log]).exit_code == 0


def test_d15_no_function_record_that_lcov_1_drops(
    suite: Suite, library: Path, tmp_path: Path
) -> None:
    """D15 of test_known_defects.py: lcov 1.16 drops FNL and FNA without a word."""
    tracefile = tmp_path / "run.info"
    suite.run(["OBJ-01.1"], sut=library, options=["--lcov", str(tracefile)])
    words = {line.partition(":")[0] for line in tracefile.read_text().splitlines()}
    assert "FN" in words and not words & {"FNL", "FNA"}


def test_shards_with_coverage_add_up(suite: Suite, library: Path, tmp_path: Path) -> None:
    logs = [
        suite.run(["OBJ-01"], sut=library, options=["--coverage", "--shard", f"{i}/2"]).log
        for i in (1, 2)
    ]
    whole = tmp_path / "whole.jsonl"
    assert suite.call(["merge", *logs, "-o", whole]).exit_code == 0
    told = suite.call(["report", "--format", "lines", whole])
    assert told.exit_code == 0 and "cases of 1 requirements" in told.stdout, told.report
    events = [json.loads(line) for line in whole.read_bytes().splitlines()]
    ends = {e["case"] for e in events if e["event"] == "case_end" and e["verdict"] == "PASS"}
    assert ends and {e["case"] for e in events if e["event"] == "coverage"} == ends


def test_wrong_use(suite: Suite, library: Path, tmp_path: Path) -> None:
    for options, words in (
        (["--coverage", "--sut", suite.variant("condvar")], "has no counters; build it by gcc"),
        (["--lcov", tmp_path / "x", "--exec-wrapper", "env"], "exec wrapper"),
    ):
        run = suite.call(["run", "-q", "OBJ-01", "--events", tmp_path / "e", *options])
        assert run.exit_code == 4 and run.stderr.count("\n") == 1 and words in run.stderr
    notes = library.with_name("alloc.gcno")
    aside = notes.rename(tmp_path / "alloc.gcno")
    try:
        run = suite.call(["run", "-q", "OBJ-01.1", "--sut", library, "--lcov", tmp_path / "x",
                          "--events", tmp_path / "e"])  # fmt: skip
    finally:
        aside.rename(notes)
    assert run.exit_code == 3 and "alloc.gcno is missing" in run.stderr
    assert not (tmp_path / "x").exists()
    # What was found out without it is kept.
    assert suite.call(["explain", "OBJ-01.1", tmp_path / "e"]).stdout.startswith("PASS OBJ-01.1")
