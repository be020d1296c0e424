# SPDX-License-Identifier: Apache-2.0
"""The coverage gate adds records of a file, looks at one directory, and holds both limits."""

from __future__ import annotations

from pathlib import Path

import coverage_gate
import pytest
from lint_tree import Tree

# Lines: 3 of 4. Branches: 1 of 2, and one that was never reached.
TRACE = """\
TN:
SF:/tree/src/a.c
DA:1,0
DA:2,5
BRDA:2,0,0,1
BRDA:2,0,1,0
end_of_record
TN:second
SF:/tree/src/a.c
DA:1,3
BRDA:7,0,0,-
end_of_record
SF:/tree/src/b.c
DA:1,1
DA:2,0
end_of_record
SF:/tree/tests/a.c
DA:1,0
end_of_record
"""


def run(tree: Tree, lines: str, branches: str, under: str = "/tree/src") -> int:
    path: Path = tree({"trace.info": TRACE}) / "trace.info"
    return coverage_gate.main([str(path), "--under", under, "--lines", lines, "--branches", branches])


def test_at_the_limits_it_passes(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "75", "33.3") == 0
    assert "lines  75.0 % (3/4)  branches  33.3 % (1/3)" in capsys.readouterr().out


def test_lines_below_the_limit_fail(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "75.1", "0") == 1
    assert "lines 75.0 % is below 75.1 %" in capsys.readouterr().out


def test_branches_below_the_limit_fail(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "0", "34") == 1
    assert "branches 33.3 % is below 34 %" in capsys.readouterr().out


def test_no_line_of_the_directory_is_an_error(tree: Tree) -> None:
    assert run(tree, "0", "0", under="/tree/other") == 4


def test_no_tracefile_is_an_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.info")
    assert coverage_gate.main([missing, "--under", "/", "--lines", "0", "--branches", "0"]) == 4
