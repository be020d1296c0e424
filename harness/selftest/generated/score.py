#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which generated mutants does the suite find?

    python3 harness/selftest/generated/score.py --sample 150 [--seed 1] [--jobs 2]

Results are kept in BUILD/selftest/generated/results.jsonl: what is there for the same object code
and the same suite is not run again, and what an older suite found is looked for with the case that
found it first. So a run may be ended at any time and goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toolchain
from generated import mutate
from generated.mutate import Builder, Mutant, Sieve
from judge import Judge, Outcome, Results, suite_digest

SURVIVORS = Path(__file__).resolve().parent / "survivors.yaml"
# Cases that go first: one of each kind, until kills say which are better.
FIRST = (
    "OBJ-05.1", "OBJ-10.1", "CALL-01.1", "CALL-02.1", "CALL-04.1", "CALL-07.1", "RECV-01.1",
    "RECV-03.1", "RECV-04.1", "STATE-02.1", "XFER-01.1", "XFER-06.1", "TIME-01.21",
)  # fmt: skip
LEADERS = 24

# Cases of three areas that every library with any use passes.
SMOKE = ("OBJ-05.1", "CALL-07.1", "RECV-02.1")
CONFIRMATIONS = 3
# Cases that run only when they are named.
OPT_IN = ("OBJ-16.1", "OBJ-16.2")
# The edition with all requirements.
PROFILE = ("--profile", "ce-1.4")

KILLED = "killed"
DEAD = "dead"  # a smoke case does not pass: killed, too
BY_CHANCE = "by-chance"  # red in one run, and not when the case ran again alone
BROKEN = "broken"  # no case is red; one could not be prepared
HANGS = "hangs"  # ipc-cts itself did not end
SURVIVED = "survived"


# Nothing can be observed; what can be observed is left open by the documents, so that the library
# is a right one; only a schedule that chance does not bring shows it.
VERDICTS = ("equivalent", "conforming", "needs-schedules")


@dataclass(frozen=True)
class Survivor:
    """Why a mutant is not found, in writing."""

    id: str
    verdict: str  # one of VERDICTS
    reason: str


def load_survivors(path: Path = SURVIVORS) -> dict[str, Survivor]:
    """By mutant id; BuildError for a record that is not well formed."""
    found: dict[str, Survivor] = {}
    for record in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        for name in record["ids"]:
            row = Survivor(name, record["verdict"], " ".join(record["reason"].split()))
            if row.verdict not in VERDICTS or not row.reason:
                raise toolchain.BuildError(f"{path.name}: {name}: verdict or reason is missing")
            if name in found:
                raise toolchain.BuildError(f"{path.name}: {name} stands there twice")
            found[name] = row
    return found


class Scorer:
    """Runs the suite on mutants, the cases that found most so far first."""

    def __init__(self, builder: Builder, judge: Judge, results: Results) -> None:
        self.builder = builder
        self.judge = judge
        self.results = results

    def leaders(self, mutant: Mutant) -> list[str]:
        """The cases that found most, those of the same file first."""
        near: Counter[str] = Counter()
        far: Counter[str] = Counter()
        for row in self.results.rows():
            if row["state"] == KILLED:
                (near if row["file"] == mutant.file else far)[row["case"]] += 1
        ranked = [case for counter in (near, far) for case, _ in counter.most_common(LEADERS)]
        return self.judge.known(dict.fromkeys([*ranked, *FIRST]))[:LEADERS]

    def _confirmed(self, library: Path, outcome: Outcome) -> dict[str, Any] | None:
        """State for an outcome that is red: the case alone has to be red again."""
        if outcome.exit_code is None:
            return {"state": HANGS}
        if not outcome.killers:
            return None
        case, verdict = outcome.killers[0]
        state = {"state": BY_CHANCE, "case": case, "verdict": verdict}
        for _ in range(CONFIRMATIONS):
            if self.judge.run(library, [case], options=PROFILE).killers:
                return state | {"state": KILLED}
        return state

    def _is_dead(self, library: Path) -> bool:
        outcome = self.judge.run(library, SMOKE, options=())
        return any(verdict != "PASS" for _, verdict in outcome.verdicts)

    def _judge(self, mutant: Mutant, library: Path, hint: str | None) -> dict[str, Any]:
        chance: dict[str, Any] | None = None
        broken: list[tuple[str, str]] = []
        stages: list[tuple[list[str], tuple[str, ...]]] = [
            (self.leaders(mutant), ("--stop-on-fail",)),
            ([], ("--stop-on-fail",)),
            (self.judge.known(OPT_IN), ("--stop-on-fail",)),
        ]
        if hint in self.judge.cases:
            stages.insert(0, ([str(hint)], ()))
        while stages:
            ids, options = stages.pop(0)
            outcome = self.judge.run(library, ids, options=(*options, *PROFILE))
            state = self._confirmed(library, outcome)
            if state is not None and state["state"] != BY_CHANCE:
                return state
            chance = chance or state
            if outcome.broken and not broken and self._is_dead(library):
                return {"state": DEAD, "case": outcome.broken[0][0]}
            if outcome.broken and options:
                broken += outcome.broken
                stages.insert(0, (ids, ()))  # it stopped at a case that did not reach its claim
        if chance is not None:
            return chance
        return {"state": BROKEN, "case": broken[0][0]} if broken else {"state": SURVIVED}

    def score(self, mutant: Mutant) -> Mapping[str, Any]:
        key = toolchain.digest([self.builder.base_key, mutant.file, self.builder.code(mutant)])
        known = self.results.get(key)
        if known is not None and known["suite"] == suite_digest():
            return known
        hint = known.get("case") if known is not None else None
        with tempfile.TemporaryDirectory(prefix="generated-") as directory:
            library = Path(directory) / "libkos-ipc.so"
            self.builder.link(mutant, library)
            state = self._judge(mutant, library, hint)
        return self.results.add(
            key, id=mutant.id, file=mutant.file, suite=suite_digest(), **state
        )  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """A sample, and what became of each mutant."""

    sieve: Sieve
    seed: int
    rows: tuple[tuple[Mutant, Mapping[str, Any]], ...]

    def of_state(self, *states: str) -> list[tuple[Mutant, Mapping[str, Any]]]:
        return [row for row in self.rows if row[1]["state"] in states]


def score_sample(
    build: Path,
    sample: int | None,
    seed: int,
    jobs: int,
    tell: Callable[[str], None] = lambda line: None,
) -> Scored:
    """Sift, build and judge; None as the sample is all of them."""
    out = build / "selftest" / "generated"
    builder = Builder(out)
    order = mutate.in_sample_order(mutate.all_mutants(), seed)
    sieve = mutate.sift(builder, order, sample, max(jobs, 2))
    scorer = Scorer(builder, Judge(build), Results(out / "results.jsonl"))
    rows: list[tuple[Mutant, Mapping[str, Any]]] = []
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, row in zip(sieve.kept, pool.map(scorer.score, sieve.kept)):
            rows.append((mutant, row))
            tell(f"{row['state']:10} {row.get('case', '-'):12} {mutant.id}")
    return Scored(sieve, seed, tuple(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Score the suite on generated mutants.")
    parser.add_argument("--sample", type=int, metavar="N", help="as many (default: all)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="choice of the sample (1)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time (1)")
    parser.add_argument("--list", action="store_true", help="only list them, with their texts")
    options = parser.parse_args(arguments)
    if options.list:
        for mutant in mutate.in_sample_order(mutate.all_mutants(), options.seed)[: options.sample]:
            print(f"{mutant.id}  {mutant.file}:{mutant.line}")
            print(f"  - {mutant.before}\n  + {mutant.after}")
        return 0

    def tell(line: str) -> None:
        print(line, flush=True)

    try:
        scored = score_sample(
            toolchain.build_directory(), options.sample, options.seed, options.jobs, tell
        )
    except toolchain.BuildError as error:
        print(f"score: {error}", file=sys.stderr)
        return 3
    counts = Counter(str(row["state"]) for _, row in scored.rows)
    print(" ".join(f"{state} {count}" for state, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
