# SPDX-License-Identifier: Apache-2.0
"""Is a faulty library found? Runs of ipc-cts for the kill matrix, and what earlier runs said."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import toolchain
from suite import RED

# A run that does not end is ended; the program itself ends every case long before.
RUN_LIMIT_S = 600
# What decides about verdicts; a change there makes earlier results mere hints.
SUITE_SOURCES = (
    "conformance/cases", "conformance/model", "conformance/requirements", "harness/src",
    "harness/include", "harness/adapters",
)  # fmt: skip


@lru_cache(maxsize=1)
def suite_digest() -> str:
    """Names the suite: cases, model, harness. Not the build directory."""
    files = (
        path
        for name in SUITE_SOURCES
        for path in (toolchain.REPOSITORY / name).rglob("*")
        if path.suffix in (".c", ".h", ".yaml") and "tests" not in path.parts
    )
    parts: list[str | bytes] = []
    for path in sorted(files):
        parts += [str(path.relative_to(toolchain.REPOSITORY)), path.read_bytes()]
    return toolchain.digest(parts)


@dataclass(frozen=True)
class Outcome:
    """What a run of some cases said."""

    verdicts: tuple[tuple[str, str], ...]  # case and verdict, in order of completion
    exit_code: int | None  # None: the program itself did not end

    @property
    def killers(self) -> list[tuple[str, str]]:
        return [row for row in self.verdicts if row[1] in RED]

    @property
    def broken(self) -> list[tuple[str, str]]:
        return [row for row in self.verdicts if row[1] == "BROKEN"]


class Judge:
    """Runs cases of one build tree against a library."""

    def __init__(self, build: Path, factor: str = "1", jobs: int = 2) -> None:
        self.program = build / "bin" / "ipc-cts"
        self.options = ["--timeout-factor", factor, "--jobs", str(jobs), "--color=never", "-q"]
        if not self.program.is_file():
            raise toolchain.BuildError(f"{self.program} is not there: build first")
        listed = toolchain.run_tool([self.program, "list", "--json"])
        self.cases = frozenset(str(row["id"]) for row in json.loads(listed))

    def known(self, ids: Iterable[str]) -> list[str]:
        """Those of the cases that this build has."""
        return [case for case in ids if case in self.cases]

    def run(
        self,
        library: Path,
        ids: Sequence[str] = (),
        adapter: str | Path = "reference",
        options: Sequence[str] = ("--stop-on-fail",),
    ) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="judge-") as directory:
            log = Path(directory) / "events.jsonl"
            command: list[str | Path] = [self.program, "run", *ids, "--sut", library]
            if adapter:
                command += ["--adapter", adapter]
            command += ["--events", log, *self.options, *options]
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            try:
                _, said = process.communicate(timeout=RUN_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.communicate()
                return Outcome((), None)
            if process.returncode in (3, 4, 5) or not log.is_file():
                text = said.decode(errors="replace").strip()
                raise toolchain.BuildError(f"{' '.join(map(str, command))}\n{text}")
            return Outcome(tuple(_verdicts(log)), process.returncode)


def _verdicts(log: Path) -> Iterable[tuple[str, str]]:
    with log.open("rb") as lines:
        for line in lines:
            if b'"case_end"' in line:
                event = json.loads(line)
                if event["event"] == "case_end":
                    yield event["case"], event["verdict"]


class Results:
    """Records by key in a file of JSON lines; the last of a key counts. Several threads may add."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, Any]] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # the run that wrote it was ended in the middle of the line
                self._rows[row["key"]] = row

    def get(self, key: str) -> Mapping[str, Any] | None:
        return self._rows.get(key)

    def add(self, key: str, **row: Any) -> Mapping[str, Any]:
        full = {"key": key, **row}
        with self._lock:
            self._rows[key] = full
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(full, sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
        return full

    def rows(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._rows.values())
