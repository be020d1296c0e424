# SPDX-License-Identifier: Apache-2.0
"""Generated mutants: the reference with one small change each, where an operator applies.

Each is compiled with -O2 and without assertions, so that none is found by the reference's own
checks of itself. One whose object code equals the reference's is equivalent; of those with equal
object code the first stays.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import toolchain
from generated import operators
from judge import Results
from toolchain import BuildError

REFERENCE = toolchain.REPOSITORY / "reference-impl"
SOURCES = REFERENCE / "src"
INCLUDES: tuple[str | Path, ...] = ("-I", REFERENCE / "include", "-I", SOURCES)
FLAGS: tuple[str | Path, ...] = (*INCLUDES, "-O2", "-g0", "-DNDEBUG")
LINK_FLAGS = ("-Wl,-z,nodelete",)
# The decisions and the state machine. The other files serve tests (alloc, control), or what a case
# needs before it begins and the requirement list does not speak of (connections, packing).
FILES = (
    "channel.c", "clock.c", "decisions.c", "entry_ipc.c", "handle_table.c", "message.c", "object.c",
    "process.c", "rendezvous.c", "sync_object.c", "thread.c", "waiter.c",
)  # fmt: skip
# Of these files, what no case sees: counting for tests, the tree of copies that only Revoke uses,
# how long a thread spins before it sleeps, and what adapters alone use.
FUNCTIONS_LEFT_OUT = frozenset(
    {"count_once_locked", "count_unnamed_servers_locked", "ref_object_live_count_locked",
     "ref_process_object_count_locked", "ref_request_orphan_count_locked",
     "ref_handle_revoke_locked", "link_child_locked", "unlink_child_locked", "leave_tree_locked",
     "spin_until_released", "is_denied_locked", "ref_set_security_hook_locked",
     "ref_process_create_locked"}
)  # fmt: skip
# Lines that the reference itself says are never reached.
NEVER_REACHED = "LCOV_EXCL_LINE"


@dataclass(frozen=True)
class Mutant:
    """One change. The id stays the same while the lines around it move."""

    id: str
    operator: str
    kind: str
    file: str
    function: str
    line: int
    before: str
    after: str
    edits: tuple[operators.Edit, ...]


def _lines(data: bytes, start: int, end: int) -> str:
    """The lines that hold these bytes, with single blanks."""
    first = data.rfind(b"\n", 0, start) + 1
    last = data.find(b"\n", end)
    return " ".join(data[first : len(data) if last < 0 else last].decode().split())


def _texts(source: operators.Source, site: operators.Site) -> tuple[str, str]:
    data = source.data
    start = min(edit.start for edit in site.edits)
    end = max(edit.end for edit in site.edits)
    changed = operators.apply(source.text, site.edits).encode()
    return _lines(data, start, end), _lines(changed, start, end + len(changed) - len(data))


def of_file(path: Path) -> list[Mutant]:
    """All mutants of one file."""
    flags = ["-std=c11", "-D_GNU_SOURCE", "-DNDEBUG", *(str(word) for word in INCLUDES)]
    source = operators.parse(path, flags)
    found: list[Mutant] = []
    counts: dict[str, int] = {}
    for site in operators.sites(source):
        before, after = _texts(source, site)
        if site.function in FUNCTIONS_LEFT_OUT or NEVER_REACHED in before:
            continue
        stem = f"{path.stem}:{site.function}:{site.operator}"
        same = toolchain.digest([stem, before, after])
        counts[same] = counts.get(same, 0) + 1
        tail = same[:8] if counts[same] == 1 else f"{same[:8]}.{counts[same]}"
        found.append(
            Mutant(f"{stem}:{tail}", site.operator, site.kind, path.name, site.function, site.line,
                   before, after, site.edits)
        )  # fmt: skip
    return found


def all_mutants() -> list[Mutant]:
    """Of all files, in order of file and place."""
    return [mutant for name in FILES for mutant in of_file(SOURCES / name)]


def in_sample_order(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """An order that looks random: a larger sample of the same seed contains every smaller one."""
    return sorted(mutants, key=lambda mutant: toolchain.digest([str(seed), mutant.id]))


class Builder:
    """Compiles mutants. Several threads may use one."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.objects = out / "objects"
        self.codes = Results(out / "codes.jsonl")
        self._lock = threading.Lock()

    @cached_property
    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in SOURCES.glob("*.[ch]")}

    @cached_property
    def headers_key(self) -> str:
        """What every object depends on besides its own source."""
        return toolchain.digest(
            [toolchain.compiler()[1], " ".join(toolchain.CFLAGS), " ".join(map(str, FLAGS[4:])),
             toolchain.digest_files((REFERENCE / "include").rglob("*.h")),
             toolchain.digest_files(SOURCES.glob("*.h"))]
        )  # fmt: skip

    @cached_property
    def base_key(self) -> str:
        """The whole unchanged library."""
        texts = (part for item in sorted(self.texts.items()) for part in item)
        return toolchain.digest([self.headers_key, *texts])

    def _compile(self, name: str, text: str, target: Path) -> str:
        """Compile a text as the file NAME; the digest of the object."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
            source = Path(directory) / name
            source.write_text(text, encoding="utf-8")
            toolchain.compile_object(source, target, FLAGS)
        return toolchain.digest([target.read_bytes()])

    def base_objects(self) -> dict[str, Path]:
        """The unchanged objects by source file name."""
        names = sorted(name for name in self.texts if name.endswith(".c"))
        with self._lock, toolchain.locked(self.out / "lock"):
            stamp = self.objects / "all"
            if not toolchain.is_current(stamp, self.base_key):
                self.objects.mkdir(parents=True, exist_ok=True)
                for name in names:
                    self._compile(name, self.texts[name], self.objects / f"{Path(name).stem}.o")
                stamp.touch()
                toolchain.mark_current(stamp, self.base_key)
        return {name: self.objects / f"{Path(name).stem}.o" for name in names}

    def text(self, mutant: Mutant) -> str:
        return operators.apply(self.texts[mutant.file], mutant.edits)

    def code(self, mutant: Mutant) -> str:
        """Digest of the object code; the empty text when it does not compile."""
        text = self.text(mutant)
        key = toolchain.digest([self.headers_key, mutant.file, text])
        known = self.codes.get(key)
        if known is None:
            with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
                try:
                    code = self._compile(mutant.file, text, Path(directory) / "mutant.o")
                except BuildError:
                    code = ""
            known = self.codes.add(key, code=code)
        return str(known["code"])

    def base_code(self, name: str) -> str:
        return toolchain.digest([self.base_objects()[name].read_bytes()])

    def link(self, mutant: Mutant | None, target: Path) -> None:
        """Write the library of a mutant; the unchanged library for None."""
        objects = dict(self.base_objects())
        with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
            if mutant is not None:
                objects[mutant.file] = Path(directory) / "mutant.o"
                self._compile(mutant.file, self.text(mutant), objects[mutant.file])
            toolchain.link_library(list(objects.values()), target, LINK_FLAGS)


@dataclass(frozen=True)
class Sieve:
    """What is left of the proposed mutants, and why the others are not."""

    kept: tuple[Mutant, ...]
    possible: int  # changes in all
    proposed: int  # looked at
    uncompilable: int
    equivalent: int  # the compiler says so
    duplicates: int


def sift(builder: Builder, mutants: Sequence[Mutant], most: int | None, jobs: int) -> Sieve:
    """Compile in the given order until `most` are left."""
    kept: list[Mutant] = []
    seen: set[tuple[str, str]] = set()
    counts = {"proposed": 0, "uncompilable": 0, "equivalent": 0, "duplicates": 0}
    builder.base_objects()
    with ThreadPoolExecutor(jobs) as pool:
        at = 0
        while at < len(mutants) and (most is None or len(kept) < most):
            batch = mutants[at : at + 16 * jobs]
            at += len(batch)
            for mutant, code in zip(batch, pool.map(builder.code, batch)):
                if most is not None and len(kept) == most:
                    break
                counts["proposed"] += 1
                if code == "":
                    counts["uncompilable"] += 1
                elif code == builder.base_code(mutant.file):
                    counts["equivalent"] += 1
                elif (mutant.file, code) in seen:
                    counts["duplicates"] += 1
                else:
                    seen.add((mutant.file, code))
                    kept.append(mutant)
    return Sieve(tuple(kept), len(mutants), **counts)
