# SPDX-License-Identifier: Apache-2.0
"""Coverage: LCOV as lcov and genhtml read it, lines by requirement, what gcov says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import logs
import pytest
from ctsreport import annotations, cli, consistency, coverage, events, formats, html, results
from ctsreport.coverage import gcov, lcov, lines

Record = dict[str, Any]
SCHEMA = json.loads((logs.DATA.parents[1] / "schema/events.schema.json").read_text())


def source(file: str, numbers: list[int], directory: str = "/nonexistent/lib") -> Record:
    return {"event": "source", "file": file, "directory": directory, "lines": numbers,
            "functions": [["f_" + file.partition(".")[0], numbers[0]]],
            "branches": [[numbers[0], 2]]}  # fmt: skip


def seen(case: str, file: str, numbers: list[int], rep: int = 1) -> Record:
    return {"event": "coverage", "case": case, "rep": rep, "file": file,
            "lines": [[n, 3] for n in numbers],
            "functions": [["f_" + file.partition(".")[0], 3]],
            "branches": [[numbers[0], [3, 0]]]}  # fmt: skip


def covered(directory: str = "/nonexistent/lib") -> list[Record]:
    """Two requirements meet in a.c:2; a.c:4 and b.c:9 are nobody's; CALL-02.2 leaves nothing."""
    cases = [logs.one("CALL-01.1"), logs.one("CALL-02.1"), logs.one("CALL-02.2", "CRASH")]
    cases[0][1:1] = [seen("CALL-01.1", "a.c", [1, 2])]
    cases[1][1:1] = [seen("CALL-02.1", "a.c", [2, 3]), seen("CALL-02.1", "b.c", [7, 8])]
    first, *rest = logs.whole(*cases)
    files = [source("a.c", [1, 2, 3, 4], directory), source("b.c", [7, 8, 9], directory)]
    return [first, *files, *rest]


def collected(records: list[Record]) -> results.Run:
    return results.collect(events.read(logs.lines(records)), results.every_case)


def test_events_follow_the_schema() -> None:
    for record in covered():
        jsonschema.validate(record, SCHEMA)
    assert not [p for p in collected(covered()).problems if "coverage" in p or "source" in p]
    wrong: list[Record] = [
        {**source("a.c", [1]), "file": "/etc/passwd"}, {**source("a.c", [0])},
        {**seen("CALL-01.1", "a.c", [1]), "lines": [[1, 0]]},
        {**seen("CALL-01.1", "a.c", [1]), "branches": [[1, [-1]]]},
    ]  # fmt: skip
    for record in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(record, SCHEMA)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lines", [1]), ("lines", [[1]]), ("lines", [["1", 2]]), ("lines", [[True, 2]]),
     ("functions", [[1, "f"]]), ("branches", [[1, 2]]), ("branches", [[1, ["x"]]]), ("lines", 7)],
)  # fmt: skip
def test_a_damaged_line_is_said(name: str, value: object) -> None:
    record = {**seen("CALL-01.1", "a.c", [1]), name: value}
    (damage,) = events.read(logs.lines([record]))
    assert isinstance(damage, events.Damage) and name in damage.text


def test_lines_by_requirement() -> None:
    run = collected(covered())
    reached = coverage.of_requirements(run)
    assert coverage.only(reached) == {
        "CALL-01": {("a.c", 1)}, "CALL-02": {("a.c", 3), ("b.c", 7), ("b.c", 8)}
    }  # fmt: skip
    text = lines.document(run)
    assert text.startswith("5 of 7 lines of the library are reached (71.4 %), by 2 cases of 2 ")
    assert re.search(r"(?m)^CALL-01 +2 +1\n +a\.c: 1$", text)
    assert re.search(r"(?m)^CALL-02 +4 +3\n +a\.c: 3\n +b\.c: 7-8$", text)
    assert "Reached by no requirement: 2 lines\n  a.c: 4\n  b.c: 9\n" in text
    assert text.endswith("  CALL-02.2\n")
    assert lines.ranges([3, 1, 2, 9, 9]) == "1-3, 9"


def test_page_shows_lines() -> None:
    page = html.render(collected(covered())).decode()
    assert "a.c: 3; b.c: 7-8" in page and "<b>no requirement</b>" in page
    assert "Lines of the library that this run reached" in page
    assert "lines-alone" not in html.render(collected(logs.small())).decode()


def lcov_total(path: Path, *more: str) -> dict[str, tuple[int, int]]:
    """What lcov counts: (hit, found) of lines, functions, branches."""
    done = subprocess.run(
        ["lcov", "--rc", "lcov_branch_coverage=1", "--summary", str(path), *more],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.findall(r"(\w+)\.+: [\d.]+% \((\d+) of (\d+) ", done.stdout + done.stderr)
    return {word: (int(hit), int(all_)) for word, hit, all_ in found}


def test_lcov_reads_what_we_write(tmp_path: Path) -> None:
    run = collected(covered())
    whole = tmp_path / "all.info"
    document = lcov.document(run)
    whole.write_text(document)
    assert lcov_total(whole) == {"lines": (5, 7), "functions": (2, 2), "branches": (2, 4)}
    assert consistency.findings("lcov", document.encode(), run) == []
    broken = document.replace("TN:CALL_01_1\n", "TN:CALL_09_1\n")
    assert consistency.findings("lcov", broken.encode(), run)
    # Tracefiles of single cases add up to the same, and lcov keeps the names apart.
    singles = []
    for case in run.cases[:2]:
        path = tmp_path / f"{case.case}.info"
        path.write_text(lcov.of_case(run, case))
        singles += ["-a", str(path)]
        assert lcov_total(path)["lines"][1] == 7
    merged = tmp_path / "merged.info"
    subprocess.run(["lcov", "-q", *singles, "-o", str(merged)], check=True, capture_output=True)
    assert lcov_total(merged)["lines"] == (5, 7)
    assert {"TN:CALL_01_1", "TN:CALL_02_1"} <= set(merged.read_text().splitlines())


def test_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.c", "b.c"):
        (tmp_path / name).write_text("int x;\n" * 9)
    log, out = tmp_path / "events.jsonl", tmp_path / "out"
    log.write_bytes(logs.encode(covered(str(tmp_path))))
    assert cli.main(["coverage", str(log), "-o", str(out), "--pages"]) == cli.DONE
    assert "5 of 7 lines" in capfd.readouterr().out
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.info"))
    assert names == ["cases/CALL-01.1.info", "cases/CALL-02.1.info", "coverage.info"]
    assert (out / "html/index.html").is_file() and (out / "lines.txt").is_file()
    log.write_bytes(logs.encode(covered()))
    assert cli.main(["coverage", str(log), "-o", str(out), "--pages"]) == cli.INTERNAL
    assert "no longer in /nonexistent/lib" in capfd.readouterr().err
    log.write_bytes(logs.encode(logs.small()))
    for words in (["coverage", str(log), "-o", str(out)], ["report", "--format", "lines", str(log)]):
        assert cli.main(words) == cli.USAGE
        told = capfd.readouterr()
        assert told.out == "" and told.err.count("\n") == 1 and "no coverage" in told.err


SOURCE_C = """\
#include "inline.h"
int twice(int x)
{
    if (x < 0) {
        return negative(x);
    }
    return 2 * x;
}
"""
INLINE_H = "static inline int negative(int x)\n{\n    return -x;\n}\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a file and a header, built in a directory with a blank."""
    where = tmp_path_factory.mktemp("with blank") / "a b"
    where.mkdir()
    (where / "twice.c").write_text(SOURCE_C)
    (where / "inline.h").write_text(INLINE_H)
    for command in (["gcc", "--coverage", "-fPIC", "-c", "twice.c"],
                    ["gcc", "--coverage", "-shared", "twice.o", "-o", "lib.so"]):  # fmt: skip
        subprocess.run(command, cwd=where, check=True)
    return where / "lib.so"


def run_library(library: Path, data: Path, case: str, number: int) -> None:
    code = f"import ctypes; ctypes.CDLL({str(library)!r}).twice({number})"
    environment = {"GCOV_PREFIX": str(data / case / "1"), "PATH": "/usr/bin:/bin"}
    subprocess.run(["/usr/bin/python3", "-c", code], env=environment, check=True)


def test_from_counters_to_log(library: Path, tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "events.jsonl"
    run_library(library, data, "CALL-01.1", 1)
    run_library(library, data, "CALL-02.1", -1)
    plain = logs.encode(logs.whole(logs.one("CALL-01.1"), logs.one("CALL-02.1")))
    plain = plain.replace(b'"event": "', b'"event":"')
    log.write_bytes(plain)
    gcov.add_to_log(log, data, library)
    kept = [line for line in log.read_bytes().splitlines(True)
            if b'"event":"coverage"' not in line and b'"event":"source"' not in line]  # fmt: skip
    assert b"".join(kept) == plain
    for line in log.read_bytes().splitlines():
        jsonschema.validate(json.loads(line), SCHEMA)
    with log.open("rb") as content:
        run = results.collect(events.read(content))
    assert not run.problems
    assert coverage.only(coverage.of_requirements(run)) == {
        "CALL-01": {("twice.c", 7)},
        "CALL-02": {("inline.h", 1), ("inline.h", 3), ("twice.c", 5)},
    }
    assert {s.directory for s in run.sources} == {str(library.parent)}
    again = log.read_bytes()
    log.write_bytes(plain)
    gcov.add_to_log(log, data, library)
    assert log.read_bytes() == again


def test_what_gcov_cannot_do(library: Path, tmp_path: Path) -> None:
    log, data = tmp_path / "events.jsonl", tmp_path / "data"
    log.write_bytes(b"as it was\n")
    other = tmp_path / "other.so"
    other.write_bytes(b"\x7fELF nothing")
    moved = tmp_path / "moved.so"
    moved.write_bytes(b"\0/nonexistent/twice.gcda\0")
    run_library(library, data, "CALL-01.1", 1)
    (counters,) = data.rglob("*.gcda")
    content = counters.read_bytes()
    for words, path, bytes_ in (("no counters", other, content), ("is missing", moved, content),
                                ("version", library, content[:4] + b"*21B" + content[8:])):  # fmt: skip
        counters.write_bytes(bytes_)
        with pytest.raises(coverage.CoverageError, match=words):
            gcov.add_to_log(log, data, path)
        assert log.read_bytes() == b"as it was\n"
    assert [path.name for path in tmp_path.glob(".*")] == []
    with pytest.raises(coverage.CoverageError, match="plain file"):
        gcov.add_to_log(tmp_path / "missing", data, library)


def test_counters_below_zero_are_none() -> None:
    file = gcov.File()
    line = {"line_number": 3, "count": -4, "branches": [{"count": -1}, {"count": 2}]}
    file.add({"functions": [{"name": "f", "start_line": 3, "execution_count": -1}],
              "lines": [line, {**line, "count": 5}]})  # fmt: skip
    assert (file.lines, file.functions, file.branches) == ({3: 5}, {"f": (3, 0)}, {3: [0, 4]})


HOSTILE = "x\n::set-output name=a::b\r::error::% 100%0A\u2028, file=a,line=1::"


def test_annotations() -> None:
    run = collected(logs.every_verdict())
    told = annotations.document(run).splitlines()
    assert sum(line.startswith("::error ") for line in told) == 6
    (failed,) = (line for line in told if "title=FAIL CALL-02.1::" in line)
    assert failed.startswith("::error file=conformance/cases/call_window.c,line=36,title=FAIL CALL-02.1::")
    assert "%0Aexpected still waiting%0Aseen rcIpcInterrupt" in failed
    assert annotations.document(collected(logs.whole(logs.one("CALL-01.1")))) == ""
    hostile = logs.whole(
        logs.one("CALL-01.1", "FAIL", reason=HOSTILE, expected=HOSTILE, observed=HOSTILE,
                 repro=HOSTILE, at={"file": HOSTILE, "line": 7})
    )  # fmt: skip
    (line,) = annotations.document(collected(hostile)).splitlines()
    head, body = line.removeprefix("::error ").split("::", 1)
    assert head.count(",") == 2 and ":" not in head
    assert "%0A" not in body.replace("%250A", "").replace("%0Aexpected ", "").replace(
        "%0Aseen ", "").replace("%0Awhy ", "").replace("%0Arerun ", "")  # fmt: skip
    many = logs.whole(*(logs.one(f"CALL-01.{i}", "FAIL") for i in range(1, 70)))
    told = annotations.document(collected(many)).splitlines()
    assert len(told) == 51 and told[-1] == "::error::19 more cases failed"


def test_a_cut_log_gives_what_there_is() -> None:
    content = logs.encode(covered())
    counts = set()
    for size in range(content.index(b'"source"') - 40, len(content), 23):
        run = results.collect(events.read(content[:size].splitlines(keepends=True)))
        if run.sources:
            document = lcov.document(run)
            assert consistency.findings("lcov", document.encode(), run) == []
            counts.add(len(document))
            assert lines.document(run).count("lines of the library are reached") == 1
    assert len(counts) > 3


def test_formats_name_them() -> None:
    assert {"lcov", "lines", "annotations"} <= set(formats.FORMATS)
