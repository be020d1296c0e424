# SPDX-License-Identifier: Apache-2.0
"""What genhtml makes of a tracefile: the sources with their counts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ctsreport.coverage import CoverageError


def write(tracefile: Path, sources: str, out: Path) -> None:
    """`sources`: the directory that the paths of the tracefile are below."""
    command = ["genhtml", "--quiet", "--branch-coverage", "--title", "ipc-cts",
               "--output-directory", os.path.abspath(out), os.path.abspath(tracefile)]  # fmt: skip
    try:
        answer = subprocess.run(
            command, cwd=sources, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        if error.filename == "genhtml":
            raise CoverageError("the pages need genhtml; install lcov") from None
        raise CoverageError(f"the sources are no longer in {sources}") from None
    if answer.returncode != 0:
        lines = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip().splitlines()
        raise CoverageError(f"genhtml failed: {lines[-1] if lines else 'no word'}")
