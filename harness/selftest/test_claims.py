# SPDX-License-Identifier: Apache-2.0
"""What a library is declared to offer is compared with what it offers, both ways."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import toolchain
from suite import Suite

# Cases that need KnHandleCopy, which the condvar variant lacks, and one that needs nothing.
COPY, PLAIN = "XFER-08.5", "OBJ-01.1"
INCLUDE = ("-I", toolchain.SDK_INCLUDE, "-I", toolchain.REPOSITORY / "harness" / "include")


def adapter(tmp_path: Path, members: str, size: str = "sizeof(struct cts_adapter)") -> Path:
    """An adapter with nothing but these members."""
    source, target = tmp_path / "adapter.c", tmp_path / "adapter.so"
    source.write_text(
        "#include <cts/adapter.h>\n#include <stddef.h>\n"
        '__attribute__((visibility("default"))) extern const struct cts_adapter cts_adapter;\n'
        f"const struct cts_adapter cts_adapter = {{.version = 1, .size = {size}, "
        f'.name = "claiming", {members}}};\n'
    )
    toolchain.compile_object(source, tmp_path / "adapter.o", INCLUDE)
    toolchain.link_library([tmp_path / "adapter.o"], target)
    return target


def test_claimed_and_present(suite: Suite) -> None:
    words = ",".join(suite.run([PLAIN]).start["capabilities"]["present"])
    assert {"autoclear", "copy", "two-processes", "virtual-time"} <= set(words.split(","))
    run = suite.run([COPY, PLAIN], options=["--claims", words])
    assert run.exit_code == 0, run.report
    assert "claimed" not in run.report.replace("--claims", "")


def test_claimed_and_absent(suite: Suite) -> None:
    """Its cases are FAIL instead of SKIP, and the last line names it."""
    run = suite.run([COPY, PLAIN], suite.variant("condvar"), options=["--claims", "copy"])
    assert run.exit_code == 1
    assert run.verdicts == {COPY: "FAIL", PLAIN: "PASS"}
    assert "copy is claimed and absent: the library has no KnHandleCopy" in run.report
    assert run.report.splitlines()[-1].endswith("not conformant: XFER-08; claimed and absent: copy")
    assert "  copy (KnHandleCopy)\n" in run.stdout
    repro = next(case["repro"] for case in run.cases if case["case"] == COPY)
    assert "--claims copy" in repro


def test_claimed_and_absent_without_a_case_that_needs_it(suite: Suite, tmp_path: Path) -> None:
    """The claim itself is wrong, whatever was selected; readers of TAP see it as well."""
    tap = tmp_path / "run.tap"
    options = ["--claims", "autoclear,stages", "--tap-file", str(tap)]
    run = suite.run([PLAIN], suite.variant("condvar"), options=options)
    assert run.exit_code == 1
    assert run.verdicts == {PLAIN: "PASS"}
    assert run.report.splitlines()[-1].endswith("; claimed and absent: autoclear, stages")
    assert run.start["capabilities"] == {"claimed": ["autoclear", "stages"], "present": []}
    assert run.end["exit_code"] == 1
    assert subprocess.run(["prove", "-e", "cat", tap], capture_output=True, check=False).returncode == 1
    assert "not ok 2 - claimed capabilities are present" in tap.read_text()


def test_unclaimed_and_present(suite: Suite) -> None:
    run = suite.run([COPY, PLAIN], options=["--claims", "none"])
    assert run.exit_code == 0
    assert run.verdicts == {COPY: "PASS", PLAIN: "PASS"}
    present = run.start["capabilities"]["present"]
    assert run.start["capabilities"]["claimed"] == []
    assert f"notice   present and not claimed: {', '.join(present)}" in run.report
    assert f"Present and not claimed:\n  {', '.join(present)}\n" in run.report


def test_unclaimed_and_absent(suite: Suite) -> None:
    run = suite.run([COPY, PLAIN], suite.variant("condvar"), options=["--claims", "none"])
    assert run.exit_code == 0
    assert run.verdicts == {COPY: "SKIP", PLAIN: "PASS"}
    assert "not claimed" not in run.report


def test_without_claims_nothing_is_compared(suite: Suite) -> None:
    run = suite.run([COPY, PLAIN], suite.variant("condvar"))
    assert run.exit_code == 0
    assert run.start["capabilities"]["claimed"] is None
    assert "claimed" not in run.report


def test_an_adapter_claims(suite: Suite, tmp_path: Path) -> None:
    library, claiming = suite.variant("condvar"), adapter(tmp_path, '.claims = "copy, Autoclear"')
    run = suite.run([COPY], library, claiming)
    assert run.exit_code == 1
    assert run.verdicts == {COPY: "FAIL"}
    assert run.start["capabilities"]["claimed"] == ["autoclear", "copy"]
    # The command line has the last word.
    run = suite.run([COPY], library, claiming, options=["--claims", "none"])
    assert (run.exit_code, run.verdicts) == (0, {COPY: "SKIP"})


def test_an_older_adapter_claims_nothing(suite: Suite, tmp_path: Path) -> None:
    older = adapter(tmp_path, '.claims = "copy"', "offsetof(struct cts_adapter, claims)")
    run = suite.run([COPY], suite.variant("condvar"), older)
    assert (run.exit_code, run.verdicts) == (0, {COPY: "SKIP"})
    assert run.start["capabilities"]["claimed"] is None


def test_an_adapter_that_claims_nonsense_does_not_fit(suite: Suite, tmp_path: Path) -> None:
    odd = adapter(tmp_path, '.claims = "copy everything"')
    run = suite.run([PLAIN], suite.variant("condvar"), odd)
    assert run.exit_code == 4
    assert "the adapter claims 'everything'" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_claims_from_a_file(suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "claims"
    path.write_text("# what we offer\ncopy  # KnHandleCopy\n\nautoclear, revoke\n")
    run = suite.run([PLAIN], options=["--claims", f"@{path}"])
    assert run.start["capabilities"]["claimed"] == ["autoclear", "copy", "revoke"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("copy,fly", "fly is no capability; known are autoclear, copy,"),
        ("", "holds no word"),
        ("none,copy", "copy is no capability"),
        ("copy none", "none is no capability"),
        ("@/does/not/exist", "/does/not/exist: No such file"),
        ("@/", "/: Is a directory"),
        ("\x1b[2J", "is no capability"),
    ],
)
def test_refused(suite: Suite, value: str, says: str) -> None:
    for verb in (["run"], ["doctor"], ["debug", PLAIN]):
        run = suite.call([*verb, "--claims", value])
        assert run.exit_code == 4
        assert len(run.stderr.splitlines()) == 1
        assert says in run.stderr
        assert "\x1b" not in run.stderr


def test_doctor_shows_both_sides(suite: Suite) -> None:
    def lines(*words: str) -> dict[str, str]:
        run = suite.call(["doctor", "--color=never", *words])
        assert run.exit_code == 0
        return {line[9:27].strip(): line[:8].strip() + " " + line[28:]
                for line in run.stdout.partition("\n\n")[0].splitlines()}  # fmt: skip

    shown = lines()
    assert shown["capabilities"].startswith("ok autoclear, copy,")
    assert not {"claimed", "claimed and absent", "not claimed"} & set(shown)
    shown = lines("--sut", str(suite.variant("condvar")), "--claims", "copy")
    assert shown["capabilities"] == "ok none"
    assert shown["claimed"] == "ok copy"
    assert shown["claimed and absent"].startswith("notice copy")
    assert "not claimed" not in shown
    assert lines("--claims", "copy")["not claimed"].startswith("notice autoclear, revoke,")


def test_debug_judges_by_the_claims_too(suite: Suite) -> None:
    library = suite.variant("condvar")
    for claims, verdict, code in (("copy", "FAIL", 1), ("none", "SKIP", 77)):
        run = suite.call(["debug", COPY, "--sut", library, "--claims", claims])
        record = json.loads(run.stderr.splitlines()[-1])
        assert (record["verdict"], run.exit_code) == (verdict, code)
