# SPDX-License-Identifier: Apache-2.0
"""The verbs: exit status, one line for what is wrong, files whole or untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import logs
import pytest
from ctsreport import cli, formats

REPORTS = Path(__file__).resolve().parent.parent
# `html` has tests of its own, and so have those that need coverage (test_coverage.py).
NAMES = [name for name in formats.FORMATS if name not in ("html", *formats.NEED_COVERAGE)]


def store(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_bytes(logs.encode(records))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return store(tmp_path / "events.jsonl", logs.taken_run())


def one_line(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and captured.err.startswith("ipc-cts")
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["explain"], "required: ID"),
        (["explain", "CALL-02.1", "{}", "--rep", "x"], "--rep"),
        (["explain", "CALL-02.1", "{}", "--rep", "4"], "no repetition 4"),
        (["explain", "CALL-9.1", "{}"], "did you mean CALL-0"),
        (["explain", "zzzz", "{}"], "ipc-cts list"),
        (["explain", "CALL-02.2", "{}"], "not in this run: was not selected"),
        (["explain", "CALL-02.1", "{}/missing"], "no such file"),
        (["explain", "CALL-02.1", "x" * 5000], "xxx: File name too long"),
        (["explain", "CALL-02.1"], "there is no last run"),
        (["--last-run", "/nonexistent/x", "matrix"], "there is no last run"),
        (["report", "{}"], "--format"),
        (["report", "--format", "pdf", "{}"], "pdf"),
        (["matrix", "--format", "pdf", "{}"], "pdf"),
        (["frob"], "frob"),
    ],
)
def test_wrong_use(
    arguments: list[str], text: str, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([word.format(log) for word in arguments]) == cli.USAGE
    assert text in one_line(capfd)


def test_run_is_a_file_a_directory_or_the_last_run(
    log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for words in ([str(log)], [str(log.parent)]):
        assert cli.main(["explain", "call-02.1", *words]) == cli.DONE
        assert "FAIL CALL-02.1" in capfd.readouterr().out
    assert cli.main(["--last-run", str(log), "explain", "CALL-02.1", "--rep", "3"]) == cli.DONE
    assert "PASS CALL-02.1" in capfd.readouterr().out


def test_a_requirement_lists_its_cases(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "CALL-02", str(log)]) == cli.DONE
    out = capfd.readouterr().out
    assert out.startswith("FAIL CALL-02 ") and "FAIL         CALL-02.1" in out
    assert "not planned  CALL-02.2" in out


def test_an_incomplete_log_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = store(tmp_path / "cut.jsonl", logs.stopped())
    for words in (["explain", "CALL-02.1"], ["matrix"], ["report", "--format", "tap14"]):
        assert cli.main([words[0], *words[1:], str(log)]) == cli.INCOMPLETE
        captured = capfd.readouterr()
        assert captured.out and "not a whole run" in captured.err


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x7fELF\n\xff\n" * 100, b'{"event":"x"}\n', b"[]"])
def test_what_is_no_log_is_one_line(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.jsonl").write_bytes(content)
    for words in (["explain", "CALL-02.1"], ["matrix"], ["report", "--format", "tap14"]):
        assert cli.main([*words, str(tmp_path)]) == cli.USAGE
        assert "is not an event log" in one_line(capfd)
    assert cli.main(["matrix", "/dev/zero"]) == cli.USAGE
    assert "is not a file" in one_line(capfd)


def test_of_many_findings_the_first_are_told(
    log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with log.open("ab") as file:
        file.write(b"garbage\n" * 1000)
    assert cli.main(["matrix", str(log)]) == cli.INCOMPLETE
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == cli.PROBLEMS_MAX + 1 and lines[-1].endswith(": and 990 more")


@pytest.mark.parametrize("words", [["explain", "CALL-02.1"], ["matrix"], ["--help"]])
def test_a_full_stdout_is_one_line(words: list[str], log: Path) -> None:
    command = [sys.executable, "-BPs", "-m", "ctsreport", *words]
    if words != ["--help"]:
        command.append(str(log))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env={"PYTHONPATH": str(REPORTS)},
            check=False, text=True,
        )  # fmt: skip
    assert done.returncode == cli.INTERNAL
    assert done.stderr == "ipc-cts: cannot write: No space left on device\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_the_same_bytes_every_time(name: str, log: Path, tmp_path: Path) -> None:
    documents = []
    for number in range(2):
        output = tmp_path / f"report{number}"
        done = subprocess.run(
            [sys.executable, "-BPs", "-m", "ctsreport", "report", "--format", name, str(log),
             "-o", str(output)],
            env={"PYTHONPATH": str(REPORTS), "PYTHONHASHSEED": str(number), "SECRET": "s3cret"},
            check=False, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        documents.append(output.read_bytes())
    assert documents[0] == documents[1] and documents[0]
    assert b"s3cret" not in documents[0]


def test_the_output_is_whole_or_untouched(
    log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    output.write_text("before")

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    words = ["report", "--format", "matrix", str(log), "-o", str(output)]
    assert cli.main(words) == cli.INTERNAL
    assert "No space left" in one_line(capfd)
    assert output.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [log, output]


def test_output_into_a_missing_directory(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["report", "--format", "matrix", str(log), "-o", str(log.parent / "no" / "x")]
    assert cli.main(words) == cli.INTERNAL
    assert "cannot write" in one_line(capfd)


def test_a_missing_package_is_one_line(
    log: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: formats.Format) -> formats.Writer:
        raise ImportError("no", name="lxml")

    monkeypatch.setattr(formats.Format, "writer", missing)
    assert cli.main(["report", "--format", "tap13", str(log)]) == cli.INTERNAL
    assert "install python3-lxml" in one_line(capfd)


def test_write_goes_on_after_a_document_that_cannot_be_written(
    log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good"
    words = ["write", str(log), f"matrix={tmp_path}/no/x", f"tap13={good}", "tap14=-"]
    assert cli.main(words) == cli.INTERNAL
    captured = capfd.readouterr()
    assert captured.err.count("\n") == 1 and "cannot write" in captured.err
    assert good.read_text().startswith("TAP version 13")
    assert captured.out.startswith("TAP version 14")


def test_a_document_that_lies_is_not_written(
    log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(_: formats.Format) -> formats.Writer:
        return lambda run: b"TAP version 13\n1..1\nok 1 - CALL-02.1 fine\n"

    monkeypatch.setattr(formats.Format, "writer", lying)
    output = tmp_path / "out"
    assert cli.main(["report", "--format", "tap13", str(log), "-o", str(output)]) == cli.INTERNAL
    assert "is not what the log says" in one_line(capfd)
    assert not output.exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sample", sorted(logs.SAMPLES))
def test_every_sample_gives_every_document(
    name: str, sample: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log = logs.DATA / f"{sample}.jsonl"
    expected = cli.INCOMPLETE if sample == "stopped" else cli.DONE
    assert cli.main(["report", "--format", name, str(log)]) == expected
    out = capfd.readouterr().out
    golden = logs.DATA / f"{sample}.{name}"
    assert out.encode() == golden.read_bytes(), f"look at it, then run {logs.__file__}"
