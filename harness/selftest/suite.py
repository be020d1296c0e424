# SPDX-License-Identifier: Apache-2.0
"""Running ipc-cts and reading what it says, and proof that it leaves nothing behind."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
SCRATCH_PATTERN = "ipc-cts-*"

# Verdicts that make a run red, apart from BROKEN: a case that did not reach its claim.
RED = frozenset({"FAIL", "CRASH", "TIMEOUT", "EARLY_EXIT", "LEAK"})
GREEN = frozenset({"PASS", "OBSERVED", "SKIP"})

Event = dict[str, Any]


def become_subreaper() -> None:
    """From now on a process that a run leaves behind becomes our child."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def children() -> dict[int, str]:
    """Children of this process that have not ended, with their command lines."""
    found: dict[int, str] = {}
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return found  # there are none; what follows costs more than many a run
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace")
            words = stat.rpartition(")")[2].split()
            if int(words[1]) == os.getpid() and words[0] != "Z":
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry.name)] = line.decode(errors="replace")
        except (OSError, IndexError, ValueError):
            continue  # it has ended meanwhile
    return found


def scratch_directories() -> set[Path]:
    """What runs of this session keep, and nobody else's: conftest.py sets TMPDIR for them."""
    return set(Path(os.environ["TMPDIR"]).glob(SCRATCH_PATTERN))


@dataclass(frozen=True)
class Run:
    """One finished run of ipc-cts."""

    command: list[str]
    exit_code: int
    stdout: str
    stderr: str
    duration_s: float
    events: list[Event] = field(repr=False)

    @property
    def report(self) -> str:
        return self.stdout + self.stderr

    @property
    def log(self) -> str:
        """The event log of a run with --events."""
        return self.command[self.command.index("--events") + 1]

    @cached_property
    def cases(self) -> list[Event]:
        return [event for event in self.events if event["event"] == "case_end"]

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """Verdict of each case; with repetitions the last that was not green."""
        result: dict[str, str] = {}
        for case in self.cases:
            if result.get(case["case"], "PASS") in GREEN:
                result[case["case"]] = case["verdict"]
        return result

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(case["verdict"] for case in self.cases)

    @cached_property
    def start(self) -> Event:
        return next(event for event in self.events if event["event"] == "run_start")

    @cached_property
    def end(self) -> Event:
        return next(event for event in self.events if event["event"] == "run_end")

    def not_green(self) -> list[str]:
        return [
            f"{case['case']} {case['verdict']}: {case['reason']}"
            for case in self.cases
            if case["verdict"] not in GREEN
        ]


class Suite:
    """The ipc-cts of one build tree."""

    def __init__(self, build: Path, work: Path) -> None:
        self.build = build
        self.work = work
        self.program = build / "bin" / "ipc-cts"
        self.reference = build / "lib" / "libkos-ipc.so"
        self.adapter = build / "lib" / "reference-adapter.so"
        self._runs = 0

    def variant(self, name: str) -> Path:
        return self.build / "lib" / "variants" / f"libvariant_{name}.so"

    def call(self, arguments: Sequence[str | Path], limit_s: float = 60) -> Run:
        """Run the program; nothing of it may be left when it has ended."""
        command = [str(self.program), *(str(word) for word in arguments)]
        before_children = children()
        before_scratch = scratch_directories()
        start = time.monotonic()
        process = subprocess.Popen(
            command, cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            stdout, stderr = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self._remove_children(set(before_children))
            raise AssertionError(f"not finished within {limit_s} s: {' '.join(command)}") from None
        run = Run(
            command, process.returncode, stdout.decode(errors="replace"),
            stderr.decode(errors="replace"), time.monotonic() - start, [],
        )  # fmt: skip
        left = self._remove_children(set(before_children))
        assert not left, f"left behind by {' '.join(command)}: {left}"
        kept = scratch_directories() - before_scratch
        assert not kept, f"left behind by {' '.join(command)}: {sorted(map(str, kept))}"
        return run

    def run(
        self,
        ids: Sequence[str] = (),
        sut: Path | None = None,
        adapter: Path | str | None = None,
        options: Sequence[str] = (),
        limit_s: float = 120,
    ) -> Run:
        """`ipc-cts run` with an event log."""
        self._runs += 1
        log = self.work / f"events-{self._runs}.jsonl"
        words: list[str | Path] = ["run", *ids, "--events", log, "--color=never", *options]
        if sut is not None:
            words += ["--sut", sut]
        if adapter is not None:
            words += ["--adapter", adapter]
        run = self.call(words, limit_s)
        if log.is_file():
            with log.open("rb") as lines:
                run.events.extend(json.loads(line) for line in lines)
        self.check_log(run)
        return run

    @staticmethod
    def check_log(run: Run) -> None:
        """What is true of every run: log, exit code and last line say the same."""
        if not run.events:
            assert run.exit_code in (2, 3, 4, 5), run.report
            return
        assert run.end["exit_code"] == run.exit_code
        assert Counter(run.end["verdicts"]) == run.counts
        red = any(verdict not in GREEN | {"INCONCLUSIVE"} for verdict in run.counts)
        capabilities = run.start["capabilities"]
        absent = set(capabilities["claimed"] or ()) - set(capabilities["present"])
        red = red or (bool(absent) and run.exit_code != 2)
        assert red == (run.exit_code == 1), run.report
        if run.exit_code == 0:
            assert run.end["complete"], run.report
        assert {case["case"] for case in run.cases} <= set(run.start["planned"])
        repetitions = [(case["case"], case["rep"]) for case in run.cases]
        assert len(repetitions) == len(set(repetitions)), "a case has ended twice"

    @staticmethod
    def _remove_children(spared: set[int]) -> dict[int, str]:
        left = {pid: line for pid, line in children().items() if pid not in spared}
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except OSError:
                continue
        return left


def listed(suite: Suite, profile: str) -> dict[str, Any]:
    """The cases of an edition as `ipc-cts list` shows them, by id."""
    rows = json.loads(suite.call(["list", "--json", "--profile", profile]).stdout)
    assert rows
    return {row["id"]: row for row in rows}


def names_case(report: str, verdict: str, case: str) -> bool:
    """Does the report for people show the case with its verdict?"""
    return re.search(rf"(?m)^{verdict}\s+{re.escape(case)}\b", report) is not None


def explains(text: str, case: Event, requirement: str) -> bool:
    """Does the explanation name the requirement, mark what broke it, and say how to run it again?"""
    lines = text.splitlines()
    return (
        lines[0].startswith(f"{case['verdict']} {case['case']} ")
        and any(line.startswith(f"  requirement   {requirement} (") for line in lines)
        and any(line.startswith(" >> ") for line in lines)
        and any(line.startswith("  source  ") for line in lines)
        and lines[-3 if lines[-1].startswith("The whole run") else -1].startswith("Run it again: ")
    )


def build_is_complete(build: Path) -> bool:
    wanted = ("bin/ipc-cts", "bin/cts-worker", "lib/libkos-ipc.so", "lib/reference-adapter.so")
    return all((build / name).is_file() for name in wanted)

