# SPDX-License-Identifier: Apache-2.0
"""What the command line says to a user who is wrong, in a hurry, or looking for help."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from degenerate.build import LIBRARIES, Builder
from suite import Run, Suite

VERBS = ("list", "show", "doctor", "run", "debug")
LOG_READERS = ("explain", "matrix", "report", "diff", "merge")
OTHERS = ("selftest", "certify", "verify")
E_MACHINE_OFFSET = 18
EM_AARCH64 = 183
EM_UNKNOWN = 0x7FFF


def one_line(run: Run) -> str:
    assert run.exit_code == 4, run.report
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("ipc-cts: ")
    return lines[0]


def other_machine(suite: Suite, path: Path, machine: int) -> Path:
    """The reference, said to be for another machine."""
    data = bytearray(suite.reference.read_bytes())
    struct.pack_into("<H", data, E_MACHINE_OFFSET, machine)
    path.write_bytes(data)
    return path


def test_missing_library(suite: Suite) -> None:
    line = one_line(suite.call(["run", "--sut", "/does/not/exist"]))
    assert "/does/not/exist" in line
    assert "does not exist" in line


def test_directory(suite: Suite, tmp_path: Path) -> None:
    line = one_line(suite.call(["run", "--sut", tmp_path]))
    assert str(tmp_path) in line
    assert "directory" in line


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"int main(void);\n", "not an ELF"), (b"", "empty"), (b"\x7fELF", "ELF"),
     (b"!<arch>\n", "static library")],
)  # fmt: skip
def test_file_that_is_no_library(suite: Suite, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(content)
    line = one_line(suite.call(["run", "--sut", path]))
    assert str(path) in line
    assert says in line


def test_truncated_library(suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(suite.reference.read_bytes()[:5000])
    assert str(path) in one_line(suite.call(["run", "--sut", path]))


@pytest.mark.parametrize(("machine", "says"), [(EM_AARCH64, "AArch64"), (EM_UNKNOWN, "32767")])
def test_library_for_another_machine(suite: Suite, tmp_path: Path, machine: int, says: str) -> None:
    path = other_machine(suite, tmp_path / "library.so", machine)
    line = one_line(suite.call(["run", "--sut", path]))
    assert "another machine" in line
    assert says in line


def test_program_instead_of_library(suite: Suite) -> None:
    assert "program" in one_line(suite.call(["run", "--sut", suite.program]))


@pytest.mark.parametrize("verb", ["run", "list", "show", "debug"])
def test_unknown_id(suite: Suite, verb: str) -> None:
    line = one_line(suite.call([verb, "CALL-99"]))
    assert "CALL-99" in line
    assert "did you mean" in line


@pytest.mark.parametrize(
    "words",
    [["fly"], ["run", "--no-such-option"], ["run", "--jobs", "many"], ["run", "--jobs", "0"],
     ["run", "--timeout-factor", "0"], ["run", "--tap=12"], ["run", "--sut"],
     ["run", "--profile", "ce-9"], ["run", "--profile", "soak,smoke"], ["list", "--profile", "fast"],
     ["run", "--adapter", "/does/not/exist"], ["show"], ["debug"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage(suite: Suite, words: list[str]) -> None:
    one_line(suite.call(words))


def test_environment_is_checked(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPCTS_TIMEOUT_FACTOR", "soon")
    assert "IPCTS_TIMEOUT_FACTOR" in one_line(suite.call(["run", "OBJ-01.1"]))


def test_environment_is_not_in_the_log(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFTEST_SECRET", "swordfish-4711")
    run = suite.run(["OBJ-01.1", "OBJ-02.1"])
    assert run.exit_code == 0
    assert "swordfish" not in json.dumps(run.events) + run.report


OUTPUTS = ("--events", "--tap-file", "--junit", "--json", "--html", "--matrix")


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize(
    ("path", "says"),
    [("/does/not/exist/x", "No such file"), ("{}", "Is a directory"), ("", "''"),
     ("{}/file/x", "Not a directory"), ("{}/new/", "Is a directory")],
)  # fmt: skip
def test_an_output_that_cannot_be_written_is_told_before_the_first_case(
    suite: Suite, tmp_path: Path, option: str, path: str, says: str
) -> None:
    (tmp_path / "file").touch()
    line = one_line(suite.call(["run", "OBJ-01.1", option, path.format(tmp_path)]))
    assert line.startswith(f"ipc-cts: cannot write {option} ")
    assert says in line


def test_two_outputs_are_two_files(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    words = ["run", "OBJ-01.1", "--events", tmp_path / "x", "--junit", tmp_path / "link" / "x"]
    assert "--junit" in one_line(suite.call(words))
    nowhere = ["--junit", "/dev/null", "--matrix", "/dev/null"]
    assert suite.call(["run", "OBJ-01.1", *nowhere]).exit_code == 0


def test_only_tap_goes_to_stdout(suite: Suite) -> None:
    assert "stdout" in one_line(suite.call(["run", "OBJ-01.1", "--events", "-"]))
    assert suite.call(["run", "OBJ-01.1", "--tap-file", "-"]).stdout.startswith("TAP version 13\n")


def test_a_run_that_does_not_begin_costs_no_log(suite: Suite, tmp_path: Path) -> None:
    log, fresh, pipe = tmp_path / "log", tmp_path / "fresh", tmp_path / "pipe"
    log.write_text("of an earlier run")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (log, fresh, pipe):
        one_line(suite.call(["run", "CALL-99", "--events", path]))
    os.close(reader)
    assert log.read_text() == "of an earlier run"
    assert sorted(tmp_path.iterdir()) == [log, pipe]
    suite.call(["run", "OBJ-01.1", "--events", log])
    assert log.read_text().startswith('{"event":"run_start"')


def test_an_event_log_into_a_pipe(suite: Suite, tmp_path: Path) -> None:
    """The reader gets it, and documents and `explain` still have one to read."""
    tap, copy, pipe = tmp_path / "tap", tmp_path / "copy", tmp_path / "pipe"
    os.mkfifo(pipe)
    with copy.open("wb") as output, subprocess.Popen(["cat", pipe], stdout=output) as reader:
        keeps_open = os.open(pipe, os.O_RDWR)
        run = suite.call(["run", "OBJ-01.1", "--events", pipe, "--tap-file", tap])
        os.close(keeps_open)
        assert reader.wait(timeout=20) == 0
    assert run.exit_code == 0
    assert json.loads(copy.read_text().splitlines()[-1])["event"] == "run_end"
    assert "ok 1 - OBJ-01.1" in tap.read_text()
    assert suite.call(["explain", "OBJ-01.1"]).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [["run", "OBJ-01.1", "--events"], ["run", "OBJ-01.1", "--tap-file"],
     ["run", "OBJ-01.1", "--matrix"], ["report", "--format", "junit", "--output"]],
    ids=" ".join,
)  # fmt: skip
def test_a_full_disk_is_one_line(suite: Suite, words: list[str]) -> None:
    suite.call(["run", "OBJ-01.1"])  # a last run
    run = suite.call([*words, "/dev/full"])
    assert run.exit_code == 3
    assert re.fullmatch(r"ipc-cts: cannot write .*No space left on device\n", run.stderr)


@pytest.mark.parametrize(
    "words",
    ["--help", "--version", "run --help", "list", "list --json", "show CALL", "doctor", "run OBJ-01.1",
     "run OBJ-01.1 -q", "run OBJ-01.1 --tap", "explain OBJ-01.1", "explain --help", "matrix",
     "report --format junit"],
)  # fmt: skip
def test_a_full_stdout_is_no_success(suite: Suite, words: str) -> None:
    suite.call(["run", "OBJ-01.1"])
    command = f"{shlex.quote(str(suite.program))} {words}"
    done = subprocess.run(
        ["bash", "-c", f"{command} > /dev/full"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("ipc-cts: cannot write")]
    assert len(said) == 1 and "No space left" in said[0]
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_a_reader_who_has_seen_enough_is_no_error(suite: Suite) -> None:
    program = shlex.quote(str(suite.program))
    for words in ("list", "run OBJ-01.1 --verbose", "matrix --cases"):
        done = subprocess.run(
            ["bash", "-c", f"{program} {words} | true; exit ${{PIPESTATUS[0]}}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 128 + signal.SIGPIPE)
        assert done.stderr == ""


def test_nothing_selected(suite: Suite) -> None:
    run = suite.call(["run", "V14-01"])
    assert run.exit_code == 5
    assert "nothing selected" in run.stderr


def test_extents(suite: Suite) -> None:
    run = suite.run(["--profile", "ce-1.3,smoke"])
    assert run.exit_code == 0
    assert run.report.rstrip().endswith("conformant for ce-1.3 (smoke)")
    assert (run.start["profile"], run.start["extent"]) == ("ce-1.3", "smoke")
    listed = json.loads(suite.call(["list", "--json", "--profile", "smoke"]).stdout)
    assert {case["id"] for case in listed} >= set(run.start["planned"])
    assert all("smoke" in case["traits"] for case in listed)
    areas = {case["id"].split("-")[0] for case in listed}
    assert areas >= {"ABI", "OBJ", "CALL", "RECV", "STATE", "TIME", "XFER", "SCOPE", "LIFE", "RACE"}


def test_version(suite: Suite) -> None:
    run = suite.call(["--version"])
    assert run.exit_code == 0
    assert re.fullmatch(r"ipc-cts \d+\.\d+\.\d+\n", run.stdout)


def test_general_help(suite: Suite) -> None:
    run = suite.call(["--help"])
    assert run.exit_code == 0
    assert all(verb in run.stdout for verb in VERBS + LOG_READERS + OTHERS)
    assert "Exit codes" in run.stdout


@pytest.mark.parametrize("verb", VERBS + LOG_READERS + OTHERS)
def test_help_of_a_verb(suite: Suite, verb: str) -> None:
    run = suite.call([verb, "--help"])
    assert run.exit_code == 0
    assert run.stdout.startswith(f"usage: ipc-cts {verb}")
    assert run.stderr == ""
    assert any(f"ipc-cts {verb}" in line for line in examples(run.stdout))
    if verb not in ("verify", "certify"):
        assert suite.call(["help", verb]).stdout == run.stdout


def test_help_of_no_verb(suite: Suite) -> None:
    assert "fly" in one_line(suite.call(["help", "fly"]))


def test_examples_of_those_that_read_logs_work(suite: Suite, tmp_path: Path) -> None:
    """Each line as it stands, beside the logs that they name."""
    reports = tmp_path / "build" / "reports"
    logs = [tmp_path / "before" / "events.jsonl", tmp_path / "after" / "events.jsonl"]
    logs += [tmp_path / "events.jsonl", reports / "events.jsonl"]
    whole = ["run", "CALL-02.1", "RACE-03.11", "--quiet"]
    for number in (1, 2):
        shard = ["--shard", f"{number}/2", "--events", tmp_path / f"shard{number}.jsonl"]
        assert suite.call([*whole, *shard]).exit_code == 0
    suite.call([*whole, "--repeat", "2", "--events", tmp_path / "whole.jsonl"])  # the last run
    for log in logs:
        log.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "whole.jsonl", log)
    for verb in LOG_READERS:
        lines = examples(suite.call([verb, "--help"]).stdout)
        assert lines
        for line in lines:
            words = f"ipc-cts() {{ {shlex.quote(str(suite.program))} \"$@\"; }}; {line}"
            done = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {words}"], cwd=tmp_path, capture_output=True,
                stdin=subprocess.DEVNULL, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"


def test_selftest_looks_at_its_output_first(suite: Suite, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "x"):
        line = one_line(suite.call(["selftest", "--mutants", "clear-toggles", "--output", path]))
        assert str(path) in line


@pytest.mark.parametrize("words", [["explain", "OBJ-01.1"], ["matrix"], ["report", "--format", "json"]])
def test_a_file_that_is_no_log(suite: Suite, tmp_path: Path, words: list[str]) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.touch()
    other.write_bytes(suite.reference.read_bytes())
    for path in (empty, other, tmp_path, "/dev/zero", tmp_path / "none"):
        assert str(path) in one_line(suite.call([*words, path]))


def examples(text: str) -> list[str]:
    return re.findall(r"(?m)^  (ipc-cts .*)$", text)


def test_examples_work(suite: Suite, tmp_path: Path) -> None:
    """Each line as it stands, in a directory that has the library they name."""
    shutil.copy(suite.reference, tmp_path / "libkos-ipc.so")
    texts = [suite.call(["--help"]).stdout]
    texts += [suite.call([verb, "--help"]).stdout for verb in VERBS]
    lines = sorted({line for text in texts for line in examples(text)})
    assert len(lines) >= len(VERBS)
    suite.call(["run", "CALL-02", "--quiet"])  # what the examples of `explain` are about
    for line in lines:
        if "--gdb" in line.split():
            continue  # waits for a person
        if "--sysroot" in line or "--exec-wrapper" in line:
            continue  # other headers, another machine: test_ports.py
        # The whole suite is run elsewhere.
        short = re.sub(r"^ipc-cts run(?! [A-Z])", "ipc-cts run OBJ-01", line)
        short = re.sub(r"--repeat \d+", "--repeat 2", short)
        # Its searches take minutes, and test_windows.py makes them; OBJ-01 stands in for them already.
        short = re.sub(r"soak RACE", "soak", short)
        program = shlex.quote(str(suite.program))
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; ipc-cts() {{ {program} \"$@\"; }}; {short}"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"


def test_list_as_json(suite: Suite) -> None:
    run = suite.call(["list", "CALL-02", "--json"])
    rows = json.loads(run.stdout) if run.stdout.startswith("[") else [
        json.loads(line) for line in run.stdout.splitlines()
    ]  # fmt: skip
    assert rows
    assert all(row["id"].startswith("CALL-02.") for row in rows)


def test_show_tells_the_claim(suite: Suite) -> None:
    run = suite.call(["show", "CALL-02"])
    assert run.exit_code == 0
    for word in ("CALL-02", "must", "CALL-02.1", "libkos_ipc_api"):
        assert word in run.stdout


def test_doctor(suite: Suite) -> None:
    assert suite.call(["doctor"]).exit_code == 0
    run = suite.call(["doctor", "--sut", suite.variant("condvar")])
    assert run.exit_code == 0
    assert "skip" in run.stdout.lower()
    assert suite.call(["doctor", "--sut", "/does/not/exist"]).exit_code == 4


def test_debug_prints_a_line_that_stops_in_the_library(suite: Suite) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    run = suite.call(["debug", "CALL-02.1", "--sut", suite.reference, "--adapter", "reference"])
    assert run.exit_code == 0, run.report
    line = next(line for line in run.report.splitlines() if line.startswith("gdb "))
    words = shlex.split(line)
    done = subprocess.run(
        [words[0], "-batch", *words[1:]],
        cwd=suite.work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        errors="replace", check=False,
    )  # fmt: skip
    assert re.search(r"hit Breakpoint 1, (?:0x\w+ in )?CallEx", done.stdout), done.stdout[-2000:]


def test_rerun_line_of_a_failure_works(suite: Suite, degenerates: Builder) -> None:
    """The line that a failure prints shows the same failure again."""
    library = next(library for library in LIBRARIES if library.name == "always_error")
    run = suite.run(["OBJ-05.1"], degenerates.build(library))
    repro = next(case["repro"] for case in run.cases if case["case"] == "OBJ-05.1")
    assert repro in run.report
    done = subprocess.run(
        shlex.split(repro),
        cwd=suite.work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr[-1000:]
    assert '"verdict":"FAIL"' in done.stderr or '"verdict":"BROKEN"' in done.stderr
