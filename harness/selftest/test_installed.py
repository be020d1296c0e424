# SPDX-License-Identifier: Apache-2.0
"""The Debian package, unpacked where nobody expected it, and a user's CMake project that finds it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from mutants import build as mutant_build
from suite import Suite
from toolchain import REPOSITORY

PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
enable_testing()
find_package(ipc-cts 0.1 REQUIRED)
add_library(good SHARED IMPORTED)
set_target_properties(good PROPERTIES IMPORTED_LOCATION {good})
ipc_cts_add_tests(good AREAS OBJ V14 PREFIX good)
ipc_cts_add_tests("{reference}" ADAPTER reference AREAS SCOPE PREFIX good OPTIONS --strict)
ipc_cts_add_tests({bad} AREAS CALL PROFILE smoke PREFIX bad TIMEOUT 90)
ipc_cts_add_tests(good PREFIX every DIRECTORY ${{CMAKE_BINARY_DIR}}/every)
add_library(adapter MODULE adapter.c)
target_link_libraries(adapter PRIVATE ipc-cts::headers)
"""


def tool(words: Sequence[str | Path], where: Path, expected: int = 0) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(
    package: Path, suite: Suite, tmp_path_factory: pytest.TempPathFactory
) -> Suite:
    """The suite of the unpacked package; its prefix is `build`."""
    root = tmp_path_factory.mktemp("a strange place")
    tool(["dpkg-deb", "-x", package, root], root)
    prefix = root / "usr"
    here = Suite(prefix, tmp_path_factory.mktemp("work"))
    here.reference = prefix / "lib/ipc-cts/libkos-ipc.so"
    return here


def test_package_says_what_it_needs(package: Path) -> None:
    fields = tool(["dpkg-deb", "-f", package], package.parent)
    needed = re.search(r"(?m)^Depends: (.*)$", fields)
    assert needed is not None
    for name in ("libc6", "libcjson1", "libnettle", "openssl", "python3-jinja2", "python3-lxml"):
        assert name in needed[1], fields


def test_no_file_knows_where_it_was_built(installed: Suite, build_dir: Path) -> None:
    count = 0
    for path in installed.build.rglob("*"):
        if path.is_file():
            count += 1
            content = path.read_bytes()
            assert str(REPOSITORY).encode() not in content, path
            assert str(build_dir).encode() not in content, path
    assert count > 150


def test_commands(installed: Suite, suite: Suite) -> None:
    own = str(installed.build)
    checked = installed.call(["doctor"])
    assert checked.exit_code == 0 and own in checked.stdout, checked.report
    assert installed.call(["list"]).stdout == suite.call(["list"]).stdout
    # ABI compiles the headers that are installed.
    run = installed.run(["ABI", "CALL-02.1"], options=["--html", "r.html", "--json", "r.json"])
    assert run.exit_code == 0 and run.counts["SKIP"] == 0, run.report
    assert run.start["sut"]["path"].startswith(own)
    assert installed.call(["explain", "CALL-02.1"]).stdout.startswith("PASS CALL-02.1 ")
    for words, code in ((["report", "--format", "junit", run.log], 0), (["matrix", run.log], 0),
                        (["diff", run.log, run.log], 0), (["verify", run.log], 7),
                        (["selftest"], 3)):  # fmt: skip
        told = installed.call(words)
        assert told.exit_code == code, told.report
        assert code == 0 or told.stderr.count("\n") == 1


def test_sources_of_the_worker_are_whole(installed: Suite) -> None:
    """What harness/tools/sysroot.py digests and CMake compiles is all there."""
    share = installed.build / "share/ipc-cts"
    for pattern in ("conformance/cases/*.c", "conformance/model/*.[ch]", "harness/src/worker/*",
                    "harness/include/cts/*", "ci/cmake/*", "reports/schema/*"):  # fmt: skip
        ours = {path.relative_to(REPOSITORY) for path in REPOSITORY.glob(pattern)}
        assert ours and ours == {path.relative_to(share) for path in share.glob(pattern)}, pattern


@pytest.mark.slow
def test_worker_for_other_headers(installed: Suite, tmp_path: Path) -> None:
    """--sysroot builds a worker from the sources in the package."""
    if shutil.which("ninja") is None:
        pytest.skip("no ninja")
    sysroot = tmp_path / "sysroot"
    shutil.copytree(installed.build / "include/ipc-cts", sysroot / "include")
    (sysroot / "lib").mkdir()
    shutil.copy(installed.reference, sysroot / "lib")
    os.environ["IPCTS_CACHE_DIR"] = str(tmp_path / "cache")
    try:
        run = installed.run(["OBJ-01"], options=["--sysroot", str(sysroot)], limit_s=300)
    finally:
        del os.environ["IPCTS_CACHE_DIR"]
    assert run.exit_code == 0 and run.counts["PASS"] > 0, run.report


def test_project_of_a_user(
    installed: Suite, suite: Suite, mutants: mutant_build.Builder, tmp_path: Path
) -> None:
    (wrong,) = (m for m in mutant_build.load() if m.id == "taken-call-is-interrupted")
    bad = mutants.build(wrong).library
    shutil.copy(REPOSITORY / "harness/adapters/os-process/adapter.c", tmp_path)
    text = PROJECT.format(good=suite.variant("condvar"), bad=bad, reference=installed.reference)
    (tmp_path / "CMakeLists.txt").write_text(text)
    build = tmp_path / "build"
    tool(["cmake", "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={installed.build}"], tmp_path)
    tool(["cmake", "--build", build], tmp_path)
    every = tool(["ctest", "-N", "-R", "^every"], build)
    areas = {row["id"].partition("-")[0]
             for row in json.loads(suite.call(["list", "--json"]).stdout)}  # fmt: skip
    assert set(re.findall(r"every\.(\w+)", every)) == areas
    good = tool(["ctest", "-R", "^good", "--output-on-failure"], build)
    assert len(re.findall(r"good\.(?:OBJ|SCOPE) \.+ +Passed", good)) == 2, good
    # V14 is of another profile: nothing is selected.
    assert re.search(r"good\.V14 \.+\*+Skipped", good), good
    told = tool(["ctest", "-R", "^bad", "--output-on-failure"], build, expected=8)
    assert "1 tests failed out of 1" in told and "FAIL CALL-02." in told
    assert "requirement  CALL-02 (must)" in told
    assert '<failure message=' in (build / "ipc-cts/CALL.junit.xml").read_text()
    assert (build / "ipc-cts/OBJ.events.jsonl").is_file()


@pytest.mark.parametrize(
    ("words", "why"),
    [("good NONSENSE x", "NONSENSE"), ("good PROFILE", "PROFILE needs a value")],
)
def test_wrong_words_in_a_project(
    installed: Suite, tmp_path: Path, words: str, why: str
) -> None:
    text = PROJECT.split("add_library(good", maxsplit=1)[0] + f"ipc_cts_add_tests({words})\n"
    (tmp_path / "CMakeLists.txt").write_text(text)
    done = subprocess.run(
        ["cmake", "-S", tmp_path, "-B", tmp_path / "b",
         f"-DCMAKE_PREFIX_PATH={installed.build}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0 and why in done.stderr


@pytest.mark.parametrize(
    ("content", "why"),
    [("commit unknown\ntree clean\n", "names no commit"),
     (f"commit {'a' * 40}\ntree changed\n", "changes without a commit"),
     ("", "names no commit")],
)  # fmt: skip
def test_evidence_needs_a_revision(
    installed: Suite, tmp_path: Path, content: str, why: str
) -> None:
    prefix = tmp_path / "usr"
    shutil.copytree(installed.build, prefix)
    (prefix / "share/ipc-cts/REVISION").write_text(content)
    other = Suite(prefix, tmp_path)
    told = other.call(["certify", "--statement", tmp_path / "none", "--out", tmp_path / "b.tar"])
    assert told.exit_code == 4 and why in told.stderr and told.stderr.count("\n") == 1
    assert not (tmp_path / "b.tar").exists()
