# SPDX-License-Identifier: Apache-2.0
"""`settle()` is never wrong: the C test that tries it thousands of times, if it is built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LIMIT_S = 240


def test_settle_is_never_wrong(build_dir: Path) -> None:
    program = build_dir / "bin" / "settle_test"
    if not program.is_file():
        pytest.skip("settle_test is not built")
    done = subprocess.run(
        [program], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
