# SPDX-License-Identifier: Apache-2.0
"""Shards: the whole of them is one run, and anything else is refused by its name."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import evidence_logs
import jsonschema
import logs
import pytest
from ctsreport import cli, events, results
from ctsreport.evidence import merge

PLAN = ["CALL-01.1", "CALL-01.2", "CALL-02.1", "OBJ-01.1", "OBJ-02.1", "RECV-01.1", "TIME-01.1"]
VERDICTS = {"CALL-02.1": "FAIL", "OBJ-02.1": "SKIP", "TIME-01.1": "INCONCLUSIVE"}
SCHEMA = json.loads((Path(__file__).parent.parent / "schema/events.schema.json").read_text())

Record = dict[str, Any]


def parts(count: int = 3, repeat: int = 1) -> list[list[Record]]:
    return evidence_logs.shards(PLAN, count, VERDICTS, repeat)


def shard(number: int, records: list[Record]) -> merge.Shard:
    return merge.read_shard(f"s{number}.jsonl", logs.encode(records))


def merged(runs: list[list[Record]]) -> list[Record]:
    content = merge.merge([shard(n, records) for n, records in enumerate(runs, start=1)])
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize(("count", "repeat"), [(1, 1), (2, 1), (3, 2), (7, 1)])
def test_merged_reads_like_one_run(count: int, repeat: int) -> None:
    one = evidence_logs.run(PLAN, VERDICTS, repeat)
    whole = merged(parts(count, repeat))
    assert [r for r in whole if "case" in r] == [r for r in one if "case" in r]
    assert whole[0].pop("shards") and whole[0] == one[0]
    assert {**whole[-1], "verdicts": one[-1]["verdicts"]} == one[-1]
    assert whole[-1]["verdicts"] == dict(sorted(one[-1]["verdicts"].items()))
    read = results.collect(events.read(logs.lines(whole)))
    assert not read.problems and [case.case for case in read.cases] == PLAN


def test_information_of_each_shard_is_kept_and_valid() -> None:
    whole = merged(parts())
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for record in [*whole, *itertools.chain(*parts())]:
        validator.validate(record)
    assert [(s["index"], s["planned"]) for s in whole[0]["shards"]] == [(1, 3), (2, 2), (3, 2)]
    assert all({"machine", "time_utc", "jobs", "log_sha256"} <= set(s) for s in whole[0]["shards"])


def test_order_of_the_arguments_does_not_matter() -> None:
    read = [shard(n, records) for n, records in enumerate(parts(), start=1)]
    assert len({merge.merge(order) for order in itertools.permutations(read)}) == 1


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [({}, 0), ({"OBJ-01.1": "CRASH", "TIME-01.1": "INCONCLUSIVE"}, 1),
     ({"TIME-01.1": "INCONCLUSIVE"}, 6)],
)  # fmt: skip
def test_exit_code(verdicts: dict[str, str], code: int) -> None:
    assert merged(evidence_logs.shards(PLAN, 2, verdicts))[-1]["exit_code"] == code


def refused(runs: list[list[Record]]) -> str:
    with pytest.raises(merge.MergeError) as found:
        merged(runs)
    text = str(found.value)
    assert "\n" not in text
    return text


def changed(run: list[Record], **members: Any) -> list[Record]:
    return [{**run[0], **members}, *run[1:]]


def test_missing() -> None:
    assert refused(parts()[:2]) == "shard is missing: 3/3"
    assert refused([parts()[1]]) == "shards are missing: 1/3, 3/3"


def test_doubled() -> None:
    first, second, third = parts()
    assert refused([first, second, third, second]) == (
        "s4.jsonl (shard 2/3) is doubled: s2.jsonl is that shard, too"
    )


@pytest.mark.parametrize(
    ("digest", "words"),
    [("suite", "suite"), ("sut", "library"), ("adapter", "adapter"), ("profile", "profile")],
)
def test_foreign_by_digest(digest: str, words: str) -> None:
    first, second, third = parts()
    other = changed(second, digests={**second[0]["digests"], digest: "0" * 64})
    text = refused([first, other, third])
    assert text.startswith("s2.jsonl (shard 2/3) is foreign: s1.jsonl has another " + words)


def test_foreign_in_other_ways() -> None:
    first, second, third = parts()
    assert "s2.jsonl (shard 2/4) is foreign: s1.jsonl is of 3 shards" == refused(
        [first, parts(4)[1], third]
    )
    swapped = changed(second, shard={**second[0]["shard"], "index": 3})
    assert "s3.jsonl (shard 3/3) is doubled" in refused([first, swapped, third])
    numbered = [first, swapped, changed(third, shard={**third[0]["shard"], "index": 2})]
    assert "together are not the plan" in refused(numbered)
    other = [r for r in second if r.get("id") != "OBJ-99.1"]
    assert "another catalogue" in refused([first, other, third])


def test_not_a_whole_shard() -> None:
    first, second, third = parts()
    assert refused([first, second[:-1], third]).startswith("s2.jsonl is not a whole run: no run_end")
    assert "s2.jsonl is not a whole run: 1 of 2 cases without" in refused(
        [first, [r for r in second if r.get("case") != "CALL-01.2"], third]
    )
    assert refused([first, evidence_logs.run(PLAN, {}), third]) == (
        "s2.jsonl is not a shard: its run had no --shard"
    )
    damaged = changed(second, shard={"index": 0, "count": 3, "plan": ""})
    assert "damaged" in refused([first, damaged, third])


def test_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = []
    for number, records in enumerate(parts(), start=1):
        names.append(str(tmp_path / f"s{number}.jsonl"))
        Path(names[-1]).write_bytes(logs.encode(records))
    out = tmp_path / "events.jsonl"
    assert cli.main(["merge", *names[1:], "-o", str(out)]) == cli.USAGE
    assert capfd.readouterr().err == "ipc-cts: shard is missing: 1/3\n" and not out.exists()
    assert cli.main(["merge", *names, "-o", str(out)]) == cli.DONE
    assert cli.main(["report", "--format", "tap14", str(out)]) == cli.DONE
    assert capfd.readouterr().out.startswith("TAP version 14\n1..7\n")
