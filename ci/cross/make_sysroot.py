#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A sysroot with the reference in it, for `ipc-cts run --sysroot`.

With --other its headers have other values and layouts (other_sdk.py), and the reference is compiled
with those. With --cc it is for another machine; then --check names the directory that holds Check for
that machine, as Debian's packages unpack it, and the compiler is written into the description.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import other_sdk

SOURCES = other_sdk.REPOSITORY / "reference-impl" / "src"
CFLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fPIC", "-fvisibility=hidden", "-pthread",
          "-Wall", "-Wextra")  # fmt: skip
CHECK_FILES = ("check.h", "check_stdint.h", "libcheck_pic.a", "libsubunit.a")


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise SystemExit(f"make_sysroot: {' '.join(command)}\n{done.stderr.strip()}")


def compile_reference(cc: str, include: Path, objects: Path) -> list[str]:
    objects.mkdir(parents=True)
    made = {source: str(objects / f"{source.stem}.o") for source in sorted(SOURCES.glob("*.c"))}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(
            lambda item: run([cc, *CFLAGS, "-I", str(include), "-c", str(item[0]), "-o", item[1]]),
            made.items(),
        ))  # fmt: skip
    return list(made.values())


def take_check(root: Path, check: Path) -> None:
    for name in CHECK_FILES:
        found = sorted(check.rglob(name))
        if not found:
            raise SystemExit(f"make_sysroot: there is no {name} below {check}")
        shutil.copy(found[0], root / ("include" if name.endswith(".h") else "lib"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Make a sysroot with the reference in it.")
    parser.add_argument("root", type=Path, help="directory; what is in it is replaced")
    parser.add_argument("--other", action="store_true", help="other values and layouts")
    parser.add_argument("--library", choices=("shared", "static", "both"), default="shared",
                        help="lib/libkos-ipc.so (default), lib/libkos-ipc.a, or both of the same objects")
    parser.add_argument("--cc", help="compiler for the target")
    parser.add_argument("--cflags", help="flags for the worker, such as -O0, which builds in half the time")
    parser.add_argument("--check", type=Path, help="where Check for the target is")
    options = parser.parse_args(arguments)
    cc = options.cc or "gcc"
    root: Path = options.root
    shutil.rmtree(root, ignore_errors=True)
    if options.other:
        other_sdk.write(root / "include")
    else:
        shutil.copytree(other_sdk.REFERENCE_INCLUDE, root / "include")
    (root / "lib").mkdir()
    objects = compile_reference(cc, root / "include", root / "obj")
    if options.library != "shared":
        run(["ar", "rcs", str(root / "lib" / "libkos-ipc.a"), *objects])
    if options.library != "static":
        library = str(root / "lib" / "libkos-ipc.so")
        run([cc, "-shared", "-pthread", "-Wl,-z,nodelete", "-o", library, *objects])
    shutil.rmtree(root / "obj")
    if options.check:
        take_check(root, options.check)
    described = {name: getattr(options, name) for name in ("cc", "cflags") if getattr(options, name)}
    if described:
        (root / "ipc-cts.json").write_text(json.dumps(described) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
