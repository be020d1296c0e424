#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The worker for a library with other headers: `ipc-cts ... --sysroot DIR` calls this.

DIR/include holds the headers, DIR/lib/libkos-ipc.so or libkos-ipc.a the library, and the optional
DIR/ipc-cts.json says how to compile for the target. The worker is built once for each digest of
headers, static library, compiler, flags and sources of the suite, and kept in the cache directory:
IPCTS_CACHE_DIR, or XDG_CACHE_HOME/ipc-cts, or ~/.cache/ipc-cts. So are its objects, since all but one
are the same for each library with these headers: a changed static library asks for little more than a link.

Prints one JSON object. Exit 0: {"worker", "library", "adapter" or null, "include", "built"}.
Exit 4: {"error": one line}. The compiler's whole output is kept in the cache then.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

# The tree with the sources of the worker, in a checkout as in an installation.
SOURCES = Path(__file__).resolve().parents[2]
# What the worker is made from, below SOURCES.
WORKER_SOURCES = (
    "CMakeLists.txt", "ci/cmake", "conformance/CMakeLists.txt", "conformance/cases",
    "conformance/model", "harness/include", "harness/src/worker", "harness/adapters/reference",
)  # fmt: skip
DESCRIPTION = "ipc-cts.json"
LIBRARIES = ("libkos-ipc.so", "libkos-ipc.a")
ADAPTER = "reference-adapter.so"
ARCHIVE_MAGIC = b"!<arch>\n"
KEPT_WORKERS = 16  # the ones used last
KEPT_OBJECTS = 4  # a tree of them is larger than a worker
UNFINISHED = "unfinished"  # in a tree whose last build has not ended well
FIRST_ERROR = re.compile(r"\b(?:fatal )?error: |undefined reference to|cannot find -l|: command not found")
MESSAGE_MAX = 400


class SysrootError(Exception):
    """What is wrong, as one line."""


class BuildFailed(SysrootError):
    """A build that has ended by itself: what it compiled is whole."""


@dataclass(frozen=True)
class Compiler:
    """How to compile for the target."""

    cc: str
    cxx: str
    cflags: list[str] = field(default_factory=list)
    ldflags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sysroot:
    root: Path
    include: Path
    library: Path
    compiler: Compiler

    @property
    def linked(self) -> bool:
        """A static library: it becomes part of the worker."""
        with self.library.open("rb") as file:
            return file.read(len(ARCHIVE_MAGIC)) == ARCHIVE_MAGIC


def words_of(value: object, key: str) -> list[str]:
    if isinstance(value, str):
        return shlex.split(value)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return list(value)
    raise SysrootError(f"{DESCRIPTION}: {key} is neither a string nor a list of strings")


def read_description(root: Path) -> dict[str, object]:
    path = root / DESCRIPTION
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SysrootError(f"{DESCRIPTION} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise SysrootError(f"{DESCRIPTION} is not an object")
    unknown = sorted(set(content) - {"cc", "cxx", "cflags", "ldflags"})
    if unknown:
        raise SysrootError(
            f"{DESCRIPTION} has an unknown member {unknown[0]}; known are cc, cxx, cflags, ldflags"
        )
    return content


def find_compiler(description: dict[str, object], cc: str | None, default: str) -> Compiler:
    """--cc, then the description, then CC, then the compiler that built ipc-cts."""
    named = words_of(description.get("cc", ""), "cc")
    words = shlex.split(cc) if cc else named or shlex.split(os.environ.get("CC", "")) or [default]
    program = shutil.which(words[0])
    if program is None:
        raise SysrootError(f"there is no compiler {words[0]}")
    cxx = words_of(description.get("cxx", "c++"), "cxx")
    return Compiler(
        program, cxx[0] if cxx else "c++", words[1:] + words_of(description.get("cflags", []), "cflags"),
        words_of(description.get("ldflags", []), "ldflags"),
    )  # fmt: skip


def open_sysroot(options: argparse.Namespace) -> Sysroot:
    root = Path(options.sysroot)
    if not root.is_dir():
        raise SysrootError("is not a directory" if root.exists() else "does not exist")
    root = root.resolve()
    include = root / "include"
    if not (include / "coresrv" / "ipc" / "ipc_api.h").is_file():
        raise SysrootError("has no include/coresrv/ipc/ipc_api.h")
    if options.sut:
        library = Path(options.sut).resolve()
    else:
        found = [root / "lib" / name for name in LIBRARIES if (root / "lib" / name).is_file()]
        if not found:
            raise SysrootError("has neither lib/libkos-ipc.so nor lib/libkos-ipc.a; --sut names another")
        library = found[0]
    if not library.is_file():
        raise SysrootError(f"library {options.sut} is not a file")
    return Sysroot(root, include, library, find_compiler(read_description(root), options.cc, options.default_cc))


def add_files(total: hashlib._Hash, root: Path, path: Path) -> None:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        for part in (file.relative_to(root).as_posix().encode(), file.read_bytes()):
            total.update(len(part).to_bytes(8, "little"))
            total.update(part)


def generator() -> list[str]:
    return ["-G", "Ninja"] if shutil.which("ninja") else []


def digest_of_objects(sysroot: Sysroot) -> str:
    """Of everything that the objects of worker and adapter depend on."""
    total = hashlib.sha256()
    compiler = sysroot.compiler
    version = subprocess.run(
        [compiler.cc, "--version"], capture_output=True, text=True, errors="replace", check=False
    ).stdout
    settings = [
        str(SOURCES), str(sysroot.include), compiler.cc, compiler.cxx, version, *compiler.cflags,
        "--", *compiler.ldflags, "--", *generator(),
    ]  # fmt: skip
    total.update(json.dumps(settings).encode())
    add_files(total, sysroot.root, sysroot.include)
    for name in WORKER_SOURCES:
        add_files(total, SOURCES, SOURCES / name)
    for library in sorted((sysroot.root / "lib").glob("libcheck*.a")):
        add_files(total, sysroot.root, library)
    return total.hexdigest()


def digest(sysroot: Sysroot, objects: str, with_adapter: bool) -> str:
    """Of everything that the worker depends on. A shared library is not among it: it is loaded."""
    total = hashlib.sha256(f"{objects} {with_adapter} {sysroot.linked}".encode())
    if sysroot.linked:
        total.update(sysroot.library.read_bytes())
    return total.hexdigest()


def cache_directory() -> Path:
    named = os.environ.get("IPCTS_CACHE_DIR")
    if named:
        return Path(named).resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ipc-cts"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another run that builds the same tree is waited for."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_open_at(file.fileno(), path):
                yield
                return


def is_open_at(descriptor: int, path: Path) -> bool:
    """False when another has removed the file, perhaps made a new one, since it was opened here."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def first_error(output: str) -> str:
    """The first message of compiler or linker, or else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if FIRST_ERROR.search(line):
            return line[:MESSAGE_MAX]
    for index, line in enumerate(lines):
        if line.startswith("CMake Error"):
            return " ".join(lines[index : index + 2])[:MESSAGE_MAX]
    return lines[-1][:MESSAGE_MAX] if lines else "no message"


def run_logged(command: Sequence[str | Path], log: Path) -> None:
    with log.open("ab") as output:
        start = output.tell()
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C"}, process_group=0,
            )  # fmt: skip
        except OSError as error:
            raise SysrootError(f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    if status != 0:
        said = log.read_bytes()[start:].decode(errors="replace")
        failure = BuildFailed if status > 0 else SysrootError
        raise failure(f"the worker cannot be built: {first_error(said)} (all of it: {log})")


def build_in(objects: Path, sysroot: Sysroot, with_adapter: bool, log: Path) -> None:
    """Make objects/bin/cts-worker, and the adapter; objects that are there already are used."""
    compiler = sysroot.compiler
    unfinished = objects / UNFINISHED
    if unfinished.exists():  # a killed compiler may have left half an object
        # Out of the way first: a compiler of a killed run may still be at work there, and add to what is removed.
        dead = f"{objects.name}.dead-"
        objects.rename(Path(tempfile.mkdtemp(prefix=dead, dir=objects.parent), "tree"))
        for abandoned in objects.parent.glob(f"{dead}*"):
            shutil.rmtree(abandoned, ignore_errors=True)
    objects.mkdir(exist_ok=True)
    unfinished.touch()
    # A library that replaces another may be the older file.
    (objects / "bin" / "cts-worker").unlink(missing_ok=True)
    linker_flags = shlex.join(compiler.ldflags)
    targets = ["cts-worker", *(["reference-adapter"] if with_adapter else [])]
    jobs = str(len(os.sched_getaffinity(0)))
    try:
        run_logged(
            ["cmake", *generator(), "-S", SOURCES, "-B", objects,
             f"-DCMAKE_C_COMPILER={compiler.cc}", f"-DCTS_CXX={compiler.cxx}",
             f"-DCMAKE_C_FLAGS={shlex.join(['-O1', '-g', *compiler.cflags])}",
             f"-DCMAKE_EXE_LINKER_FLAGS={linker_flags}",
             f"-DCTS_SUT_INCLUDE={sysroot.include}", f"-DCTS_CHECK_ROOT={sysroot.root}",
             f"-DCTS_SUT_LIBRARY={sysroot.library if sysroot.linked else ''}"], log,
        )  # fmt: skip
        run_logged(["cmake", "--build", objects, "-j", jobs, "--target", *targets], log)
    except BuildFailed:
        unfinished.unlink()
        raise
    unfinished.unlink()


def build(sysroot: Sysroot, objects: Path, tree: Path, with_adapter: bool) -> None:
    """Make tree/bin/cts-worker; the tree appears whole or not at all."""
    log = tree.with_name(f"{tree.name}.log")
    log.unlink(missing_ok=True)
    fresh = tree.with_name(f"{tree.name}.{os.getpid()}")
    for abandoned in tree.parent.glob(f"{tree.name}.*[0-9]"):  # of builds that were killed
        shutil.rmtree(abandoned, ignore_errors=True)
    try:
        with locked(objects.with_name(f"{objects.name}.lock")):
            build_in(objects, sysroot, with_adapter, log)
            fresh.mkdir()
            shutil.copytree(objects / "bin", fresh / "bin")
            if with_adapter:
                (fresh / "lib").mkdir()
                shutil.copy2(objects / "lib" / ADAPTER, fresh / "lib")
            os.utime(objects)
        shutil.rmtree(tree, ignore_errors=True)
        fresh.rename(tree)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def forget_old(directory: Path, kept: int) -> None:
    """Keep the trees that were used last; each is touched when it is used. One that is being built stays, too."""
    used: dict[Path, float] = {}
    for entry in directory.iterdir():
        with suppress(FileNotFoundError):  # another run has forgotten it meanwhile
            if entry.is_dir() and len(entry.name) == 64:
                used[entry] = entry.stat().st_mtime
    trees = sorted(used, key=lambda tree: used[tree], reverse=True)
    for tree in trees[kept:]:
        lock = tree.with_name(f"{tree.name}.lock")
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if is_open_at(file.fileno(), lock):
                shutil.rmtree(tree, ignore_errors=True)
                tree.with_name(f"{tree.name}.log").unlink(missing_ok=True)
                lock.unlink()


def prepare(options: argparse.Namespace) -> dict[str, object]:
    sysroot = open_sysroot(options)
    with_adapter = options.adapter == "reference"
    objects_key = digest_of_objects(sysroot)
    key = digest(sysroot, objects_key, with_adapter)
    workers, objects = cache_directory() / "workers", cache_directory() / "objects"
    tree = workers / key
    try:
        workers.mkdir(parents=True, exist_ok=True)
        objects.mkdir(exist_ok=True)
    except OSError as error:
        raise SysrootError(f"the cache directory cannot be made: {error}") from error
    built = False
    with locked(tree.with_name(f"{key}.lock")):
        if not (tree / "bin" / "cts-worker").is_file():
            if sys.stderr.isatty():
                print(f"building the worker for {options.sysroot}", file=sys.stderr)
            try:
                build(sysroot, objects / objects_key, tree, with_adapter)
            finally:
                forget_old(objects, KEPT_OBJECTS)
            built = True
        os.utime(tree)
    if built:
        forget_old(workers, KEPT_WORKERS)
    return {
        "worker": str(tree / "bin" / "cts-worker"),
        "library": str(sysroot.library),
        "adapter": str(tree / "lib" / ADAPTER) if with_adapter else None,
        "include": str(sysroot.include),
        "built": built,
    }


def stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Build, or find, the worker for a sysroot.")
    parser.add_argument("--sysroot", required=True)
    parser.add_argument("--sut", help="library instead of the one in the sysroot")
    parser.add_argument("--adapter", help="`reference`: build that adapter for these headers too")
    parser.add_argument("--cc")
    parser.add_argument("--default-cc", default="cc")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, stop)
    try:
        answer = prepare(options)
    except SysrootError as error:
        print(json.dumps({"error": f"sysroot {options.sysroot}: {error}"}))
        return 4
    except OSError as error:  # what may not be read, or the place for the worker not written
        where = f"{error.filename}: " if error.filename else ""
        print(json.dumps({"error": f"sysroot {options.sysroot}: {where}{error.strerror}"}))
        return 4
    except KeyboardInterrupt:
        return 130
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
