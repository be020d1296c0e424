#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which room may use what: the dependency directions of the project, checked on the sources.

Includes are read from the text, with comments removed. An include in quotes is looked up beside its
file; what it names inside the repository is judged by the room it stands in. Exit 0: nothing found.
1: each finding on a line `path:line: [rule] message`. 4: wrong usage.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ctext import Source

REPOSITORY = Path(__file__).resolve().parents[2]

SDK_DIRECTORIES = frozenset(
    {"coresrv", "handle", "ipc", "rtl", "services", "nk", "task", "thread"}
)
CASE_HEADERS = frozenset(
    {"string.h", "stdio.h", "stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "limits.h"}
)
FREESTANDING_HEADERS = frozenset(
    {"float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h",
     "stddef.h", "stdint.h", "stdnoreturn.h"}
)  # fmt: skip
SYSTEM_HEADERS = FREESTANDING_HEADERS | frozenset(
    {"assert.h", "complex.h", "ctype.h", "errno.h", "fenv.h", "inttypes.h", "locale.h", "math.h",
     "setjmp.h", "signal.h", "stdio.h", "stdlib.h", "string.h", "tgmath.h", "threads.h", "time.h",
     "uchar.h", "wchar.h", "wctype.h",
     "aio.h", "dirent.h", "dlfcn.h", "elf.h", "endian.h", "err.h", "execinfo.h", "fcntl.h",
     "features.h", "fnmatch.h", "getopt.h", "glob.h", "libgen.h", "link.h", "malloc.h", "poll.h",
     "pthread.h", "regex.h", "sched.h", "search.h", "semaphore.h", "spawn.h", "strings.h",
     "syslog.h", "termios.h", "ucontext.h", "unistd.h"}
)  # fmt: skip
SYSTEM_DIRECTORIES = frozenset({"asm", "linux", "sanitizer", "sys"})

# Words by which a case would wait for time, make its own threads or leave the portable world.
CASE_BANNED_CALLS = re.compile(
    r"\b(?:(?:sleep|usleep|nanosleep|clock_nanosleep|thrd_sleep|sched_yield|thrd_yield|alarm"
    r"|fork|vfork|thrd_create|system|popen|poll|select)\s*\(|pthread_\w+)"
)
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b[ \t]*(\w*)", re.MULTILINE)
REQUIREMENT_ID = re.compile(r"\b[A-Z][A-Z0-9]{2,4}-[0-9]{2}\b")

# Files of harness/src whose strings are help texts, with ids as examples.
HELP_TEXT_FILES = frozenset({"harness/src/supervisor/help.c"})

# Python modules that reports may use besides the standard library; tests may use more.
REPORTS_MODULES = frozenset({"yaml", "jsonschema", "lxml", "jinja2", "markupsafe"})
REPORTS_TEST_MODULES = REPORTS_MODULES | {"junitparser", "pytest", "selenium", "tap"}
# Ways to run a program.
RUNNING_MODULES = frozenset({"ctypes", "multiprocessing", "pty", "subprocess"})
RUNNING_OS_FUNCTIONS = re.compile(r"^(?:system|popen|fork|forkpty|exec\w+|spawn\w+|posix_spawnp?)$")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclass(frozen=True)
class Include:
    line: int
    name: str
    quoted: bool
    target: str | None  # path below the root, for a name in quotes that exists beside its file

    @property
    def first(self) -> str:
        """First directory of the name, or "" when it has none."""
        head, slash, _ = self.name.partition("/")
        return head if slash else ""


def is_sdk(include: Include) -> bool:
    return include.first in SDK_DIRECTORIES


def is_system(include: Include) -> bool:
    return include.name in SYSTEM_HEADERS or include.first in SYSTEM_DIRECTORIES


def below(path: str | None, *rooms: str) -> bool:
    return path is not None and any(path.startswith(room + "/") for room in rooms)


class CFile:
    """One C file of the tree at `root`."""

    def __init__(self, root: Path, path: Path) -> None:
        self.root = root
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.source = Source(path.read_text(encoding="utf-8"))

    def includes(self) -> Iterator[Include]:
        pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<([^>\n]*)>|"([^"\n]*)")', re.MULTILINE)
        for match in pattern.finditer(self.source.code):
            quoted = match.group(3) is not None
            name = match.group(3) if quoted else match.group(2)
            target: str | None = None
            beside = (self.path.parent / name).resolve()
            if quoted and beside.is_file() and beside.is_relative_to(self.root):
                target = beside.relative_to(self.root).as_posix()
            yield Include(self.source.line(match.start()), name, quoted, target)

    def find(self, pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, re.Match[str]]]:
        for match in pattern.finditer(text):
            yield self.source.line(match.start()), match


def check_includes(
    file: CFile, rule: str, allowed: Callable[[Include], bool], room: str
) -> Iterator[Finding]:
    for include in file.includes():
        if not allowed(include):
            yield Finding(file.name, include.line, rule, f"{room} must not include {include.name}")


def check_case(file: CFile) -> Iterator[Finding]:
    def allowed(include: Include) -> bool:
        if include.quoted:
            return below(include.target, "conformance/cases")
        return include.first == "cts" or is_sdk(include) or include.name in CASE_HEADERS

    yield from check_includes(file, "case-include", allowed, "a case")
    for line, match in file.find(CASE_BANNED_CALLS, file.source.bare):
        word = match.group(0).rstrip("( \t")
        yield Finding(file.name, line, "case-call", f"a case must not use {word}")
    guard = re.sub(r"\W", "_", Path(file.name).name).upper()
    for line, match in file.find(CONDITIONAL, file.source.bare):
        is_guard = match.group(1) == "ifndef" and match.group(2).endswith(guard)
        if not (file.name.endswith(".h") and is_guard):
            yield Finding(
                file.name, line, "case-conditional", f"a case must not depend on #{match.group(1)}"
            )


def check_suite_header(file: CFile) -> Iterator[Finding]:
    def allowed(include: Include) -> bool:
        return not include.quoted and (
            include.first == "cts" or is_sdk(include) or include.name in FREESTANDING_HEADERS
        )

    yield from check_includes(file, "suite-header-include", allowed, "harness/include")


def check_reference_header(file: CFile) -> Iterator[Finding]:
    def allowed(include: Include) -> bool:
        own = is_sdk(include) or include.first == "kos_ref"
        # Inline helpers of the SDK's headers clear and copy memory.
        standard = include.name in FREESTANDING_HEADERS or include.name == "string.h"
        return not include.quoted and (own or standard)

    yield from check_includes(file, "reference-header-include", allowed, "reference-impl/include")


def check_reference(file: CFile) -> Iterator[Finding]:
    tests = file.name.startswith("reference-impl/tests/")

    def allowed(include: Include) -> bool:
        if include.quoted:
            # Tests and the benchmark name the headers of src through an include root.
            return below(include.target, "reference-impl") or (
                ".." not in include.name
                and (file.root / "reference-impl" / "src" / include.name).is_file()
            )
        if include.first == "kos_ref" or is_sdk(include) or is_system(include):
            return True
        return tests and include.name == "check.h"

    room = "a test of the reference" if tests else "the reference"
    yield from check_includes(file, "reference-include", allowed, room)


def check_harness(file: CFile) -> Iterator[Finding]:
    room = "/".join(file.name.split("/")[:2])

    def allowed(include: Include) -> bool:
        if include.first == "kos_ref":
            return False
        if include.target is not None:
            return below(include.target, "harness/src", "harness/include", "harness/tests")
        # Found through an include root, if not a system header: not in another room.
        source = file.root / "harness" / "src"
        ours = any((source / part / include.name).is_file() for part in ("", "worker", "supervisor"))
        theirs = (file.root / "reference-impl" / "src" / include.name).is_file()
        other_room = "conformance" in include.name or "reference-impl" in include.name
        return not other_room and (ours or not theirs or not include.quoted)

    yield from check_includes(file, "harness-include", allowed, room)
    if room != "harness/src":
        return
    text = file.source.bare if file.name in HELP_TEXT_FILES else file.source.code
    for line, match in file.find(REQUIREMENT_ID, text):
        yield Finding(
            file.name, line, "harness-requirement", f"harness/src must not know {match.group(0)}"
        )


def check_adapter(file: CFile) -> Iterator[Finding]:
    own = "/".join(file.name.split("/")[:3])

    def allowed(include: Include) -> bool:
        if include.first == "kos_ref":
            return own == "harness/adapters/reference"
        if include.target is not None:
            return below(include.target, own, "harness/include")
        return "conformance" not in include.name and "reference-impl" not in include.name

    yield from check_includes(file, "adapter-include", allowed, own)


def check_variant(file: CFile) -> Iterator[Finding]:
    def allowed(include: Include) -> bool:
        if include.first == "kos_ref" or "reference-impl" in include.name:
            return False
        if include.quoted:
            return below(include.target, "harness/selftest/variants", "harness/include")
        return is_sdk(include) or is_system(include) or include.first == "cts"

    yield from check_includes(file, "variant-include", allowed, "a variant")


# The first prefix that fits decides.
C_RULES: tuple[tuple[str, Callable[[CFile], Iterator[Finding]]], ...] = (
    ("conformance/cases/", check_case),
    ("harness/include/", check_suite_header),
    ("harness/src/", check_harness),
    ("harness/tests/", check_harness),
    ("harness/adapters/", check_adapter),
    ("harness/selftest/variants/", check_variant),
    ("reference-impl/include/", check_reference_header),
    ("reference-impl/", check_reference),
)


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.partition(".")[0]]
    return []


def check_reports_python(root: Path, path: Path) -> Iterator[Finding]:
    """Reports read events and requirement data: no module beyond those, and no program run, except
    for evidence, which the openssl command signs and checks, and for coverage, which gcov reads and
    genhtml shows."""
    name = path.relative_to(root).as_posix()
    is_test = "/tests/" in name
    may_run = is_test or name.startswith(
        ("reports/ctsreport/evidence/", "reports/ctsreport/coverage/")
    )
    reports = root / "reports"
    own = {entry.stem for entry in reports.rglob("*.py")}
    own |= {entry.parent.name for entry in reports.rglob("*.py")}
    allowed = set(sys.stdlib_module_names) | own
    allowed |= REPORTS_TEST_MODULES if is_test else REPORTS_MODULES
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        yield Finding(name, error.lineno or 1, "python-syntax", str(error.msg))
        return
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        for module in imported_modules(node):
            if module not in allowed:
                yield Finding(name, line, "reports-import", f"reports must not import {module}")
            elif module in RUNNING_MODULES and not may_run:
                yield Finding(name, line, "reports-run", f"reports must not use {module}")
        runs: list[str] = []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            runs = [node.attr] if node.value.id == "os" else []
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            runs = [alias.name for alias in node.names]
        for function in runs:
            if RUNNING_OS_FUNCTIONS.match(function) and not may_run:
                yield Finding(name, line, "reports-run", f"reports must not use os.{function}")


def check_variant_build(root: Path, path: Path) -> Iterator[Finding]:
    """A variant is written without the internals of the reference: not through CMake either."""
    name = path.relative_to(root).as_posix()
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        code = text.partition("#")[0]
        if "reference-impl/src" in code or "kos_ref" in code:
            yield Finding(name, number, "variant-include", "a variant must not use the reference")


def check_tree(root: Path) -> tuple[int, list[Finding]]:
    """Number of files looked at, and what was found."""
    count = 0
    findings: list[Finding] = []
    for room in ("conformance", "harness", "reference-impl"):
        for path in sorted((root / room).rglob("*.[ch]")):
            file_name = path.relative_to(root).as_posix()
            for prefix, check in C_RULES:
                if file_name.startswith(prefix):
                    count += 1
                    findings.extend(check(CFile(root, path)))
                    break
    for path in sorted((root / "harness" / "selftest" / "variants").rglob("CMakeLists.txt")):
        count += 1
        findings.extend(check_variant_build(root, path))
    for path in sorted((root / "reports").rglob("*.py")):
        count += 1
        findings.extend(check_reports_python(root, path))
    return count, sorted(findings)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Check which room uses what.")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="tree to check")
    options = parser.parse_args(arguments)
    if not options.root.is_dir():
        print(f"dependencies: no directory {options.root}", file=sys.stderr)
        return 4
    count, findings = check_tree(options.root.resolve())
    for finding in findings:
        print(finding)
    print(f"dependencies: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
