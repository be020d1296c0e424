# SPDX-License-Identifier: Apache-2.0
"""Shards, waivers and certification as commands, with runs of their own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from degenerate import build as degenerate_build
from suite import Run, Suite

IDS = ["OBJ-01", "CALL-02", "SCOPE-01"]
VERIFY = Path(__file__).resolve().parents[2] / "reports/ctsreport/evidence/verify.py"


def in_shards(suite: Suite, count: int, *options: str) -> list[Run]:
    return [
        suite.run(IDS, options=["--profile", "smoke", "--shard", f"{i}/{count}", *options])
        for i in range(1, count + 1)
    ]


def test_shards_add_up(suite: Suite, tmp_path: Path) -> None:
    whole = suite.run(IDS, options=["--profile", "smoke"])
    shards = in_shards(suite, 3)
    assert all(shard.exit_code == 0 for shard in shards)
    out = tmp_path / "merged.jsonl"
    merged = suite.call(["merge", *(shard.log for shard in reversed(shards)), "-o", out])
    assert merged.exit_code == 0, merged.report
    events = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert events[0]["planned"] == whole.start["planned"]
    assert len(events[0]["shards"]) == 3 and "shard" not in events[0]
    starts = [event["index"] for event in events if event["event"] == "case_start"]
    assert starts == list(range(1, len(whole.start["planned"]) + 1))
    assert suite.call(["report", "--format", "junit", out]).exit_code == 0
    for left_out in range(3):
        some = [shard.log for i, shard in enumerate(shards) if i != left_out]
        refused = suite.call(["merge", *some, "-o", out])
        assert refused.stderr == f"ipc-cts: shard is missing: {left_out + 1}/3\n"
        assert refused.exit_code == 4
    foreign = in_shards(suite, 3, "--seed", "7")[1]
    refused = suite.call(["merge", shards[0].log, foreign.log, shards[2].log, "-o", out])
    assert "foreign" in refused.stderr and foreign.log in refused.stderr
    assert refused.exit_code == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--shard", "0/2"], "2/5"), (["--shard", "3/2"], "2/5"), (["--shard", "1/2x"], "2/5"),
     (["--shard", "1/2", "--shuffle"], "--seed"), (["--shard", "1/500"], "shards at most"),
     (["--sut-version", "1..2"], "1.2.0"), (["--waivers", "/nonexistent/w"], "No such file"),
     (["--shard", "1/2", "--waivers", "w"], "merge")],
)  # fmt: skip
def test_wrong_use(suite: Suite, options: list[str], words: str) -> None:
    run = suite.run(["OBJ-01"], options=options)
    assert run.exit_code == 4 and run.stderr.count("\n") == 1 and words in run.stderr, run.report


def waivers_file(path: Path, digest: str, cases: list[str], **changes: Any) -> Path:
    rows = [
        {"id": f"W-{i}", "requirement": case.rpartition(".")[0], "case": case, "reason": "known",
         "issue": "I-1", "owner": "us", "created": "2020-01-01", "expires": "2999-12-31",
         "sut": {"sha256": digest}, **changes}
        for i, case in enumerate(cases, start=1)
    ]  # fmt: skip
    path.write_text(json.dumps({"version": 1, "waivers": rows}))
    return path


def test_waivers_of_a_run(
    suite: Suite, degenerates: degenerate_build.Builder, tmp_path: Path
) -> None:
    (kind,) = (row for row in degenerate_build.LIBRARIES if row.name == "always_error")
    library = degenerates.build(kind)
    plain = suite.run(["OBJ-01"], sut=library)
    assert plain.exit_code == 1
    digest = plain.start["digests"]["sut"]
    assert digest == hashlib.sha256(Path(library).read_bytes()).hexdigest()
    failed = plain.not_green()
    names = [line.split()[0] for line in failed]
    file = waivers_file(tmp_path / "w.yaml", digest, names)
    log = tmp_path / "waived.jsonl"
    words: list[str | Path] = ["run", "-q", "OBJ-01", "--sut", library, "--events", log]
    accepted = suite.call([*words, "--waivers", file, "--tap-file", tmp_path / "run.tap"])
    assert accepted.exit_code == 0, accepted.report
    assert accepted.stdout.count("\nwaived by W-") == len(names)
    assert (tmp_path / "run.tap").read_text().count("# TODO waiver W-") == len(names)
    # The raw verdicts stay in the log.
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert events[-1]["exit_code"] == 1 and "waiver" not in log.read_text()
    assert {e["case"] for e in events if e.get("verdict") == "FAIL" and e["event"] == "case_end"}
    for changes, state in (({"expires": "2020-01-02"}, "expired"),
                           ({"sut": {"sha256": "0" * 64}}, "unmatched")):  # fmt: skip
        waivers_file(file, digest, names, **changes)
        run = suite.call([*words, "--waivers", file])
        assert run.exit_code == 1 and f"is {state}: " in run.stdout, run.report


def test_certify_and_verify(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what needs no full run: a full one is certified by hand and in the release."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2hunter2")
    missing = suite.call(["certify", "--statement", tmp_path / "s", "--out", tmp_path / "b.tar"])
    assert missing.exit_code == 4 and missing.stderr.count("\n") == 1
    assert not (tmp_path / "b.tar").exists()
    log = tmp_path / "e.jsonl"
    documents: list[str | Path] = []
    for kind in ("junit", "json", "html", "matrix", "tap-file"):
        documents += [f"--{kind}", tmp_path / f"run.{kind}"]
    assert suite.call(["run", "-q", "OBJ-01", "--events", log, *documents]).exit_code == 0
    for path in tmp_path.iterdir():
        assert b"hunter2" not in path.read_bytes(), path
    told = suite.call(["verify", log])
    assert told.exit_code == 7 and told.stderr.startswith("refused NOT_A_TAR: ")
    alone = subprocess.run(
        [sys.executable, "-I", VERIFY, log], capture_output=True, text=True, check=False
    )
    assert (alone.returncode, alone.stderr) == (7, told.stderr)


@pytest.mark.slow
def test_full_certification(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything, once; in a tree without changes, since no other is certified."""
    root = VERIFY.parents[3]
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), "status", "--porcelain"]
    if subprocess.run(command, capture_output=True, check=False).stdout:
        pytest.skip("the tree has changes without a commit")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2hunter2")
    statement, key, public = (tmp_path / name for name in ("s.yaml", "key.pem", "pub.pem"))
    names = ("vendor", "product", "os", "cpu", "contact")
    statement.write_text("".join(f"{n}: a {n}\n" for n in names) + 'version: "1.2.0"\n')
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    words = ["certify", "--statement", statement, "--key", key, "--out"]
    out = tmp_path / "evidence.tar"
    made = suite.call([*words, out, "--repeat", "1"], limit_s=600)
    assert made.exit_code == 0, made.report
    assert b"hunter2" not in out.read_bytes()
    alone = subprocess.run(
        [sys.executable, "-I", VERIFY, out, "--key", public],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert alone.returncode == 0 and "equal to the byte" in alone.stdout, alone.stderr
    # The run of a part is no evidence.
    part = suite.run(["OBJ-01"], options=["--strict", "--sut-version", "1.2.0"])
    refused = suite.call([*words, tmp_path / "part.tar", "--events", part.log])
    assert refused.exit_code == 1 and "MUSTPASS_MISSING" in refused.stderr, refused.report
    assert not (tmp_path / "part.tar").exists()
