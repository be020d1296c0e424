#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Blind libraries: right ones and their faults, written from the requirement list alone.

    python3 harness/selftest/blind/build.py [NAME|FAULT...]

They go to BUILD/selftest/blind/NAME.so and fault-ID.so, the adapters to adapter-LETTER.so.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toolchain
from toolchain import BuildError

HERE = Path(__file__).resolve().parent
RECORDS = HERE / "faults.yaml"
# What is tested is not speed, and there are a hundred to compile.
FLAGS: tuple[str | Path, ...] = (
    "-I", toolchain.SDK_INCLUDE, "-I", toolchain.REPOSITORY / "harness" / "include",
    "-fvisibility=default", "-O0", "-g0",
)  # fmt: skip

# Source and options of the adapter. Processes are handle tables inside one, but for those of H, which are real.
ADAPTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "b": ("adapter_b.c", ()),
    "d": ("adapter_tables.c", ('PREFIX="libd_"', "FIRST_PROCESS=1")),
    "e": ("adapter_tables.c", ('PREFIX="e1_"', "FIRST_PROCESS=0x00c0de01u")),
    "f": ("adapter_tables.c", ('PREFIX="e2_"', "FIRST_PROCESS=0")),
    "g": ("adapter_tables.c", ('PREFIX="g1_"', "FIRST_PROCESS=0x67")),
    "h": ("adapter_h.c", ()),
    "i": ("adapter_tables.c", ('PREFIX="i1_"', "FIRST_PROCESS=1")),
}


def letter(source: str) -> str:
    return source.removeprefix("library_").removesuffix(".c")


@dataclass(frozen=True)
class Library:
    """A right library: a source and what it chooses where the documents leave a choice."""

    name: str
    source: str
    what: str
    options: tuple[str, ...] = ()
    adapter: bool = False

    @property
    def library(self) -> str:
        return letter(self.source)


@dataclass(frozen=True)
class Fault:
    """One fault of one of the sources."""

    id: int
    library: str  # a to i
    requirement: str
    what: str
    also: tuple[str, ...] = ()  # requirements that the same deed breaks
    adapter: bool = False
    silent: str = ""  # why no requirement forbids it: its cases stay green
    missed: str = ""  # why its cases stay green although one does
    elsewhere: str = ""  # the requirement whose cases find it, where that is another
    soak: bool = False  # only a long search finds it
    by_chance: str = ""  # how often, where not even that is sure to
    slow: bool = False  # judged in the slow tests only
    refused: int = 0  # exit code of a run that cannot start with it

    @property
    def name(self) -> str:
        return f"fault-{self.id}"


@dataclass(frozen=True)
class Records:
    libraries: tuple[Library, ...]
    faults: tuple[Fault, ...] = field(repr=False)


def _record(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def load() -> Records:
    data = yaml.safe_load(RECORDS.read_text(encoding="utf-8"))
    return Records(
        tuple(Library(**_record(row)) for row in data["libraries"]),
        tuple(Fault(**_record(row)) for row in data["faults"]),
    )


class Builder:
    """Compiles into one directory; what is current stays."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _inputs(self) -> str:
        files = [*HERE.glob("*.[ch]"), *toolchain.SDK_INCLUDE.rglob("*.h")]
        return toolchain.digest([toolchain.digest_files(files), toolchain.compiler()[1]])

    def _build(
        self, name: str, sources: Sequence[str], options: Sequence[str], objects: Sequence[Path] = ()
    ) -> Path:
        """A library of these sources, compiled with the options, and of objects that are there already."""
        target = self.directory / f"{name}.so"
        key = toolchain.digest([self._inputs, *sources, *options, *map(str, FLAGS)])
        with toolchain.locked(self.directory / f".{name}.lock"):
            if toolchain.is_current(target, key):
                return target
            fresh = []
            for source in sources:
                fresh.append(self.directory / f"{name}-{source}.o")
                flags = [*FLAGS, *(f"-D{option}" for option in options)]
                toolchain.compile_object(HERE / source, fresh[-1], flags)
            toolchain.link_library([*fresh, *objects], target)
            for item in fresh:
                item.unlink()
            toolchain.mark_current(target, key)
        return target

    def _switchable(self, source: str) -> Path:
        """The object of a source that asks the library it is linked into for the number of its fault."""
        target = self.directory / f"{source}.o"
        with toolchain.locked(self.directory / f".{source}.lock"):
            if not toolchain.is_current(target, self._inputs):
                toolchain.compile_object(HERE / source, target, [*FLAGS, "-DFAULT=blind_fault"])
                toolchain.mark_current(target, self._inputs)
        return target

    @staticmethod
    def _sources(source: str) -> tuple[str, ...]:
        """With the binding of messages to headers, unless the library has its own."""
        text = (HERE / source).read_text(encoding="utf-8")
        return (source,) if "PackInMsg(" in text else (source, "packing.c")

    def library(self, library: Library) -> Path:
        return self._build(library.name, self._sources(library.source), library.options)

    def fault(self, fault: Fault) -> Path:
        """Compiling a source for each of its faults is most of the time that their test takes, so its
        object is shared; a fault that the preprocessor looks at needs one of its own."""
        source = f"library_{fault.library}.c"
        options = (f"FAULT={fault.id}",)
        text = (HERE / source).read_text(encoding="utf-8")
        if re.search(rf"^#\s*(if|elif)\b.*\bFAULT(Y\(| == ){fault.id}\b", text, re.MULTILINE):
            return self._build(fault.name, self._sources(source), options)
        shared = [self._switchable(name) for name in self._sources(source)]
        return self._build(fault.name, ("fault.c",), options, shared)

    def adapter(self, record: Library | Fault) -> Path:
        source, options = ADAPTERS[record.library]
        return self._build(f"adapter-{record.library}", (source,), options)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME|FAULT")
    wanted = set(parser.parse_args().names)
    builder = Builder(toolchain.output_directory() / "blind")
    records = load()
    try:
        chosen = [library for library in records.libraries if not wanted or library.name in wanted]
        faults = [fault for fault in records.faults if not wanted or str(fault.id) in wanted]
        for record in (*chosen, *faults):
            if record.adapter:
                print(builder.adapter(record))
        for library in chosen:
            print(builder.library(library))
        for fault in faults:
            print(builder.fault(fault))
    except BuildError as error:
        print(f"blind/build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
