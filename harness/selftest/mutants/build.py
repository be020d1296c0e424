#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Faulty libraries: the reference or a variant with one defect each, as mutants.yaml records them.

    python3 harness/selftest/mutants/build.py [ID...]

Only the changed file is compiled; it is linked with the unchanged objects into
BUILD/selftest/mutants/ID.so. What is proven of each: every text to be replaced occurs exactly once,
the result builds, the compiled code of the changed file differs from the original's, and the
library is alive (a case that has nothing to do with the defect passes). Exit status 1 when one of
these does not hold.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toolchain
from toolchain import BuildError

HERE = Path(__file__).resolve().parent
RECORDS = (HERE / "mutants.yaml", HERE / "on_variants.yaml")
REFERENCE = toolchain.REPOSITORY / "reference-impl"
VARIANTS = toolchain.SELFTEST / "variants"
# Threads run code of the reference when they end; the original is linked like this, too.
LINK_FLAGS = ("-Wl,-z,nodelete",)


@dataclass(frozen=True)
class Base:
    """A conforming library in C that defects are put into."""

    name: str
    sources: Path
    adapter: str  # for ipc-cts; the empty text: none

    @property
    def flags(self) -> tuple[str | Path, ...]:
        include: tuple[str | Path, ...] = ("-I", REFERENCE / "include", "-I", self.sources)
        if self.name == "reference":
            return include
        # The variants hide what is their own, and nothing else.
        return (*include, "-I", toolchain.REPOSITORY / "harness/include", "-fvisibility=default")


BASES = {
    "reference": Base("reference", REFERENCE / "src", "reference"),
    **{
        name: Base(name, VARIANTS / name, "")
        for name in ("broker", "condvar", "contrary", "futex", "poll")
    },
}

# Cases that show that a library is alive, the first of another requirement and area being taken.
SMOKE_CASES = ("OBJ-05.1", "CALL-07.1", "RECV-02.1")
SMOKE_LIMIT_S = 30

FIELDS = frozenset(
    {"id", "requirement", "area", "kind", "description", "file", "find", "replace", "changes",
     "wraps", "expect_cases", "smoke", "survives", "base", "profile", "needs_adapter"}
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One text in one source file of the base becomes another."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True)
class Mutant:
    """One faulty library. `requirement` is the one that it breaks."""

    id: str
    requirement: str
    kind: str
    description: str
    changes: tuple[Change, ...] = ()
    interpose: str | None = None  # C file below mutants/
    wraps: tuple[str, ...] = ()  # public functions that the C file replaces
    expect_cases: tuple[str, ...] = ()
    smoke: str | None = None
    survives: str | None = None  # why no case can tell yet
    profile: str | None = None  # extent in which it is looked for, where it is not the standard one
    needs_adapter: str | None = None  # why it is as good as right to who has the library alone
    base_name: str = "reference"

    @property
    def base(self) -> Base:
        return BASES[self.base_name]

    @property
    def area(self) -> str:
        return self.requirement.split("-")[0]

    @property
    def options(self) -> list[str]:
        """What ipc-cts has to be told: the extent, or the edition of the requirement."""
        profile = self.profile or ("ce-1.4" if self.area == "V14" else None)
        return ["--profile", profile] if profile is not None else []

    @property
    def smoke_case(self) -> str:
        if self.smoke is not None:
            return self.smoke
        return next(case for case in SMOKE_CASES if not case.startswith(self.area))


@dataclass(frozen=True)
class Built:
    """A faulty library on disk."""

    mutant: Mutant
    library: Path
    code_digest: str  # of the compiled code that differs


def _changes(record: Mapping[str, Any]) -> tuple[Change, ...]:
    rows = record.get("changes", [record] if "find" in record else [])
    return tuple(Change(row["file"], row["find"], row["replace"]) for row in rows)


def _mutant(record: Mapping[str, Any]) -> Mutant:
    unknown = set(record) - FIELDS
    if unknown:
        raise BuildError(f"{record.get('id')}: unknown fields {sorted(unknown)}")
    kind = record["kind"]
    mutant = Mutant(
        id=record["id"],
        requirement=record["requirement"],
        kind=kind,
        description=" ".join(record["description"].split()),
        changes=_changes(record) if kind == "source" else (),
        interpose=record["file"] if kind == "interpose" else None,
        wraps=tuple(record.get("wraps", ())),
        expect_cases=tuple(record.get("expect_cases", ())),
        smoke=record.get("smoke"),
        survives=record.get("survives"),
        profile=record.get("profile"),
        needs_adapter=record.get("needs_adapter"),
        base_name=record.get("base", "reference"),
    )
    if mutant.base_name not in BASES:
        raise BuildError(f"{mutant.id}: no base {mutant.base_name}, only {', '.join(BASES)}")
    if mutant.area != record["area"]:
        raise BuildError(f"{mutant.id}: {mutant.requirement} is not of area {record['area']}")
    if kind == "source" and not mutant.changes or kind == "interpose" and not mutant.wraps:
        raise BuildError(f"{mutant.id}: nothing is changed")
    return mutant


def load(paths: Sequence[Path] = RECORDS) -> list[Mutant]:
    """All records, in order; BuildError for one that is not well formed."""
    mutants = [
        _mutant(record)
        for path in paths
        for record in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    ids = [mutant.id for mutant in mutants]
    doubles = sorted({name for name in ids if ids.count(name) > 1})
    if doubles:
        raise BuildError(f"ids used twice: {', '.join(doubles)}")
    return mutants


def apply_changes(mutant: Mutant, originals: Mapping[str, str]) -> dict[str, str]:
    """Changed files of a mutant by name. Each text has to occur exactly once in the original."""
    changed: dict[str, str] = {}
    for change in mutant.changes:
        if change.file not in originals:
            raise BuildError(f"{mutant.id}: no file {change.file}")
        count = originals[change.file].count(change.find)
        if count != 1:
            raise BuildError(f"{mutant.id}: {change.file} has {count} times: {change.find!r}")
        if change.find == change.replace:
            raise BuildError(f"{mutant.id}: nothing changes in {change.file}")
        text = changed.get(change.file, originals[change.file])
        if text.count(change.find) != 1:
            raise BuildError(f"{mutant.id}: changes of {change.file} overlap: {change.find!r}")
        changed[change.file] = text.replace(change.find, change.replace)
    return changed


def _code_digest(source: Path, flags: Sequence[str | Path], work: Path) -> str:
    """Digest of the compiled code, without what only tells where it stands in the file."""
    bare = work / f"{source.stem}.bare.o"
    toolchain.compile_object(source, bare, [*flags, "-DNDEBUG", "-g0"])
    return toolchain.digest([bare.read_bytes()])


class Builder:
    """Builds mutants into `out`. Several processes may do so at the same time."""

    def __init__(self, out: Path | None = None) -> None:
        self.out = out if out is not None else toolchain.output_directory() / "mutants"
        self._originals: dict[str, dict[str, str]] = {}
        self._keys: dict[str, str] = {}

    def originals(self, base: Base = BASES["reference"]) -> dict[str, str]:
        """The texts of a base by file name."""
        if base.name not in self._originals:
            self._originals[base.name] = {
                path.name: path.read_text(encoding="utf-8") for path in base.sources.glob("*.[ch]")
            }
        return self._originals[base.name]

    def base_key(self, base: Base) -> str:
        """What all objects of a base depend on."""
        if base.name not in self._keys:
            headers = (REFERENCE / "include").rglob("*.h")
            self._keys[base.name] = toolchain.digest(
                [toolchain.compiler()[1], " ".join(toolchain.CFLAGS), Path(__file__).read_bytes(),
                 Path(toolchain.__file__).read_bytes(),
                 toolchain.digest_files(headers),
                 *(part for item in sorted(self.originals(base).items()) for part in item)]
            )  # fmt: skip
        return self._keys[base.name]

    def _compile_original(self, base: Base, name: str) -> None:
        source = base.sources / name
        target = self.out / "objects" / base.name / f"{source.stem}.o"
        toolchain.compile_object(source, target, base.flags)
        target.with_suffix(".digest").write_text(_code_digest(source, base.flags, target.parent))

    def base_objects(self, base: Base = BASES["reference"]) -> dict[str, Path]:
        """The unchanged objects of a base by source file name."""
        names = sorted(name for name in self.originals(base) if name.endswith(".c"))
        objects = self.out / "objects" / base.name
        with toolchain.locked(self.out / f"{base.name}.lock"):
            stamp = objects / "all"
            if not toolchain.is_current(stamp, self.base_key(base)):
                objects.mkdir(parents=True, exist_ok=True)
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(lambda name: self._compile_original(base, name), names))
                stamp.touch()
                toolchain.mark_current(stamp, self.base_key(base))
        return {name: objects / f"{Path(name).stem}.o" for name in names}

    def _change_sources(self, mutant: Mutant, objects: dict[str, Path], work: Path) -> str:
        originals = self.originals(mutant.base)
        changed = apply_changes(mutant, originals)
        recompiled = set(changed)
        if any(name.endswith(".h") for name in changed):
            recompiled = set(originals)
        for name in recompiled:
            (work / name).write_text(changed.get(name, originals[name]), encoding="utf-8")
        flags = ("-I", work, *mutant.base.flags)
        digests: list[str] = []
        differs = False
        for name in sorted(name for name in recompiled if name.endswith(".c")):
            original = objects[name].with_suffix(".digest")
            objects[name] = work / f"{Path(name).stem}.o"
            toolchain.compile_object(work / name, objects[name], flags)
            digests.append(_code_digest(work / name, flags, work))
            differs = differs or digests[-1] != original.read_text()
        if not differs:
            raise BuildError(f"{mutant.id}: the compiled code is that of the {mutant.base_name}")
        return toolchain.digest(digests)

    def _interpose(self, mutant: Mutant, objects: dict[str, Path], work: Path) -> str:
        """The original's function NAME becomes real_NAME, and the C file defines NAME."""
        for name, path in list(objects.items()):
            defined = toolchain.run_tool(["nm", "--defined-only", "--extern-only", path])
            symbols = {line.split()[-1] for line in defined.splitlines() if line.strip()}
            words = [
                word
                for symbol in mutant.wraps
                if symbol in symbols
                for word in ("--redefine-sym", f"{symbol}=real_{symbol}")
            ]
            if words:
                objects[name] = work / path.name
                toolchain.run_tool(["objcopy", *words, path, objects[name]])
        assert mutant.interpose is not None
        source = HERE / mutant.interpose
        objects["interpose"] = work / "interpose.o"
        toolchain.compile_object(source, objects["interpose"], mutant.base.flags)
        defined = toolchain.run_tool(["nm", "-g", objects["interpose"]])
        for symbol in mutant.wraps:
            if f" {symbol}\n" not in defined:
                raise BuildError(f"{mutant.id}: {source.name} does not define {symbol}")
        return _code_digest(source, mutant.base.flags, work)

    def key(self, mutant: Mutant) -> str:
        source = b"" if mutant.interpose is None else (HERE / mutant.interpose).read_bytes()
        return toolchain.digest(
            [self.base_key(mutant.base), repr(mutant.changes), repr(mutant.wraps), source]
        )

    def build(self, mutant: Mutant) -> Built:
        """Apply, compile, link; BuildError when the mutant is not what its record says."""
        target = self.out / f"{mutant.id}.so"
        digest_file = self.out / f"{mutant.id}.digest"
        key = self.key(mutant)
        with toolchain.locked(self.out / f"{mutant.id}.lock"):
            if not toolchain.is_current(target, key):
                objects = self.base_objects(mutant.base)
                with tempfile.TemporaryDirectory(prefix="mutant-", dir=self.out) as directory:
                    work = Path(directory)
                    change = self._interpose if mutant.kind == "interpose" else self._change_sources
                    digest_file.write_text(change(mutant, objects, work))
                    toolchain.link_library(list(objects.values()), target, LINK_FLAGS)
                toolchain.mark_current(target, key)
        return Built(mutant, target, digest_file.read_text())

    def build_all(self, mutants: Iterable[Mutant], jobs: int = 2) -> list[Built]:
        """All of them; BuildError also when two are the same."""
        with ThreadPoolExecutor(jobs) as pool:
            built = list(pool.map(self.build, mutants))
        seen: dict[str, str] = {}
        for item in built:
            other = seen.setdefault(item.code_digest, item.mutant.id)
            if other != item.mutant.id:
                raise BuildError(f"{item.mutant.id} and {other} are the same")
        return built


def is_alive(built: Built, build_directory: Path | None = None) -> bool:
    """Does the smoke case pass on the library, by the worker alone?"""
    root = build_directory if build_directory is not None else toolchain.build_directory()
    adapter: list[str | Path] = ["--adapter", root / "lib" / "reference-adapter.so"]
    with tempfile.TemporaryDirectory(prefix="alive-") as directory:
        done = subprocess.run(
            [root / "bin" / "cts-worker", "--case", built.mutant.smoke_case, "--sut", built.library,
             *(adapter if built.mutant.base.adapter else []), "--debug"],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, timeout=SMOKE_LIMIT_S, check=False,
        )  # fmt: skip
    return done.returncode == 0 and b'"verdict":"PASS"' in done.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the mutants and prove that they are some.")
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--json", action="store_true", help="one object for each on stdout")
    options = parser.parse_args(arguments)
    mutants = load()
    unknown = set(options.ids) - {mutant.id for mutant in mutants}
    if unknown:
        parser.error(f"unknown mutants: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in mutants if not options.ids or mutant.id in options.ids]
    status = 0
    builder = Builder()

    def prove(mutant: Mutant) -> str:
        try:
            built = builder.build(mutant)
            return "alive" if is_alive(built) else f"dead: {mutant.smoke_case} does not pass"
        except (BuildError, subprocess.TimeoutExpired) as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for mutant, state in zip(chosen, pool.map(prove, chosen)):
            status = status if state == "alive" else 1
            if options.json:
                row = {"id": mutant.id, "requirement": mutant.requirement, "state": state}
                print(json.dumps(row))
            else:
                print(f"{mutant.id:40} {mutant.requirement:9} {state}")
    return status


if __name__ == "__main__":
    sys.exit(main())
