#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Degenerate libraries: what a library does to its caller when it is broken, hostile or absent.

    python3 harness/selftest/degenerate/build.py [NAME...]

Most are the conforming condvar variant with a C file over it that replaces one or two functions;
the others are whole. They go to BUILD/selftest/degenerate/NAME.so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toolchain
from toolchain import BuildError

HERE = Path(__file__).resolve().parent
BASE_SOURCES = sorted((HERE.parent / "variants" / "condvar").glob("*.c"))
FLAGS: tuple[str | Path, ...] = ("-I", toolchain.SDK_INCLUDE, "-fvisibility=default")

CREATE = ("KnIpcCreateSyncObject",)
SET = ("KnIpcSetInterrupt",)
CALLS = ("Call", "CallEx")
RECEIVES = ("Recv", "RecvEx")


@dataclass(frozen=True)
class Degenerate:
    """One library: what it replaces of the variant, and what a run against it has to say."""

    name: str  # NAME.c
    wraps: tuple[str, ...] | None  # functions replaced; None: no variant beneath
    cases: tuple[str, ...]  # ids to run
    verdicts: frozenset[str]  # what the first of them may be; empty: the run cannot start
    says: str = ""  # regular expression for the report
    options: tuple[str, ...] = ()


def _row(
    name: str,
    wraps: tuple[str, ...] | None,
    cases: str,
    verdicts: str,
    says: str = "",
    options: str = "",
) -> Degenerate:
    return Degenerate(
        name, wraps, tuple(cases.split()), frozenset(verdicts.split()), says, tuple(options.split())
    )


LIBRARIES = (
    _row("missing_symbol", ("KnIpcClearInterrupt",), "", "", "KnIpcClearInterrupt"),
    _row("crash_in_constructor", (), "", "", "SIGSEGV"),
    _row("hang_in_constructor", (), "", "", "(?i)load|time|finish", "--timeout-factor 0.3"),
    _row("stops_parent_in_constructor", (), "", "", "killed or stopped", "--timeout-factor 0.1"),
    _row("exit_in_constructor", (), "", "", "(?i)load|exit"),
    _row("always_ok", None, "OBJ-10.1 OBJ-12 CALL-01 RECV-11 XFER-01", "FAIL"),
    _row("always_error", None, "OBJ-01.1 OBJ-05 CALL-01 RECV-01 STATE-01", "FAIL"),
    _row("prints_tap", None, "OBJ-10.1 OBJ-11 CALL-01 RECV-01", "FAIL"),
    _row("crash_in_set", SET, "OBJ-05.1 CALL-01.1 STATE-01.1", "CRASH", "SIGSEGV"),
    _row("kill_in_set", SET, "OBJ-05.1 CALL-01.1", "CRASH", "SIGKILL"),
    _row("kills_parent", SET, "OBJ-05.1 CALL-01.1 OBJ-01.1", "CRASH", "SIGKILL"),
    _row("stops_parent", SET, "OBJ-05.1", "CRASH", "killed or stopped", "--timeout-factor 0.1"),
    _row("stop_in_set", SET, "OBJ-05.1", "FAIL TIMEOUT CRASH", "", "--timeout-factor 0.2"),
    _row("pthread_exit_in_set", SET, "OBJ-05.1", "FAIL TIMEOUT CRASH", "", "--timeout-factor 0.3"),
    _row("longjmp_in_set", (*SET, *CREATE), "OBJ-05.1", "FAIL CRASH TIMEOUT LEAK EARLY_EXIT", "",
         "--timeout-factor 0.3"),
    _row("hostile_output_in_set", SET, "OBJ-05.1 OBJ-07.1 CALL-01.1", "FAIL"),
    _row("loop_in_create", CREATE, "OBJ-01.1", "FAIL TIMEOUT", "", "--timeout-factor 0.3"),
    _row("closes_descriptors", CREATE, "OBJ-01.1 OBJ-05.1 CALL-01.1", "FAIL CRASH EARLY_EXIT LEAK"),
    _row("forks_child", CREATE, "OBJ-01.1 OBJ-05.1", "LEAK"),
    _row("forks_grandchild", CREATE, "OBJ-01.1 OBJ-05.1", "LEAK"),
    _row("ten_megabytes", CREATE, "OBJ-01.1 OBJ-05.1", "LEAK", "8 MiB"),
    _row("allocates", CREATE, "OBJ-01.1", "FAIL CRASH LEAK TIMEOUT", "", "--jobs 1"),
    _row("hang_in_recv", RECEIVES, "RECV-01.2", "FAIL TIMEOUT", "", "--timeout-factor 0.3"),
    _row("exit_in_call", CALLS, "CALL-06.1 CALL-01.1", "EARLY_EXIT"),
    _row("underscore_exit_in_call_ex", CALLS, "CALL-01.1 RECV-02.1", "EARLY_EXIT"),
    _row("quick_exit_in_call_ex", CALLS, "CALL-01.1 RECV-02.1", "EARLY_EXIT"),
    _row("fork_returns_twice", CALLS, "CALL-01.1", "FAIL CRASH TIMEOUT EARLY_EXIT LEAK BROKEN", "",
         "--timeout-factor 0.3"),
)  # fmt: skip


# Not in the table: conforming otherwise, so that its verdicts are those of the variant.
TERMINATES_PARENT = Degenerate(
    "terminates_parent", SET, ("OBJ-05.1", "CALL-01.1"), frozenset({"PASS"})
)


class Builder:
    """Builds the libraries into `out`. Several processes may do so at the same time."""

    def __init__(self, out: Path | None = None) -> None:
        self.out = out if out is not None else toolchain.output_directory() / "degenerate"

    @cached_property
    def key(self) -> str:
        inputs = [*BASE_SOURCES, *BASE_SOURCES[0].parent.glob("*.h"), *HERE.glob("*.[ch]")]
        return toolchain.digest(
            [toolchain.compiler()[1], Path(__file__).read_bytes(),
             Path(toolchain.__file__).read_bytes(), toolchain.digest_files(inputs)]
        )  # fmt: skip

    def _base(self) -> list[Path]:
        if not BASE_SOURCES:
            raise BuildError("the condvar variant has no sources")
        objects = [self.out / "objects" / f"{source.stem}.o" for source in BASE_SOURCES]
        with toolchain.locked(self.out / "lock"):
            stamp = self.out / "objects" / "all"
            if not toolchain.is_current(stamp, self.key):
                stamp.parent.mkdir(exist_ok=True)
                for source, target in zip(BASE_SOURCES, objects):
                    toolchain.compile_object(source, target, FLAGS)
                stamp.touch()
                toolchain.mark_current(stamp, self.key)
        return objects

    def build(self, library: Degenerate) -> Path:
        target = self.out / f"{library.name}.so"
        with toolchain.locked(self.out / f"{library.name}.lock"):
            if not toolchain.is_current(target, self.key):
                with tempfile.TemporaryDirectory(prefix="layer-", dir=self.out) as directory:
                    self._link(library, target, Path(directory))
                toolchain.mark_current(target, self.key)
        return target

    def _link(self, library: Degenerate, target: Path, work: Path) -> None:
        layer = work / "layer.o"
        toolchain.compile_object(HERE / f"{library.name}.c", layer, FLAGS)
        objects = [layer]
        if library.wraps is not None:
            words = [
                word
                for symbol in library.wraps
                for word in ("--redefine-sym", f"{symbol}=real_{symbol}")
            ]
            for path in self._base():
                renamed = work / path.name
                toolchain.run_tool(["objcopy", *words, path, renamed])
                objects.append(renamed)
        toolchain.link_library(objects, target)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the degenerate libraries.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - {library.name for library in LIBRARIES}
    if unknown:
        parser.error(f"unknown libraries: {', '.join(sorted(unknown))}")
    builder = Builder()
    for library in LIBRARIES:
        if not options.names or library.name in options.names:
            print(builder.build(library))
    return 0


if __name__ == "__main__":
    sys.exit(main())
