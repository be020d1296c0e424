# SPDX-License-Identifier: Apache-2.0
"""Libraries with other headers (--sysroot), and workers behind a wrapper (--exec-wrapper)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolchain
from degenerate.build import LIBRARIES, Builder, Degenerate
from mutants import build as mutant_build
from mutants.build import Builder as MutantBuilder
from suite import RED, Run, Suite

MAKE_SYSROOT = toolchain.REPOSITORY / "ci" / "cross" / "make_sysroot.py"
# A worker is built in some seconds of CPU time; the machine may be busy.
BUILD_LIMIT_S = 400
FEW = ("OBJ-01", "CALL-01", "ABI-02")
# What depends on values and layouts of the headers; `ci/check cross` runs all cases.
DEPENDENT = ("ABI-02", "OBJ-11", "CALL-02", "TIME-03", "XFER-01", "XFER-06")

pytestmark = pytest.mark.timeout(2 * BUILD_LIMIT_S)


def make_sysroot(root: Path, *options: str) -> Path:
    toolchain.run_tool([sys.executable, "-B", MAKE_SYSROOT, root, "--cflags=-O0", *options])
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def use_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPCTS_CACHE_DIR", str(cache))
    monkeypatch.delenv("CC", raising=False)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other values and layouts, and a library of both kinds, of which the shared one comes first."""
    return make_sysroot(tmp_path_factory.mktemp("sysroots") / "other", "--other", "--library=both")


@pytest.fixture
def other_static(other: Path) -> Iterator[Path]:
    """The same, where the static library is the only one. At the same path, so no object is compiled again."""
    library = other / "lib" / "libkos-ipc.so"
    away = library.rename(library.with_suffix(".away"))
    yield other
    away.rename(library)


@pytest.fixture
def copied(other: Path, tmp_path: Path) -> Path:
    """A sysroot that a test may damage."""
    return Path(shutil.copytree(other, tmp_path / "sysroot"))


def workers(cache: Path) -> set[str]:
    return {path.parent.parent.name for path in cache.glob("workers/*/bin/cts-worker")}


def run(suite: Suite, root: Path, *options: str, ids: tuple[str, ...] = FEW) -> Run:
    return suite.run(ids, options=["--sysroot", str(root), *options], limit_s=BUILD_LIMIT_S)


def refused(suite: Suite, *options: str | Path) -> str:
    """The one line with which a run ends before it begins."""
    done = suite.call(["run", "OBJ-01", *options], limit_s=BUILD_LIMIT_S)
    assert done.exit_code == 4, done.report
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("ipc-cts: ")
    return lines[0]


def test_other_headers_are_green(suite: Suite, other: Path) -> None:
    """Values and layouts of the reference are nowhere in the suite."""
    done = run(suite, other, "--adapter", "reference", ids=DEPENDENT)
    assert done.exit_code == 0, done.not_green()
    assert done.counts["PASS"] > len(done.cases) / 2
    assert done.counts["SKIP"] == 0, done.counts
    assert done.start["sut"]["headers"] == str(other / "include")
    assert done.start["sut"]["path"] == str(other / "lib" / "libkos-ipc.so")


def test_static_library_is_green(suite: Suite, other_static: Path) -> None:
    done = run(suite, other_static, "--adapter", "reference", ids=DEPENDENT)
    assert done.exit_code == 0, done.not_green()
    assert done.counts["SKIP"] == 0, done.counts
    assert done.start["sut"]["path"] == str(other_static / "lib" / "libkos-ipc.a")


def test_headers_of_another_library_are_red(suite: Suite, other: Path) -> None:
    """The library speaks our numbers, the worker those of the sysroot: it must notice."""
    done = run(suite, other, "--sut", str(suite.reference))
    assert done.exit_code == 1
    assert "PASS" not in {
        verdict for case, verdict in done.verdicts.items() if case.startswith("CALL-")
    }


def test_a_changed_static_library_asks_for_a_link(
    suite: Suite, other_static: Path, tmp_path: Path, cache: Path
) -> None:
    """No object of a case is compiled again, and the worker is never that of another library."""
    whole, library = other_static / "lib" / "libkos-ipc.a", tmp_path / "libkos-ipc.a"
    options = ("--sut", str(library))

    def compiled() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in cache.glob("objects/*/**/cases/*.o")}

    shutil.copy(whole, library)
    assert run(suite, other_static, *options, ids=("OBJ-01.1",)).exit_code == 0
    before = compiled()
    assert before
    toolchain.run_tool(["ar", "d", library, "entry_message.o"])
    os.utime(library, (0, 0))  # older than the worker there is
    line = refused(suite, "--sysroot", other_static, *options)
    assert line.endswith("lacks PackInMsg, PackOutMsg")
    shutil.copy(whole, library)
    toolchain.run_tool(["ar", "m", library, "entry_message.o"])  # other bytes, the same library
    assert run(suite, other_static, *options, ids=("OBJ-01.1",)).exit_code == 0
    assert compiled() == before


def test_a_sysroot_that_cannot_be_read(suite: Suite) -> None:
    assert refused(suite, "--sysroot", "x" * 5000).endswith("File name too long")


def test_worker_is_built_once(suite: Suite, other: Path, cache: Path) -> None:
    run(suite, other)
    before = workers(cache)
    stamps = {name: (cache / "workers" / name / "bin" / "cts-worker").stat().st_mtime_ns
              for name in before}  # fmt: skip
    assert run(suite, other).exit_code == 0
    assert workers(cache) == before
    for name, stamp in stamps.items():
        assert (cache / "workers" / name / "bin" / "cts-worker").stat().st_mtime_ns == stamp


def test_worker_is_built_again_for_changed_headers(suite: Suite, other: Path, cache: Path) -> None:
    assert run(suite, other).exit_code == 0
    before = workers(cache)
    header, library = other / "include" / "rtl" / "retcode.h", other / "lib" / "libkos-ipc.so"
    old = {path: path.read_bytes() for path in (header, library)}
    written = header.stat()
    try:
        header.write_bytes(old[header] + b"/* changed */\n")
        assert run(suite, other).exit_code == 0
        after = workers(cache)
        assert len(after - before) == 1
        # A new library is loaded by the same worker.
        library.write_bytes(old[library] + b"\0")
        assert run(suite, other).exit_code == 0
        assert workers(cache) == after
    finally:
        for path, content in old.items():
            path.write_bytes(content)
        os.utime(header, ns=(written.st_atime_ns, written.st_mtime_ns))
    # What is in the headers counts, not when they were written: this worker is there.
    assert run(suite, other).exit_code == 0
    assert workers(cache) == after


def test_broken_header(suite: Suite, copied: Path, cache: Path) -> None:
    header = copied / "include" / "handle" / "handletype.h"
    header.write_text(header.read_text().replace("typedef rtl_uint32_t Handle", "typedef u32 Handle"))
    before = workers(cache)
    line = refused(suite, "--sysroot", copied)
    assert f"sysroot {copied}: the worker cannot be built: " in line
    assert f"{header}:" in line
    assert "error: unknown type name 'u32'" in line
    log = Path(line.rpartition("(all of it: ")[2].rstrip(")"))
    assert "unknown type name" in log.read_text()
    assert workers(cache) == before
    # Objects of a build that somebody killed are not used.
    (objects,) = (path for path in cache.glob("objects/*")
                  if path.is_dir() and str(copied) in (path / "CMakeCache.txt").read_text())  # fmt: skip
    assert not (objects / "unfinished").exists()
    (objects / "unfinished").touch()
    (objects / "half.o").touch()
    assert "unknown type name 'u32'" in refused(suite, "--sysroot", copied)
    assert not (objects / "half.o").exists()
    doctor = suite.call(["doctor", "--sysroot", copied], limit_s=BUILD_LIMIT_S)
    assert doctor.exit_code == 4
    assert "unknown type name 'u32'" in doctor.stdout


def test_sysroots_that_are_none(suite: Suite, copied: Path, tmp_path: Path) -> None:
    assert "does not exist" in refused(suite, "--sysroot", tmp_path / "nothing")
    assert "no include/coresrv/ipc/ipc_api.h" in refused(suite, "--sysroot", tmp_path)
    for library in (copied / "lib").iterdir():
        library.unlink()
    assert "neither lib/libkos-ipc.so nor lib/libkos-ipc.a" in refused(suite, "--sysroot", copied)


def test_library_that_is_none_is_refused_unbuilt(
    suite: Suite, copied: Path, tmp_path: Path, cache: Path
) -> None:
    text = tmp_path / "library.so"
    text.write_text("not a library\n")
    with (copied / "include" / "rtl" / "retcode.h").open("a") as header:
        header.write("/* unbuilt */\n")
    before = workers(cache)
    assert "not an ELF file" in refused(suite, "--sysroot", copied, "--sut", text)
    assert workers(cache) == before


def test_compilers(suite: Suite, copied: Path) -> None:
    description = copied / "ipc-cts.json"
    assert "no compiler no-such-cc" in refused(suite, "--sysroot", copied, "--cc", "no-such-cc")
    description.write_text('{"cc": "described-cc"}')
    assert "no compiler described-cc" in refused(suite, "--sysroot", copied)
    assert "no compiler given-cc" in refused(suite, "--sysroot", copied, "--cc", "given-cc")
    description.write_text('{"cc": ')
    assert "ipc-cts.json cannot be read" in refused(suite, "--sysroot", copied)
    description.write_text('{"compiler": "gcc"}')
    assert "unknown member compiler" in refused(suite, "--sysroot", copied)


def test_options_that_exclude_each_other(suite: Suite, other: Path) -> None:
    assert "--cc" in refused(suite, "--cc", "gcc")
    assert "--worker" in refused(suite, "--sysroot", other, "--worker", "/bin/true")


def test_list_and_debug(suite: Suite, other: Path) -> None:
    plain = suite.call(["list", "--json"])
    listed = suite.call(["list", "--json", "--sysroot", other], limit_s=BUILD_LIMIT_S)
    assert listed.exit_code == 0
    assert listed.stdout == plain.stdout
    debug = suite.call(["debug", "OBJ-01.1", "--sysroot", other], limit_s=BUILD_LIMIT_S)
    assert debug.exit_code == 0, debug.report
    assert '"verdict":"PASS"' in debug.stderr.replace(" ", "")


def test_debug_line_names_the_sysroot(suite: Suite, other: Path) -> None:
    done = run(suite, other, ids=("OBJ-01.1",))
    assert done.cases[0]["repro"].endswith(f"debug OBJ-01.1 --sysroot {other}")


def test_the_supervisor_knows_no_header_of_the_sdk(build_dir: Path) -> None:
    """Values of the headers under test are the worker's business alone."""
    dependencies = subprocess.run(
        ["ninja", "-C", build_dir, "-t", "deps"], capture_output=True, text=True, check=True
    ).stdout
    include = str(toolchain.SDK_INCLUDE)
    reading = {
        block.splitlines()[0].split(":")[0]
        for block in dependencies.split("\n\n")
        if include in block or "reference-impl/include" in block
    }
    assert reading, "ninja knows nobody who reads the headers"
    assert [name for name in reading if "supervisor" in name] == []


def wrapper(path: Path, *lines: str) -> str:
    """A script that gets the worker's command line."""
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


def filtered(path: Path, program: str) -> str:
    """A wrapper that sends what the worker writes to stdout through an awk program, but only for cases:
    list and probe come through whole."""
    return wrapper(
        path,
        'case "$*" in *--case*) ;; *) exec "$@" ;; esac',
        f"""exec 3>&1; status=$( {{ {{ "$@"; echo $? >&4; }} | awk '{program}' >&3; }} 4>&1 )""",
        'exit "$status"',
    )


def wrapped(
    suite: Suite, command: str, ids: tuple[str, ...] = ("CALL-01.1",), *options: str,
    sut: Path | None = None, adapter: str | None = None,
) -> Run:  # fmt: skip
    words = ["--exec-wrapper", command, *options]
    return suite.run(ids, sut, adapter, words, limit_s=BUILD_LIMIT_S)


def degenerate(name: str) -> Degenerate:
    return next(library for library in LIBRARIES if library.name == name)


def smoke_cases(suite: Suite) -> tuple[str, ...]:
    listed = suite.call(["list", "--json"])
    cases = json.loads(listed.stdout)
    return tuple(case["id"] for case in cases if "smoke" in case["traits"])


@pytest.mark.parametrize("command", ["env", "sh -c '\"$@\"; exit $?' sh"])
def test_wrapper_changes_no_verdict(suite: Suite, command: str) -> None:
    cases = smoke_cases(suite)
    assert cases
    plain = suite.run(cases)
    through = wrapped(suite, command, cases)
    assert through.verdicts == plain.verdicts
    assert through.exit_code == 0
    assert through.start["exec_wrapper"] == command
    repro = through.cases[0]["repro"]
    assert "--exec-wrapper" in repro


def test_whole_filtered_stream_is_green(suite: Suite, tmp_path: Path) -> None:
    """What the damaging wrappers below do is their damage, not their filter."""
    run = wrapped(suite, filtered(tmp_path / "filter", "{ print; fflush() }"))
    assert run.exit_code == 0, run.not_green()


@pytest.mark.parametrize(
    ("program", "says"),
    [("NR != 4", "is missing"), ("{ print } NR == 4", "came twice"),
     ("{ print NR == 4 ? substr($0, 1, length($0) - 5) : $0 }", "is damaged"),
     ("{ if (NR == 4) sub(/:1/, \":2\"); if (NR == 4) sub(/actor/, \"rotca\"); print }", "damaged"),
     ("NR == 3 { kept = $0; next } { print } NR == 4 { print kept }", "is missing")],
    ids=["lost", "doubled", "cut", "changed", "swapped"],
)  # fmt: skip
def test_damaged_stream_is_broken(suite: Suite, tmp_path: Path, program: str, says: str) -> None:
    run = wrapped(suite, filtered(tmp_path / "filter", program))
    assert run.verdicts == {"CALL-01.1": "BROKEN"}
    assert "the stream of the case is damaged" in run.cases[0]["reason"]
    assert says in run.cases[0]["reason"]


def test_end_of_the_stream_is_lost(suite: Suite, tmp_path: Path) -> None:
    """The record says PASS, the worker's end is missing: that is no PASS."""
    run = wrapped(suite, filtered(tmp_path / "filter", '!/:X0$/'))
    assert run.verdicts == {"CALL-01.1": "EARLY_EXIT"}


def test_prints_around_the_stream_are_output(suite: Suite, tmp_path: Path) -> None:
    program = '{ printf "%s", NR % 2 ? "noise " : "ok 1 noise\\n"; print }'
    run = wrapped(suite, filtered(tmp_path / "filter", program))
    assert run.verdicts == {"CALL-01.1": "PASS"}
    assert "noise" in run.cases[0]["output"]


def test_merged_streams_are_told_apart(suite: Suite, tmp_path: Path, degenerates: Builder) -> None:
    """A library that prints TAP, through a wrapper that makes one stream of both."""
    command = wrapper(tmp_path / "merge", 'exec "$@" 2>&1')
    sut = degenerates.build(degenerate("prints_tap"))
    plain = suite.run(["CALL-01.1"], sut)
    run = suite.run(["CALL-01.1"], sut, options=["--exec-wrapper", command])
    assert run.verdicts == plain.verdicts


@pytest.mark.parametrize(
    ("line", "verdict", "says"),
    [("exit 0", "BROKEN", "no worker spoke"), ("echo garbage; exit 3", "BROKEN", "garbage"),
     ("kill -9 $$", "BROKEN", "SIGKILL"), ("exec sleep 1000", "BROKEN", "within 2 s"),
     ('"$@"; exit 9', "BROKEN", "the exec wrapper with 9"),
     ('"$@"; exec sleep 1000', "BROKEN", "the exec wrapper has not"),
     ('"$@"; exit 0', "PASS", "")],
    ids=["silent", "garbage", "killed", "hangs", "own status", "does not end", "no status"],
)  # fmt: skip
def test_wrappers_that_fail(
    suite: Suite, tmp_path: Path, line: str, verdict: str, says: str
) -> None:
    command = wrapper(
        tmp_path / "wrapper", 'case "$*" in *--case*) ;; *) exec "$@" ;; esac', line
    )
    run = wrapped(suite, command, ("OBJ-01.1",), "--timeout-factor", "0.1" if "sleep" in line else "1")
    assert run.verdicts == {"OBJ-01.1": verdict}
    assert says in run.cases[0]["reason"]


@pytest.mark.parametrize(
    ("command", "says"),
    [("no-such-wrapper", "No such file"), ("false", "status 1"), ("sh -c 'echo lost; exit 255'", "lost"),
     ("a | b", "script"), ("'open", "quotes"), ("", "empty")],
)  # fmt: skip
def test_wrapper_that_starts_nothing(suite: Suite, command: str, says: str) -> None:
    assert says in refused(suite, "--exec-wrapper", command)
    doctor = suite.call(["doctor", "--exec-wrapper", command])
    assert doctor.exit_code == 4
    assert says in doctor.stdout
    assert suite.call(["list", "--exec-wrapper", command]).exit_code == 4


def test_list_and_doctor_through_a_wrapper(suite: Suite) -> None:
    plain = suite.call(["list", "--json"])
    assert suite.call(["list", "--json", "--exec-wrapper", "env"]).stdout == plain.stdout
    doctor = suite.call(["doctor", "--exec-wrapper", "env"])
    assert doctor.exit_code == 0
    assert "exec wrapper" in doctor.stdout


def test_mutants_are_red_through_a_wrapper(suite: Suite, mutants: MutantBuilder) -> None:
    chosen = [mutant for mutant in mutant_build.load() if not mutant.survives][::12]
    assert len(chosen) >= 4
    for mutant in chosen:
        built = mutants.build(mutant)
        ids = tuple(mutant.expect_cases) or (mutant.requirement,)
        options = [*mutant.options, "--timeout-factor", "0.5"]
        sut = {"sut": built.library, "adapter": mutant.base.adapter or None}
        run = wrapped(suite, "env", ids, *options, "--stop-on-fail", **sut)
        if run.counts["BROKEN"]:
            run = wrapped(suite, "env", ids, *options, **sut)
        assert set(run.counts) & RED, f"{mutant.id} survives: {run.counts}"


@pytest.mark.parametrize("name", ["crash_in_set", "exit_in_call", "hang_in_recv", "kill_in_set"])
def test_hostile_libraries_get_their_verdicts(
    suite: Suite, degenerates: Builder, name: str
) -> None:
    sut = degenerates.build(degenerate(name))
    options = ["--timeout-factor", "0.3"]
    plain = suite.run(["CALL-01.1", "RECV-01.1"], sut, options=options)
    run = suite.run(["CALL-01.1", "RECV-01.1"], sut, options=[*options, "--exec-wrapper", "env"])
    assert run.verdicts == plain.verdicts
    assert run.exit_code == 1
