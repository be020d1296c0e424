# SPDX-License-Identifier: Apache-2.0
"""The kill matrix and the generated mutants: what the numbers stand on."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import matrix
import toolchain
from generated import mutate, operators, score
from generated.score import Survivor
from judge import Outcome, Results
from mutants import build as mutant_build
from suite import Suite

ROW = re.compile(r"^\| ([a-z0-9-]+) \| (\w+) \| ([A-Z0-9]+-\d\d) \| (own|elsewhere|survived) \|")

EXAMPLE = """
void ref_domain_enter(void);
void ref_domain_leave(void);
int other(int value);
static int state;
int example(int a, int b)
{
    ref_domain_enter();
    state = a;
    other(b);
    ref_domain_leave();
    while (a < b && state) {
        a++;
    }
    if (!a) {
        return 1;
    }
    return b;
}
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> operators.Source:
    path = tmp_path_factory.mktemp("source") / "example.c"
    path.write_text(EXAMPLE)
    return operators.parse(path, ["-std=c11"])


def changed(example: operators.Source, operator: str) -> set[str]:
    """What an operator makes of the example, only the lines that differ."""
    found = set()
    before = EXAMPLE.splitlines()
    for site in operators.sites(example):
        if site.operator == operator:
            after = operators.apply(EXAMPLE, site.edits).splitlines()
            lines = [new.strip() for old, new in zip(before, after, strict=True) if old != new]
            found.add(" ".join(lines))
    return found


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        ("relation", {"while (a <= b && state) {", "while (a >= b && state) {"}),
        ("connector", {"while (((a < b) || (state))) {"}),
        ("operand-dropped", {"while ((a < b)) {", "while ((state)) {"}),
        ("negation-dropped", {"if (a) {"}),
        ("while-to-if", {"if (a < b && state) {"}),
        ("arithmetic", {"a--;"}),
        ("section-unlocked", {"; ;"}),
        ("constant", {"return 2;", "return 0;"}),
        ("condition", {"while (0) {", "if (!(!a)) {", "if (1) {", "if (0) {"}),
        (
            "swapped",
            {
                "state = a; ref_domain_enter();",
                "other(b); state = a;",
                "ref_domain_leave(); other(b);",
            },
        ),
    ],
)
def test_operators_change_what_they_say(
    example: operators.Source, operator: str, wanted: set[str]
) -> None:
    assert changed(example, operator) == wanted


def test_removed_statements_and_their_kind(example: operators.Source) -> None:
    kinds = {
        (site.line, site.kind) for site in operators.sites(example) if site.operator == "removed"
    }
    assert kinds == {
        (8, "concurrency"), (9, "classical"), (10, "classical"), (11, "concurrency"),
        (13, "classical"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def proposed() -> list[mutate.Mutant]:
    return mutate.all_mutants()


def test_ids_are_unique_and_both_kinds_are_there(proposed: list[mutate.Mutant]) -> None:
    assert len({mutant.id for mutant in proposed}) == len(proposed)
    assert {mutant.kind for mutant in proposed} == {operators.CLASSICAL, operators.CONCURRENCY}
    assert {mutant.file for mutant in proposed} == set(mutate.FILES)


def test_a_larger_sample_contains_the_smaller(proposed: list[mutate.Mutant]) -> None:
    order = mutate.in_sample_order(proposed, 3)
    assert mutate.in_sample_order(reversed(proposed), 3) == order
    assert mutate.in_sample_order(proposed, 4) != order


def test_equal_code_is_sifted_out(proposed: list[mutate.Mutant], tmp_path: Path) -> None:
    builder = mutate.Builder(tmp_path)
    real = next(
        mutant
        for mutant in proposed
        if (mutant.file, mutant.operator) == ("decisions.c", "negation-dropped")
    )
    start = real.edits[0].start
    text = builder.texts[real.file].encode()[start : real.edits[0].end].decode()
    same = operators.Edit(start, real.edits[0].end, f"/* the same */ {text}")
    nonsense = operators.Edit(start, real.edits[0].end, "}{")
    rows = [
        real,
        replace(real, id="again"),
        replace(real, id="same", edits=(same,)),
        replace(real, id="nonsense", edits=(nonsense,)),
    ]
    sieve = mutate.sift(builder, rows, None, 1)
    assert [mutant.id for mutant in sieve.kept] == [real.id]
    assert (sieve.duplicates, sieve.equivalent, sieve.uncompilable) == (1, 1, 1)


def test_the_unchanged_library_is_green_in_this_build(suite: Suite, tmp_path: Path) -> None:
    """-O2 without assertions makes no library faulty."""
    library = tmp_path / "unchanged.so"
    mutate.Builder(tmp_path / "out").link(None, library)
    run = suite.run(["CALL", "RECV"], library, "reference")
    assert run.exit_code == 0, run.not_green()


def test_every_argued_survivor_exists(proposed: list[mutate.Mutant]) -> None:
    """A reason for code that is no longer there has to go."""
    assert set(score.load_survivors()) <= {mutant.id for mutant in proposed}


def test_a_survivor_without_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text("- {ids: [a], verdict: equivalent, reason: ''}\n")
    with pytest.raises(toolchain.BuildError, match="reason is missing"):
        score.load_survivors(path)
    path.write_text("- {ids: [a, a], verdict: equivalent, reason: so it is}\n")
    with pytest.raises(toolchain.BuildError, match="twice"):
        score.load_survivors(path)


def test_the_tally_counts_only_what_could_be_found(proposed: list[mutate.Mutant]) -> None:
    states = ["killed", "dead", "hangs", "survived", "survived", "survived", "by-chance", "broken"]
    rows = [(mutant, {"state": state}) for mutant, state in zip(proposed, states)]
    reasons = {
        proposed[3].id: Survivor(proposed[3].id, "equivalent", "x"),
        proposed[4].id: Survivor(proposed[4].id, "needs-schedules", "x"),
    }
    count = matrix.tally(rows, reasons)
    assert (count.total, count.killed, count.wrong) == (8, 3, 7)
    assert (count.equivalent, count.marked, count.open) == (1, 1, 3)
    assert count.percent == pytest.approx(300 / 7)


def test_results_outlive_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    Results(path).add("a", state="killed")
    with path.open("a") as file:
        file.write('{"key": "b", "sta')
    results = Results(path)
    assert results.get("b") is None
    assert results.rows() == [{"key": "a", "state": "killed"}]


def test_broken_is_not_red() -> None:
    outcome = Outcome((("CALL-01.1", "BROKEN"), ("CALL-01.2", "PASS")), 1)
    assert outcome.killers == []
    assert outcome.broken == [("CALL-01.1", "BROKEN")]


# --- The document ---


def test_document_lists_exactly_the_mutants() -> None:
    lines = matrix.DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [match.groups() for match in map(ROW.match, lines) if match]
    wanted = [
        (mutant.id, mutant.base_name, mutant.requirement) for mutant in mutant_build.load()
    ]
    assert [row[:3] for row in rows] == wanted, "again: ipc-cts selftest (see the document)"
    survivors = {mutant.id for mutant in mutant_build.load() if mutant.survives}
    assert {row[0] for row in rows if row[3] != matrix.OWN} == survivors
    own = sum(row[3] == matrix.OWN for row in rows)
    assert f"{len(rows)} faulty libraries" in " ".join(lines)
    assert f": {own} red in a case of the requirement they break" in " ".join(lines)
    assert own >= 0.95 * len(rows)


# --- The command ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say --mutants, --generated, or both"),
        (["--mutants", "no-such-mutant"], "no mutant no-such-mutant"),
        (["clear-toggles", "--generated"], "ids are of hand-made mutants"),
        (["--generated", "--sample", "0"], "'0' is not a number from 1"),
        (["--mutants", "--format", "xml"], "invalid choice"),
    ],
)
def test_a_mistake_gets_one_line(suite: Suite, words: list[str], said: str) -> None:
    run = suite.call(["selftest", *words])
    assert run.exit_code == 4
    assert said in run.stderr
    assert run.stderr.startswith("ipc-cts: ") and run.stderr.count("\n") == 1


def test_a_killed_mutant_in_each_format(suite: Suite) -> None:
    found = suite.call(["selftest", "--mutants", "clear-toggles", "--format", "json"])
    assert found.exit_code == 0, found.report
    row = json.loads(found.stdout)["mutants"][0]
    assert (row["id"], row["state"], row["verdict"]) == ("clear-toggles", "own", "FAIL")
    assert row["case"].startswith("OBJ-08.")
    text = suite.call(["selftest", "--mutants", "clear-toggles"])
    assert "1 mutants: 1 red in their requirement" in text.stdout
    document = suite.call(["selftest", "--mutants", "clear-toggles", "--format", "md"])
    assert "| clear-toggles | reference | OBJ-08 | own |" in document.stdout


def test_what_is_not_found_makes_the_command_fail(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = mutant_build.Change("decisions.c", "rcQuotaExceeded", "rcOutOfMemory")
    mutant = mutant_build.Mutant("harmless", "OBJ-08", "source", "harmless", (harmless,))
    monkeypatch.setattr(matrix, "_judge", lambda judge, built, hint: {
        "state": matrix.SURVIVED, "case": "", "verdict": ""
    })  # fmt: skip
    rows = matrix.judge_mutants(suite.build, [mutant], 1, lambda line: None)
    assert not rows[0].is_as_recorded
    assert "- **harmless** (OBJ-08) survived: no reason" in matrix.markdown(rows, None, {})
