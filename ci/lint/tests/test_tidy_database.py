# SPDX-License-Identifier: Apache-2.0
"""The database of clang-tidy: every file once, and one line for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tidy_database


def command(file: str, flag: str) -> dict[str, str]:
    return {"directory": "/b", "file": file, "command": f"cc {flag} {file}"}


def test_first_command_of_each_file_stays(tmp_path: Path) -> None:
    rows = [command("/s/a.c", "-DA"), command("/s/b.c", ""), command("/s/a.c", "-fPIC")]
    (tmp_path / "compile_commands.json").write_text(json.dumps(rows))
    assert tidy_database.main([str(tmp_path), str(tmp_path / "once")]) == 0
    written = json.loads((tmp_path / "once" / "compile_commands.json").read_text())
    assert written == rows[:2]


@pytest.mark.parametrize("text", [None, "no JSON", "[1]", '[{"file": "a.c"}]'])
def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None) -> None:
    if text is not None:
        (tmp_path / "compile_commands.json").write_text(text)
    assert tidy_database.main([str(tmp_path), str(tmp_path / "once")]) == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "compile_commands.json" in said
