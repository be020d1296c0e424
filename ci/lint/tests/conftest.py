# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import the lints, and builds the small trees that they judge."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lint_tree import Tree  # noqa: E402


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes files, given as path and text, below a directory of this test."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write
