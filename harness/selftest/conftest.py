# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the self-test. The build tree under test is CTS_BUILD_DIR, or build/dev."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import suite as suite_module
import toolchain
from degenerate import build as degenerate_build
from mutants import build as mutant_build
from suite import Suite


# Modules whose tests share nothing but files that are built under a lock: with `--dist loadgroup` any
# process may take the next of their tests. A test of another module stays with its module.
SPREAD = frozenset(
    {"test_blind", "test_degenerate", "test_leaks", "test_mutants", "test_reference", "test_tap",
     "test_timing", "test_variants"}
)  # fmt: skip

# What keeps the processors busy, the longest first: part of a test's id. These modules are not spread and begin at
# once; their tests follow each other.
LONG_MODULES = ("test_templates.py", "test_ports.py", "test_cli.py", "test_installed.py")
LONG_TESTS = ("test_is_green[broker]", "test_is_green[", "test_reference.py", "test_whole_suite_is_red",
              "test_right_is_green")  # fmt: skip


def split(items: list[pytest.Item], parts: Sequence[str]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Those whose id has one of the parts, by part, and the others."""
    found = [[item for item in items if part in item.nodeid] for part in parts]
    named = list(dict.fromkeys(item for group in found for item in group))
    others = set(items) - set(named)
    return named, [item for item in items if item in others]


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Runs of many cases keep the processors busy, while most of the others wait for a library that hangs: a long one
    after every so many short ones, and none left at the end, where it would run alone."""
    modules, rest = split(items, LONG_MODULES)
    long, short = split(rest, LONG_TESTS)
    between = len(short) * 4 // (5 * len(long)) if long else 0
    mixed = []
    for item in long:
        mixed += [item, *short[:between]]
        del short[:between]
    return [*modules, *mixed, *short]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "slow: takes minutes; runs with CTS_SELFTEST_SLOW=1 or -m slow"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = in_order(items)
    for item in items:
        if item.path.stem not in SPREAD:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
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
    """ipc-cts, with directories of its own for temporary files and for what it remembers."""
    suite_module.become_subreaper()
    with tempfile.TemporaryDirectory(prefix="cts-selftest-", dir="/tmp") as scratch:
        os.environ["TMPDIR"] = scratch
        os.environ["XDG_STATE_HOME"] = f"{scratch}/state"
        # The log of the last run is the tests', not the user's.
        os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
        yield Suite(build_dir, tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session")
def mutants(build_dir: Path) -> mutant_build.Builder:
    return mutant_build.Builder(build_dir / "selftest" / "mutants")


@pytest.fixture(scope="session")
def degenerates(build_dir: Path) -> degenerate_build.Builder:
    return degenerate_build.Builder(build_dir / "selftest" / "degenerate")


@pytest.fixture(scope="session")
def package(build_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of the build tree, made once for all processes of this session."""
    base = tmp_path_factory.getbasetemp()
    where = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "package"
    with toolchain.locked(where.with_suffix(".lock")):
        if not list(where.glob("*.deb")):
            config = build_dir / "CPackConfig.cmake"
            toolchain.run_tool(["cpack", "-G", "DEB", "--config", config, "-B", where])
    (found,) = where.glob("*.deb")
    return found
