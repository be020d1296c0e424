# SPDX-License-Identifier: Apache-2.0
"""Conforming libraries that are built differently are never red.

CTS_SELFTEST_REPEAT is the number of runs of the whole suite on each (1); the slow test makes 100.
"""

from __future__ import annotations

import os
import re

import pytest

from suite import Run, Suite, listed

VARIANTS = ("futex", "condvar", "poll", "contrary", "broker", "cxx")
REPEAT = int(os.environ.get("CTS_SELFTEST_REPEAT", "1"))
SLOW_REPEAT = 100
RUN_LIMIT_S = 240

# What a library in one process without adapter and without some optional functions cannot show, what the documents leave
# to it, and a limit on the real clock that a busy machine let pass.
REASONS = re.compile(
    r"second process|virtual time|KnHandleCopy|KnHandleRevoke|KnHandleCreateUserObject"
    r"|KnIpcCreateSyncObjectEx"
    r"|more than one process|adapter|receives what comes to its listener|copies no sync handle"
    r"|limit passed before"
)


def check(run: Run) -> None:
    assert run.exit_code == 0, run.not_green()
    unexplained = {
        case["reason"]
        for case in run.cases
        if case["verdict"] == "SKIP" and REASONS.search(case["reason"]) is None
    }
    assert unexplained == set()


@pytest.mark.parametrize("variant", VARIANTS)
def test_is_green(suite: Suite, variant: str) -> None:
    options = ["--repeat", str(REPEAT), "--shuffle", "--seed", "11"]
    run = suite.run(sut=suite.variant(variant), options=options, limit_s=REPEAT * RUN_LIMIT_S)
    check(run)
    assert len(run.cases) == REPEAT * len(run.start["planned"])
    assert run.counts["PASS"] > len(run.cases) / 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_is_green_in_the_newest_edition(suite: Suite, variant: str) -> None:
    """A worker is not told the edition, so a case that both have alike has been run for both; these are the
    others, the new ones and those of another strength."""
    old, new = listed(suite, "ce-1.2"), listed(suite, "ce-1.4")
    changed = sorted(id for id, row in new.items() if old.get(id) != row)
    assert any(id.startswith("V14") for id in changed)
    assert {new[id]["strength"] for id in changed if id in old} == {"must"}
    run = suite.run(changed, suite.variant(variant), options=["--profile", "ce-1.4"])
    check(run)
    assert run.start["profile"] == "ce-1.4"
    assert set(run.verdicts) == set(changed)


def test_the_edition_between_asks_for_the_same(suite: Suite) -> None:
    """So a run of ce-1.2 speaks for ce-1.3; when this fails, run the variants in ce-1.3 as well."""
    assert listed(suite, "ce-1.2") == listed(suite, "ce-1.3")


def test_processes_of_the_broker_end_in_earnest(suite: Suite) -> None:
    """One process of the machine for each process of the library: the cases kill them."""
    run = suite.run(["LIFE-02", "LIFE-03", "LIFE-04"], suite.variant("broker"))
    check(run)
    assert run.counts["SKIP"] == 0
    assert {case["case"].split(".")[0] for case in run.cases} == {"LIFE-02", "LIFE-03", "LIFE-04"}


@pytest.mark.slow
@pytest.mark.timeout(SLOW_REPEAT * RUN_LIMIT_S)
@pytest.mark.parametrize("variant", VARIANTS)
def test_is_green_a_hundred_times(suite: Suite, variant: str) -> None:
    for seed in range(1, SLOW_REPEAT + 1):
        check(
            suite.run(
                sut=suite.variant(variant),
                options=["--shuffle", "--seed", str(seed)],
                limit_s=RUN_LIMIT_S,
            )
        )
