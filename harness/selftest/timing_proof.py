#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Are timing verdicts right, also on a busy machine? Measures here and prints a table.

    python3 harness/selftest/timing_proof.py            a few minutes
    python3 harness/selftest/timing_proof.py --full     about half an hour

For each load (0, 4 and 16 busy loops) the timing cases run against the reference, and two of them
against a library that wakes 50 ms late. Their own verdicts are counted ("measured"). From the pairs
of samples in the event logs, 10,000 verdicts for each row are then drawn anew ("drawn"): blocks of
7 pairs that were taken one after the other, put together at random until the rule has enough. The
rule is the worker's own (bin/timing_judge).

Exit status: 0 when no verdict about the reference is FAIL, none about the late library is PASS, and
of its decided verdicts at least 99 % are FAIL; 1 otherwise; 4 when something is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent))

import toolchain
from mutants import build as mutant_build

LATE = "wake-is-50-ms-late"
LATE_CASES = ("CALL-01.81", "RECV-01.81")
CASES = (
    *LATE_CASES, "CALL-01.82", "CALL-04.81", "CALL-09.81", "RECV-01.82", "RECV-04.81",
    "RECV-09.81", "TIME-01.81", "TIME-01.82", "TIME-03.81", "TIME-03.82", "TIME-03.83",
    "TIME-03.84",
)  # fmt: skip
BLOCK = 7  # pairs in a row that stay together
PAIRS_MAX = 42  # of the rule; timing_judge says when it wants more
LOOP_LIMIT_S = 3600  # a busy loop ends by itself after that
RUN_LIMIT_S = 1800
WANTED = 0.99
WORDS = ("PASS", "FAIL", "INCONCLUSIVE")

Pair = tuple[int, int]  # control and library, ns


class ProofError(Exception):
    """Something that the proof needs is missing; the text says what."""


@dataclass
class Row:
    """One library beside one load."""

    name: str
    loops: int
    load: float
    measured: Counter[str]
    window_ns: int
    series: list[list[Pair]] = field(repr=False)
    drawn: Counter[str] = field(default_factory=Counter)

    @property
    def late(self) -> bool:
        return self.name == LATE

    def problems(self) -> list[str]:
        found: list[str] = []
        for kind, counts in (("measured", self.measured), ("drawn", self.drawn)):
            wrong = "PASS" if self.late else "FAIL"
            if counts[wrong]:
                found.append(f"{counts[wrong]} {kind} {wrong}")
            decided = counts["PASS"] + counts["FAIL"]
            if self.late and decided and counts["FAIL"] < WANTED * decided:
                found.append(f"only {counts['FAIL']} of {decided} {kind} are FAIL")
        return [f"{self.name} beside {self.loops} loops: {text}" for text in found]


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Loops at normal priority, each of which also ends by itself.

    Each has a session of its own: Linux shares the processors among sessions first.
    """
    code = f"import time\nend = time.monotonic() + {LOOP_LIMIT_S}\nwhile time.monotonic() < end: pass"
    command = [sys.executable, "-c", code]
    loops = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def read_log(path: Path) -> tuple[Counter[str], int, list[list[Pair]]]:
    """Verdicts, window, and the pairs of each verdict of one event log."""
    verdicts: Counter[str] = Counter()
    window_ns = 0
    series: list[list[Pair]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "timing":
            verdicts[event["verdict"]] += 1
            window_ns = event["window_ns"]
            series.append(list(zip(event["control_ns"], event["library_ns"])))
    return verdicts, window_ns, series


def measure(build: Path, name: str, library: Path, loops: int, repeat: int, seed: int) -> Row:
    cases = LATE_CASES if name == LATE else CASES
    with tempfile.TemporaryDirectory(prefix="timing-proof-") as directory, busy_loops(loops):
        log = Path(directory) / "events.jsonl"
        subprocess.run(
            [build / "bin" / "ipc-cts", "run", *cases, "--sut", library, "--adapter", "reference",
             "--repeat", str(repeat), "--seed", str(seed), "--events", log, "--quiet"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=RUN_LIMIT_S, check=False,
        )  # fmt: skip
        load = os.getloadavg()[0]
        if not log.is_file():
            raise ProofError(f"no event log of {name}")
        verdicts, window_ns, series = read_log(log)
    if sum(verdicts.values()) != len(cases) * repeat:
        raise ProofError(f"{len(cases) * repeat} verdicts wanted, {sum(verdicts.values())} made")
    return Row(name, loops, load, verdicts, window_ns, series)


def draw(series: Sequence[Sequence[Pair]], chance: random.Random) -> list[Pair]:
    """Pairs for one verdict: blocks of neighbours from the series, which keep their order."""
    pairs: list[Pair] = []
    while len(pairs) < PAIRS_MAX:
        chosen = chance.choice(series)
        start = chance.randrange(max(1, len(chosen) - BLOCK + 1))
        pairs.extend(chosen[start : start + BLOCK])
    return pairs[:PAIRS_MAX]


def judge(judge_program: Path, window_ns: int, drawn: Sequence[Sequence[Pair]]) -> Counter[str]:
    """The worker's rule on each of them."""
    lines = "".join(
        f"{window_ns} " + " ".join(f"{control} {library}" for control, library in pairs) + "\n"
        for pairs in drawn
    )
    done = subprocess.run(
        [judge_program], input=lines, capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode != 0:
        raise ProofError(done.stderr.strip())
    return Counter(line.split()[0] for line in done.stdout.splitlines())


def redraw(judge_program: Path, row: Row, count: int, chance: random.Random) -> None:
    drawn = [draw(row.series, chance) for _ in range(count)]
    row.drawn = judge(judge_program, row.window_ns, drawn)


def quantile_ms(row: Row, which: int, share: float) -> float:
    values = sorted(pair[which] for pairs in row.series for pair in pairs)
    return values[min(len(values) - 1, int(len(values) * share))] / 1e6


def table(rows: Sequence[Row]) -> str:
    title = ("library", "loops", "load", "verdicts", *WORDS, "control p50", "p90", "library p50",
             "least")  # fmt: skip
    lines: list[tuple[str, ...]] = [title]
    for row in rows:
        samples = (
            f"{quantile_ms(row, 0, 0.5):.2f}", f"{quantile_ms(row, 0, 0.9):.2f}",
            f"{quantile_ms(row, 1, 0.5):.2f}", f"{quantile_ms(row, 1, 0):.2f}",
        )  # fmt: skip
        for kind, counts in (("measured", row.measured), ("drawn", row.drawn)):
            lines.append(
                (row.name, str(row.loops), f"{row.load:.0f}", f"{sum(counts.values())} {kind}",
                 *(str(counts[word]) for word in WORDS), *samples)
            )  # fmt: skip
    widths = [max(len(line[i]) for line in lines) for i in range(len(title))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip()
                     for line in lines)  # fmt: skip


def prove(options: argparse.Namespace) -> int:
    build = toolchain.build_directory()
    judge_program = build / "bin" / "timing_judge"
    for needed in (build / "bin" / "ipc-cts", judge_program):
        if not needed.is_file():
            raise ProofError(f"{needed} is not built")
    mutant = next(mutant for mutant in mutant_build.load() if mutant.id == LATE)
    late = mutant_build.Builder(build / "selftest" / "mutants").build(mutant).library
    libraries = (("reference", build / "lib" / "libkos-ipc.so"), (LATE, late))
    chance = random.Random(options.seed)
    rows: list[Row] = []
    for loops in options.loads:
        for name, library in libraries:
            print(f"measuring {name} beside {loops} busy loops", file=sys.stderr)
            row = measure(build, name, library, loops, options.repeat, options.seed)
            redraw(judge_program, row, options.verdicts, chance)
            rows.append(row)
    window_ms = rows[0].window_ns / 1e6
    print(f"window {window_ms:.0f} ms, seed {options.seed}, {os.cpu_count()} processors; times in ms")
    print("load: average of the last minute, which shows what else runs on the machine")
    print(table(rows))
    problems = [text for row in rows for text in row.problems()]
    print("\n".join(problems) if problems else "no wrong verdict")
    return 1 if problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="Build first: cmake --preset dev && cmake --build --preset dev",
    )
    parser.add_argument("--full", action="store_true", help="20 runs of each instead of 3")
    parser.add_argument("--repeat", type=int, help="runs of each library beside each load")
    parser.add_argument("--loads", type=int, nargs="+", default=[0, 4, 16], metavar="LOOPS")
    parser.add_argument("--verdicts", type=int, default=10000, help="drawn for each row (10000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.repeat is None:
        options.repeat = 20 if options.full else 3
    if options.repeat < 1 or options.verdicts < 1 or min(options.loads) < 0:
        parser.error("--repeat and --verdicts are at least 1, --loads at least 0")
    try:
        return prove(options)
    except (ProofError, toolchain.BuildError, subprocess.TimeoutExpired) as error:
        print(f"timing_proof: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
