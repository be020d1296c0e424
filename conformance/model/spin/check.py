#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check the protocol of interrupt.pml with spin, completely, and that spin finds each fault seeded in it.

exit codes: 0 no interleaving breaks the protocol and every fault was found; 1 otherwise; 4 spin or a C compiler is missing
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("interrupt.pml")
FAULTS = range(1, 13)
# Depth of the search; a search that reaches it is incomplete and counts as an error.
DEPTH_MAX = 1_000_000
# A search visits a gigabyte of states at random; with large pages it takes a fifth less.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


@dataclass(frozen=True)
class Scenario:
    """One size of the model."""

    name: str
    clients: int
    again: bool
    servers: int
    hash_bits: int = 24  # slots for states, as a power of two

    def defines(self, fault: int) -> list[str]:
        """Command line definitions of spin's preprocessor."""
        return [
            f"-DCLIENTS={self.clients}",
            f"-DAGAIN={int(self.again)}",
            f"-DSERVERS={self.servers}",
            f"-DFAULT={fault}",
        ]


# Records that are used again, many waits at once, and waits that nothing but Set or a limit can end.
SMALL = Scenario("2 clients that call for ever, 1 server", 2, True, 1)
WIDE = Scenario("3 clients that call once, 1 server", 3, False, 1, hash_bits=26)
LONELY = Scenario("3 clients that call for ever, no server", 3, True, 0)


@dataclass(frozen=True)
class Outcome:
    """What one search said."""

    states: int
    errors: int
    complete: bool
    message: str


class SearchError(Exception):
    """A tool failed; the text says which, and what it printed."""


def search(scenario: Scenario, fault: int) -> Outcome:
    """Let spin visit all interleavings; stops at the first error."""
    with tempfile.TemporaryDirectory(prefix="ipc-cts-spin-") as directory:

        def run(*command: str) -> str:
            done = subprocess.run(
                command, cwd=directory, capture_output=True, text=True, check=False, env=ENVIRONMENT
            )
            if done.returncode != 0:
                raise SearchError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
            return done.stdout

        run("spin", *scenario.defines(fault), "-a", str(MODEL))
        # What spin generates is not ours to warn about.
        # A fault is found so early that compiling would take longer than searching.
        optimise = "-O0" if fault else "-O1"
        run("cc", "-w", optimise, "-DSAFETY", "-DVECTORSZ=2048", "-o", "pan", "pan.c")
        # -E: threads may wait for ever; the model says itself when that is wrong.
        bits = 24 if fault else scenario.hash_bits
        text = run("./pan", "-E", f"-m{DEPTH_MAX}", f"-w{bits}")
    states = re.search(r"^ *(\d+) states, stored", text, re.MULTILINE)
    errors = re.search(r"errors: (\d+)", text)
    if states is None or errors is None:
        raise SearchError(f"spin's verifier has printed no result:\n{text}")
    message = re.search(r"pan:\d+: (.*) \(at depth", text)
    return Outcome(
        int(states[1]),
        int(errors[1]),
        "Search not completed" not in text and "max search depth too small" not in text,
        message[1] if message is not None else "",
    )


def check_protocol(scenario: Scenario) -> tuple[bool, str]:
    """True when no interleaving breaks an assertion; and the line to print."""
    outcome = search(scenario, 0)
    good = outcome.errors == 0 and outcome.complete
    verdict = "no error" if good else outcome.message or "search not complete"
    return good, f"protocol   {scenario.name}: {outcome.states} states, {verdict}"


def check_fault(fault: int) -> tuple[bool, str]:
    """True when a scenario breaks an assertion because of the fault; and the line to print."""
    for scenario in (SMALL, LONELY, WIDE):
        outcome = search(scenario, fault)
        if outcome.errors > 0 and outcome.message.startswith("assertion violated"):
            return True, f"fault {fault:<4} {scenario.name}: found: {outcome.message}"
    return False, f"fault {fault:<4} NOT FOUND"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Check the spin model of interruptible rendezvous, and that its faults are found.",
        epilog="example: conformance/model/spin/check.py --fault 4",
    )
    parser.add_argument(
        "--fault", type=int, choices=FAULTS, action="append", help="only this seeded fault"
    )
    arguments = parser.parse_args()
    for tool in ("spin", "cc"):
        if shutil.which(tool) is None:
            print(f"check.py: {tool} is not installed; ci/bootstrap installs it", file=sys.stderr)
            return 4
    # A search keeps one processor busy. The longest comes first, and the others run beside it.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = [pool.submit(check_protocol, one) for one in (WIDE, SMALL, LONELY) if not arguments.fault]
        checks += [pool.submit(check_fault, fault) for fault in arguments.fault or FAULTS]
        good = True
        for check in checks:
            try:
                found, line = check.result()
            except SearchError as error:
                found, line = False, str(error)
            good = good and found
            print(line, flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
