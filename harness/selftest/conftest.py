# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the self-test. The build tree under test is CTS_BUILD_DIR, or build/dev."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import suite as suite_module
import toolchain
from degenerate import build as degenerate_build
from mutants import build as mutant_build
from suite import Suite


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "slow: takes minutes; runs with CTS_SELFTEST_SLOW=1 or -m slow"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("CTS_SELFTEST_SLOW", "0") == "1" or "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(pytest.mark.skip(reason="slow: CTS_SELFTEST_SLOW=1 or -m slow"))


@pytest.fixture(scope="session")
def build_dir() -> Path:
    build = toolchain.build_directory()
    if not suite_module.build_is_complete(build):
        pytest.exit(f"{build} holds no complete build; see harness/selftest/README.md", 4)
    return build


@pytest.fixture(scope="session")
def suite(build_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """ipc-cts, with a directory of its own for temporary files."""
    suite_module.become_subreaper()
    with tempfile.TemporaryDirectory(prefix="cts-selftest-", dir="/tmp") as scratch:
        os.environ["TMPDIR"] = scratch
        # The log of the last run is the tests', not the user's.
        os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
        yield Suite(build_dir, tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session")
def mutants(build_dir: Path) -> mutant_build.Builder:
    return mutant_build.Builder(build_dir / "selftest" / "mutants")


@pytest.fixture(scope="session")
def degenerates(build_dir: Path) -> degenerate_build.Builder:
    return degenerate_build.Builder(build_dir / "selftest" / "degenerate")
