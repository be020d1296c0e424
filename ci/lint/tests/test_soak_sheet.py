# SPDX-License-Identifier: Apache-2.0
"""The sheet of ci/soak: it counts every run of the last commit, and bounds what it has not seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "ci" / "lib"))

import soak_sheet  # noqa: E402


def row(library: str = "reference", **members: Any) -> dict[str, Any]:
    return {
        "commit": "d" * 40, "library": library, "profile": "ce-1.2", "loaded": False, "clean": True,
        "verdicts": {"PASS": 3, "SKIP": 1}, "day": "2026-01-02", **members,
    }  # fmt: skip


def test_bound() -> None:
    assert soak_sheet.bound(300, 0) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert soak_sheet.bound(10, 10) == 1.0
    # Clopper and Pearson's table: 3 of 100, one-sided 95 %.
    assert soak_sheet.bound(100, 3) == pytest.approx(0.0757, abs=1e-4)


def test_counts_every_run_of_the_last_commit_of_each_library() -> None:
    rows = [row(commit="o" * 40, clean=False)]
    rows += [row(), row(loaded=True), row("poll", commit="e" * 40, clean=False, verdicts={"FAIL": 4})]
    lost = row("cxx", clean=False, verdicts={}, profile=None)
    assert "| cxx | 1 | 0 | 1 | 100.0% | `dddddddddddd` | None: no verdict |" in soak_sheet.sheet([*rows, lost])
    text = soak_sheet.sheet(rows)
    assert "\n3 runs of 2 right libraries, 1 of them beside 8 busy loops: 1 red, 12 verdicts in all;" in text
    assert "| reference | 2 | 1 | 0 | 77.6% | `dddddddddddd` | ce-1.2: 3 PASS, 1 SKIP |" in text
    assert "| poll | 1 | 0 | 1 | 100.0% | `eeeeeeeeeeee` | ce-1.2: 4 FAIL |" in text
    assert "there are 4 runs in all, 1 of them beside 8 busy loops: 2 red." in text
    assert "| reference | `oooooooooooo` | 1 | 0 | 1 | 2026-01-02 |" in text
    assert "Earlier" not in soak_sheet.sheet(rows[1:])


@pytest.mark.parametrize("content", [None, "", "no json\n"])
def test_bad_input(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    if content is not None:
        file.write_text(content)
    command = [sys.executable, ROOT / "ci/lib/soak_sheet.py", file]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 4 and answer.stdout == "" and answer.stderr.count("\n") == 1


def test_reads_what_soak_writes(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in [row(), row()]))
    command = [sys.executable, ROOT / "ci/lib/soak_sheet.py", file]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == soak_sheet.sheet([row(), row()])


def test_kept_runs_and_new_ones_make_the_same_sheet(tmp_path: Path) -> None:
    old = [row("poll", commit="e" * 40), row(), row(), row(loaded=True)]
    new = [row("poll", clean=False), row("poll")]
    files = [tmp_path / "kept.jsonl", tmp_path / "new.jsonl"]
    files[0].write_text(soak_sheet.folded(old))
    assert files[0].read_text().count("\n") == 3
    files[1].write_text("".join(json.dumps(item) + "\n" for item in new))
    command = [sys.executable, ROOT / "ci/lib/soak_sheet.py", "--rows", *files]
    kept = tmp_path / "all.jsonl"
    kept.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert soak_sheet.sheet(soak_sheet.read(str(kept))) == soak_sheet.sheet([*old, *new])
