#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A compilation database in which each file stands once, for clang-tidy.

clang-tidy reads a file once for every command that compiles it: the reference is compiled for the
shared and for the static library, and some modules again for their tests. What it says of them does
not depend on that.

exit codes: 0 written; 4 the database cannot be read or written
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def each_file_once(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first command of each file, in order."""
    first: dict[str, dict[str, Any]] = {}
    for command in commands:
        first.setdefault(str(Path(command["directory"], command["file"])), command)
    return list(first.values())


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Write a compilation database in which each file stands once.",
        epilog="example: ci/lint/tidy_database.py build/clang build/clang/tidy",
    )
    parser.add_argument("build", type=Path, help="directory with the compile_commands.json of a build")
    parser.add_argument("out", type=Path, help="directory for the other one")
    options = parser.parse_args(arguments)
    name = "compile_commands.json"
    try:
        commands = each_file_once(json.loads((options.build / name).read_text(encoding="utf-8")))
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / name).write_text(json.dumps(commands, indent=1), encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"tidy_database.py: {options.build / name}: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
