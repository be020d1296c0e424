# SPDX-License-Identifier: Apache-2.0
"""What is tracked at the top: a file that a program left there is not to be committed with the rest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
FIXED = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
         "ci", "conformance", "harness", "reference-impl", "reports"}  # fmt: skip


def test_nothing_else_is_tracked_at_the_top() -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    names = {path.split("/")[0] for path in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} == FIXED
