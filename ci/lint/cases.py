#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of conformance/cases: ids, titles, groups, and where the files are registered.

Whether every requirement has a case is another question, answered by conformance/tools from the
built worker. Exit 0: nothing found. 1: each finding on a line `path:line: [rule] message`.
4: wrong usage.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctext import Source

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = "conformance/cases"
GROUPS_FILE = "groups.c"
SPDX = "SPDX-License-Identifier: Apache-2.0"

ID = re.compile(r"[A-Z][A-Z0-9]{2,4}-[0-9]{2}\.[1-9][0-9]*\Z")
TITLE = re.compile(r"[A-Za-z0-9 _.,:/()-]+\Z")
_STRING = r'"(?:\\.|[^"\\\n])*"'
# A row: id and title, in braces or as arguments of a macro that makes the row.
ROW = re.compile(
    rf'"(?P<id>[A-Za-z][A-Za-z0-9]*-[^"\n]*\.[^"\n]*)"\s*,\s*(?P<title>{_STRING}(?:\s*{_STRING})*)'
)
TABLE = re.compile(r"\bstruct\s+cts_case\s+\w+\s*\[[^]]*\]\s*=\s*\{(?P<rows>.*?)\n\};", re.DOTALL)
FIRST_STRING = re.compile(rf"\{{\s*(?P<id>{_STRING})")
GROUP = re.compile(r"\bCTS_GROUP\s*\(\s*(?P<name>\w+)")
SLEEP = re.compile(r"\b(?:sleep|usleep|nanosleep|clock_nanosleep|sched_yield|thrd_yield|thrd_sleep)\s*\(")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


def literal(text: str) -> str:
    """Value of adjacent C string literals; escapes stay as they are (no title may have one)."""
    return "".join(part[1:-1] for part in re.findall(_STRING, text))


def check_rows(name: str, source: Source, seen: dict[str, str]) -> Iterator[Finding]:
    for table in TABLE.finditer(source.code):
        for row in FIRST_STRING.finditer(table["rows"]):
            identifier = literal(row["id"])
            if not ID.match(identifier):
                line = source.line(table.start("rows") + row.start("id"))
                yield Finding(name, line, "id-form", f"'{identifier}' is not AREA-NN.k")
    for row in ROW.finditer(source.code):
        identifier = row["id"]
        if not ID.match(identifier):
            continue
        line = source.line(row.start())
        if identifier in seen:
            yield Finding(name, line, "id-unique", f"{identifier} is also at {seen[identifier]}")
        seen.setdefault(identifier, f"{name}:{line}")
        title = literal(row["title"])
        if not TITLE.match(title):
            yield Finding(name, line, "title", f"{identifier}: characters outside A-Za-z0-9 _.,:/()-")


def check_file(root: Path, path: Path, seen: dict[str, str]) -> Iterator[Finding]:
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    if SPDX not in text.partition("\n")[0]:
        yield Finding(name, 1, "spdx", f"the first line has no {SPDX}")
    source = Source(text)
    for match in SLEEP.finditer(source.bare):
        yield Finding(name, source.line(match.start()), "sleep", "a case never sleeps")
    if path.suffix != ".c" or path.name == GROUPS_FILE:
        return
    before = len(seen)
    yield from check_rows(name, source, seen)
    groups = list(GROUP.finditer(source.bare))
    wanted = f"cts_group_{path.stem}"
    if len(seen) > before and not groups:
        yield Finding(name, 1, "group-name", f"has cases and no CTS_GROUP({wanted}, ...)")
    for group in groups:
        if group["name"] != wanted:
            line = source.line(group.start())
            yield Finding(name, line, "group-name", f"{group['name']} should be {wanted}")


def check_registration(root: Path) -> Iterator[Finding]:
    """Each file with a group stands in groups.c and, like every file, in CMakeLists.txt."""
    cases = root / CASES
    groups_name = f"{CASES}/{GROUPS_FILE}"
    groups_path = cases / GROUPS_FILE
    if not groups_path.is_file():
        yield Finding(groups_name, 1, "group-listed", "is not there")
        return
    groups = Source(groups_path.read_text(encoding="utf-8"))
    defined: dict[str, str] = {}
    for path in sorted(cases.glob("*.c")):
        if path.name != GROUPS_FILE:
            bare = Source(path.read_text(encoding="utf-8")).bare
            name = path.relative_to(root).as_posix()
            defined |= {match["name"]: name for match in GROUP.finditer(bare)}
    listed: dict[str, int] = {}
    for match in re.finditer(r"&\s*(cts_group_\w+)", groups.bare):
        line = groups.line(match.start())
        if match[1] in listed:
            yield Finding(groups_name, line, "group-listed", f"{match[1]} is listed twice")
        listed[match[1]] = line
    for group, name in defined.items():
        if group not in listed:
            yield Finding(name, 1, "group-listed", f"{group} is not listed in {groups_name}")
    for group, line in listed.items():
        if group not in defined:
            yield Finding(groups_name, line, "group-listed", f"{group} is defined by no case file")

    cmake_name = "conformance/CMakeLists.txt"
    cmake_path = root / cmake_name
    cmake = cmake_path.read_text(encoding="utf-8") if cmake_path.is_file() else ""
    cmake = re.sub(r"#[^\n]*", "", cmake)
    built = set(re.findall(r"\bcases/(\w+\.c)\b", cmake))
    for path in sorted(cases.glob("*.c")):
        if path.name not in built:
            name = path.relative_to(root).as_posix()
            yield Finding(name, 1, "file-built", f"is not named in {cmake_name}")
    for file_name in sorted(built):
        if not (cases / file_name).is_file():
            yield Finding(cmake_name, 1, "file-built", f"cases/{file_name} does not exist")


def check_tree(root: Path) -> tuple[int, list[Finding]]:
    """Number of cases, and what was found."""
    seen: dict[str, str] = {}
    findings: list[Finding] = []
    for path in sorted((root / CASES).rglob("*.[ch]")):
        findings.extend(check_file(root, path, seen))
    findings.extend(check_registration(root))
    if not seen:
        findings.append(Finding(CASES, 1, "no-cases", "no case was found"))
    return len(seen), sorted(findings)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Check the case tables.")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="tree to check")
    options = parser.parse_args(arguments)
    if not options.root.is_dir():
        print(f"cases: no directory {options.root}", file=sys.stderr)
        return 4
    count, findings = check_tree(options.root.resolve())
    for finding in findings:
        print(finding)
    print(f"cases: {count} cases, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
