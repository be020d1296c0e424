# SPDX-License-Identifier: Apache-2.0
"""From the counters that gcov's runtime wrote for each case to events in the log.

`ipc-cts run --coverage` lets every case write into a directory of its own, DATA/CASE/REPETITION,
under which the paths of the object files are repeated. Which of them belong to the library is known
from the library itself, which holds the names of its counter files. The notes (`.gcno`) lie where
the objects were compiled.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctsreport.coverage import CoverageError

GCOV = "gcov"
JOBS_MAX = 8
SYSTEM = ("/usr/include/", "/usr/lib/", "/usr/local/include/")
# How gcc names a counter file in the object that writes it.
COUNTERS = re.compile(rb"(/[^\0\n]{1,4000}?)\.gcda\0")

Record = dict[str, Any]


def _times(count: object) -> int:
    return max(0, int(str(count)))


@dataclass
class File:
    """What gcov says of one source file, of all objects together. Threads that count without
    -fprofile-update=atomic can make it say less than zero, which is none."""

    lines: dict[int, int] = field(default_factory=dict)
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)  # first line, times
    branches: dict[int, list[int]] = field(default_factory=dict)

    def add(self, told: Record) -> None:
        for function in told["functions"]:
            name, first = str(function["name"]), int(function["start_line"])
            times = self.functions.get(name, (first, 0))[1] + _times(function["execution_count"])
            self.functions[name] = (first, times)
        for line in told["lines"]:
            number = int(line["line_number"])
            self.lines[number] = self.lines.get(number, 0) + _times(line["count"])
            ways = [_times(way["count"]) for way in line["branches"]]
            known = self.branches.get(number, [])
            if ways and len(known) == len(ways):  # the same inline function in another object
                self.branches[number] = [a + b for a, b in zip(known, ways)]
            elif ways and not known:
                self.branches[number] = ways


def objects_of(library: bytes) -> list[Path]:
    """The objects of the library, without the ending, as they were compiled."""
    names = dict.fromkeys(match[1] for match in COUNTERS.finditer(library))
    return [Path(os.fsdecode(name)) for name in names]


def _notes(stem: Path) -> Path:
    return stem.with_name(stem.name + ".gcno")


def ask_gcov(directory: Path, files: Sequence[Path]) -> dict[str, File]:
    """By the absolute path of the source file. The notes lie beside `files`."""
    command = [GCOV, "--json-format", "--branch-probabilities", "--stdout", *map(str, files)]
    try:
        answer = subprocess.run(
            command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise CoverageError("the gcov command is missing; install gcc") from None
    found: dict[str, File] = {}
    complaint = answer.stderr.decode("utf-8", "replace").strip().splitlines()
    try:
        told = [json.loads(line) for line in answer.stdout.splitlines() if line.strip()]
    except ValueError:
        told = []
    version = next((line for line in complaint if "version" in line), None)
    if version is not None or (answer.returncode != 0 and not told):
        why = version or (complaint[0] if complaint else "gcov says nothing")
        raise CoverageError(f"gcov cannot read what the library wrote: {why}; it has to be of the "
                            "compiler that built the library")  # fmt: skip
    for one in told:
        for file in one["files"]:
            path = os.path.normpath(Path(one["current_working_directory"]) / file["file"])
            if not path.startswith(SYSTEM):
                found.setdefault(path, File()).add(file)
    return found


def baseline(stems: Iterable[Path]) -> dict[str, File]:
    """What there is to be reached."""
    with tempfile.TemporaryDirectory(prefix="ipc-cts-gcov-") as name:
        links = []
        for number, stem in enumerate(stems):
            notes = _notes(stem)
            if not notes.is_file():
                raise CoverageError(
                    f"{notes} is missing: coverage needs the library where it was built"
                )
            links.append(Path(name) / f"{number}.gcno")
            links[-1].symlink_to(notes)
        return ask_gcov(Path(name), links)


def of_execution(directory: Path, stems: Iterable[Path]) -> dict[str, File]:
    """What one execution reached; empty when it left no counters of the library."""
    written = []
    for stem in stems:
        counters = Path(f"{directory}{stem}.gcda")
        if counters.is_file():
            beside = counters.with_suffix(".gcno")
            if not beside.exists():
                beside.symlink_to(_notes(stem))
            written.append(counters)
    return ask_gcov(directory, written) if written else {}


def _root(paths: Iterable[str]) -> str:
    return os.path.commonpath([os.path.dirname(path) for path in paths])


def source_event(root: str, path: str, file: File) -> Record:
    return {
        "event": "source",
        "file": os.path.relpath(path, root),
        "directory": root,
        "lines": sorted(file.lines),
        "functions": [[name, first] for name, (first, _) in sorted(file.functions.items())],
        "branches": [[line, len(ways)] for line, ways in sorted(file.branches.items())],
    }


def coverage_event(root: str, case: str, rep: int, path: str, file: File) -> Record | None:
    """None when nothing of the file was reached."""
    lines = [[line, count] for line, count in sorted(file.lines.items()) if count > 0]
    if not lines:
        return None
    return {
        "event": "coverage",
        "case": case,
        "rep": rep,
        "file": os.path.relpath(path, root),
        "lines": lines,
        "functions": [[name, n] for name, (_, n) in sorted(file.functions.items()) if n > 0],
        "branches": [[line, ways] for line, ways in sorted(file.branches.items())
                     if file.lines.get(line, 0) > 0],
    }  # fmt: skip


def executions(data: Path) -> Iterator[tuple[str, int, Path]]:
    for case in sorted(data.iterdir()) if data.is_dir() else ():
        for rep in sorted(case.iterdir()):
            yield case.name, int(rep.name), rep


def collect(data: Path, library: Path) -> tuple[list[Record], dict[tuple[str, int], list[Record]]]:
    """The events of the library, and those of each execution."""
    stems = objects_of(library.read_bytes())
    if not stems:
        raise CoverageError(f"{library} has no counters; build it by gcc --coverage")
    there = baseline(stems)
    if not there:
        raise CoverageError(f"gcov knows no line of {library}")
    root = _root(there)
    told: dict[tuple[str, int], list[Record]] = {}
    with ThreadPoolExecutor(min(JOBS_MAX, os.cpu_count() or 1)) as pool:
        todo = list(executions(data))
        for (case, rep, _), found in zip(
            todo, pool.map(lambda one: of_execution(one[2], stems), todo)
        ):
            records = (
                coverage_event(root, case, rep, path, file)
                for path, file in sorted(found.items())
                if path in there
            )
            told[case, rep] = [record for record in records if record is not None]
    return [source_event(root, path, there[path]) for path in sorted(there)], told


def _encoded(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for record in records:
        yield json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def with_coverage(
    log: Iterable[bytes],
    library: Sequence[Record],
    told: Mapping[tuple[str, int], Sequence[Record]],
) -> Iterator[bytes]:
    """The lines of the log, with those of the library before the first case, and those of an
    execution after its start."""
    written = False
    for line in log:
        start = line.startswith(b'{"event":"case_start"')
        if not written and (start or line.startswith(b'{"event":"run_end"')):
            written = True
            yield from _encoded(library)
        yield line
        if start:
            record = json.loads(line.decode("utf-8", "replace"))
            yield from _encoded(told.get((record["case"], record["rep"]), ()))


def add_to_log(log: Path, data: Path, library: Path) -> None:
    """Rewrites the log as a whole; when anything fails it stays as it was."""
    if not log.is_file():
        raise CoverageError(f"{log} is no plain file, so coverage cannot be added to it")
    there, told = collect(data, library)
    with tempfile.NamedTemporaryFile(dir=log.parent, prefix=f".{log.name}.", delete=False) as new:
        try:
            with log.open("rb") as lines:
                new.writelines(with_coverage(lines, there, told))
            new.flush()
            os.chmod(new.name, log.stat().st_mode & 0o777)
            os.replace(new.name, log)
        except BaseException:
            os.unlink(new.name)
            raise
