# SPDX-License-Identifier: Apache-2.0
"""Compiling C for the self-test: one compiler, reproducible output, nothing built twice."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

SELFTEST = Path(__file__).resolve().parent
REPOSITORY = SELFTEST.parents[1]
SDK_INCLUDE = REPOSITORY / "reference-impl" / "include"

# What the presets give to a library, without the warnings: a defect is allowed to look like one.
CFLAGS: tuple[str, ...] = (
    "-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fPIC", "-fvisibility=hidden", "-pthread", "-w",
)  # fmt: skip


class BuildError(Exception):
    """A tool failed, or something is not as a record says; the text says what."""


def build_directory() -> Path:
    """The build tree under test: CTS_BUILD_DIR, or build/dev, or else build/release."""
    named = os.environ.get("CTS_BUILD_DIR")
    if named:
        return Path(named).resolve()
    trees = [REPOSITORY / "build" / name for name in ("dev", "release")]
    return next((tree for tree in trees if (tree / "bin" / "ipc-cts").is_file()), trees[0])


def output_directory() -> Path:
    """Where the libraries of the self-test go."""
    return build_directory() / "selftest"


def run_tool(command: Sequence[str | Path]) -> str:
    """Output of a tool; BuildError with what it said when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise BuildError(f"{' '.join(str(word) for word in command)}\n{said}")
    return done.stdout


@lru_cache(maxsize=1)
def compiler() -> tuple[str, str]:
    """The C compiler and what it says about itself."""
    for name in ("gcc", "cc", "clang"):
        path = shutil.which(name)
        if path is not None:
            return path, run_tool([path, "--version"])
    raise BuildError("no C compiler found")


def digest(parts: Iterable[str | bytes]) -> str:
    """One digest over texts and contents, their borders included."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    return digest(item for path in sorted(paths) for item in (path.name, path.read_bytes()))


def compile_object(source: Path, target: Path, flags: Sequence[str | Path]) -> None:
    """Compile; the object names no directory of this machine."""
    path, _ = compiler()
    run_tool(
        [path, *CFLAGS, f"-ffile-prefix-map={source.parent}=.", f"-ffile-prefix-map={REPOSITORY}=.",
         *flags, "-c", source, "-o", target]
    )  # fmt: skip


def link_library(objects: Sequence[Path], target: Path, flags: Sequence[str | Path] = ()) -> None:
    """Link; the file appears whole or not at all."""
    path, _ = compiler()
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    run_tool(
        [path, "-shared", "-pthread", "-Wl,--build-id=none", f"-Wl,-soname,{target.name}", *flags,
         "-o", fresh, *objects]
    )  # fmt: skip
    fresh.replace(target)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that build the same thing out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_current(target: Path, key: str) -> bool:
    """Was this file made from what `key` stands for?"""
    note = target.with_name(target.name + ".key")
    return target.is_file() and note.is_file() and note.read_text() == key


def mark_current(target: Path, key: str) -> None:
    target.with_name(target.name + ".key").write_text(key)
