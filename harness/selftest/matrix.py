#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kill matrix: which faulty library is found, and by a case of the requirement it breaks?

    ipc-cts selftest --mutants [ID...] [--generated] [--format text|json|md] [--output FILE]

Results stay in BUILD/selftest/ until the library or the suite changes. Exit status: 0 every mutant
is found where it has to be, or its record says why not; 1 one is not; 3 a tool failed; 4 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent))

try:
    import toolchain
    from generated import mutate, score
    from generated.score import Scored, Survivor
    from judge import Judge, Results, suite_digest
    from mutants import build as mutant_build
    from mutants.build import Builder, Mutant
except ModuleNotFoundError as missing:
    print(f"ipc-cts: {missing}; ci/bootstrap installs what the self-test needs", file=sys.stderr)
    sys.exit(3)

EXIT_FOUND, EXIT_NOT_FOUND, EXIT_FAILED, EXIT_USAGE = 0, 1, 3, 4
DOCUMENT = toolchain.SELFTEST / "KILL-MATRIX.md"

OWN = "own"  # red in a case of the requirement that it breaks
ELSEWHERE = "elsewhere"  # red in other cases only
SURVIVED = "survived"


# --- Hand-made mutants ---


@dataclass(frozen=True)
class Row:
    """What became of a hand-made mutant, which was built, differs and is alive."""

    mutant: Mutant
    state: str
    case: str  # the first that was red
    verdict: str

    @property
    def is_as_recorded(self) -> bool:
        return (self.state == OWN) == (self.mutant.survives is None)


def _judge(judge: Judge, built: mutant_build.Built, hint: str = "") -> dict[str, str]:
    """`hint` is the case that found the mutant in an older suite; it is tried first."""
    mutant = built.mutant
    adapter = mutant.base.adapter
    if hint in judge.cases and hint.startswith(mutant.requirement + "."):
        outcome = judge.run(built.library, [hint], adapter, mutant.options)
        if outcome.killers:
            return {"state": OWN, "case": hint, "verdict": outcome.killers[0][1]}
    ids = list(mutant.expect_cases) or [mutant.requirement]
    outcome = judge.run(built.library, ids, adapter, ["--stop-on-fail", *mutant.options])
    if not outcome.killers and outcome.broken:
        outcome = judge.run(built.library, ids, adapter, mutant.options)
    for case, verdict in outcome.killers:
        if case.startswith(mutant.requirement + "."):
            return {"state": OWN, "case": case, "verdict": verdict}
    outcome = judge.run(built.library, (), adapter, ["--stop-on-fail", *mutant.options])
    if outcome.killers:
        case, verdict = outcome.killers[0]
        return {"state": ELSEWHERE, "case": case, "verdict": verdict}
    return {"state": SURVIVED, "case": "", "verdict": ""}


def judge_mutants(
    build: Path, mutants: Iterable[Mutant], jobs: int, tell: Callable[[str], None]
) -> list[Row]:
    """Build and judge each; BuildError for one that is not what its record says, or not alive."""
    builder = Builder(build / "selftest" / "mutants")
    judge = Judge(build)
    results = Results(build / "selftest" / "matrix.jsonl")
    hints = {str(row["id"]): str(row["case"]) for row in results.rows()}

    def one(mutant: Mutant) -> Row:
        built = builder.build(mutant)
        key = toolchain.digest(
            [mutant.id, repr(mutant.expect_cases), mutant.requirement, suite_digest(),
             toolchain.digest_files([built.library])]
        )  # fmt: skip
        known = results.get(key)
        if known is None:
            if not mutant_build.is_alive(built, build):
                raise toolchain.BuildError(f"{mutant.id}: {mutant.smoke_case} does not pass")
            known = results.add(key, id=mutant.id, **_judge(judge, built, hints.get(mutant.id, "")))
        return Row(mutant, known["state"], known["case"], known["verdict"])

    rows: list[Row] = []
    with ThreadPoolExecutor(jobs) as pool:
        for row in pool.map(one, mutants):
            rows.append(row)
            tell(f"{row.mutant.id:40} {row.mutant.requirement:9} {row.state:10} {row.case}")
    return rows


# --- Generated mutants ---


@dataclass(frozen=True)
class Tally:
    """How many of some generated mutants were found."""

    total: int
    killed: int
    equivalent: int
    conforming: int
    marked: int  # needs controlled schedules
    open: int  # not found, and nobody has said why

    @property
    def wrong(self) -> int:
        """Those that a suite could find: not equivalent, not conforming."""
        return self.total - self.equivalent - self.conforming

    @property
    def percent(self) -> float:
        return 100.0 * self.killed / self.wrong if self.wrong else 100.0


FOUND = frozenset({score.KILLED, score.DEAD, score.HANGS})


def tally(
    rows: Iterable[tuple[mutate.Mutant, Mapping[str, Any]]], reasons: Mapping[str, Survivor]
) -> Tally:
    counts: Counter[str] = Counter()
    for mutant, row in rows:
        if row["state"] in FOUND:
            counts["killed"] += 1
        else:
            counts[reasons[mutant.id].verdict if mutant.id in reasons else "open"] += 1
    return Tally(
        total=sum(counts.values()),
        killed=counts["killed"],
        equivalent=counts["equivalent"],
        conforming=counts["conforming"],
        marked=counts["needs-schedules"],
        open=counts["open"],
    )


def open_survivors(
    scored: Scored, reasons: Mapping[str, Survivor]
) -> list[tuple[mutate.Mutant, Mapping[str, Any]]]:
    return [
        (mutant, row)
        for mutant, row in scored.rows
        if row["state"] not in FOUND and mutant.id not in reasons
    ]


# --- Formats ---


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def _code(text: str) -> str:
    return "`` " + text.replace("|", "\\|") + " ``"


def _hand_made(rows: Sequence[Row]) -> list[str]:
    counts = Counter(row.state for row in rows)
    lines = [
        "## Hand-made mutants",
        "",
        f"{len(rows)} faulty libraries, each built, different from its base in compiled code, and "
        f"alive: {counts[OWN]} red in a case of the requirement they break, {counts[ELSEWHERE]} "
        f"red elsewhere only, {counts[SURVIVED]} not found.",
        "",
    ]
    areas = sorted({row.mutant.area for row in rows})
    lines += _table(
        ("area", "mutants", "own requirement", "elsewhere", "survived"),
        [
            (area, len(of), of.count(OWN), of.count(ELSEWHERE), of.count(SURVIVED))
            for area in areas
            for of in [[row.state for row in rows if row.mutant.area == area]]
        ],
    )
    bases = Counter(row.mutant.base_name for row in rows)
    text = ", ".join(f"{name} {count}" for name, count in sorted(bases.items()))
    lines += ["", f"Made from: {text}.", ""]
    for row in rows:
        if row.state != OWN:
            why = row.mutant.survives or "no reason is recorded"
            name = f"**{row.mutant.id}** ({row.mutant.requirement})"
            lines += [f"- {name} {row.state}: {why.strip()}"]
    lines += ["", "### All of them", ""]
    return lines + _table(
        ("mutant", "base", "breaks", "found", "first red case"),
        [
            (row.mutant.id, row.mutant.base_name, row.mutant.requirement, row.state,
             f"{row.case} {row.verdict}".strip() or "-")
            for row in rows
        ],
    )  # fmt: skip


def _tally_rows(
    scored: Scored, reasons: Mapping[str, Survivor], names: Sequence[str], attribute: str
) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for name in names:
        of = [row for row in scored.rows if getattr(row[0], attribute) == name]
        count = tally(of, reasons)
        rows.append(
            (name, count.total, count.killed, count.equivalent, count.conforming, count.marked,
             count.open, f"{count.percent:.1f}")
        )  # fmt: skip
    return rows


def _generated(scored: Scored, reasons: Mapping[str, Survivor]) -> list[str]:
    sieve, total = scored.sieve, tally(scored.rows, reasons)
    states = Counter(str(row["state"]) for _, row in scored.rows)
    head = ("mutants", "found", "equivalent", "conforming", "schedules", "open", "score %")
    lines = [
        "## Generated mutants",
        "",
        f"{sieve.possible} changes are possible; looked at in the order of seed {scored.seed}: "
        f"{sieve.proposed}. Of these {sieve.uncompilable} do not compile, {sieve.equivalent} "
        f"compile to the same code as the reference, {sieve.duplicates} to the same as another "
        f"mutant. {total.total} are left, compiled with -O2 and without assertions.",
        "",
        f"Found: {total.killed} of {total.wrong} that are wrong, {total.percent:.1f} % "
        f"({states[score.DEAD]} of them pass no smoke case). {total.equivalent} survivors are "
        f"equivalent and {total.conforming} are libraries that conform, each with a reason in "
        f"`generated/survivors.yaml`; {total.marked} need controlled schedules; {total.open} are "
        "open.",
        "",
    ]
    kinds = ("classical", "concurrency")
    lines += _table(("operators", *head), _tally_rows(scored, reasons, kinds, "kind"))
    names = sorted({mutant.operator for mutant, _ in scored.rows})
    lines += ["", *_table(("operator", *head), _tally_rows(scored, reasons, names, "operator"))]
    files = sorted({mutant.file for mutant, _ in scored.rows})
    lines += ["", *_table(("file", *head), _tally_rows(scored, reasons, files, "file"))]
    lines += ["", "### Survivors", ""]
    for mutant, row in scored.rows:
        if row["state"] in FOUND:
            continue
        known = reasons.get(mutant.id)
        verdict = f"{known.verdict}: {known.reason}" if known else f"open ({row['state']})"
        lines += [
            f"- {mutant.id}, line {mutant.line}: {_code(mutant.before)} becomes "
            f"{_code(mutant.after)}. {verdict}"
        ]
    return lines


def markdown(
    rows: Sequence[Row], scored: Scored | None, reasons: Mapping[str, Survivor]
) -> str:
    lines = [
        "<!-- SPDX-License-Identifier: Apache-2.0 -->",
        "<!-- Generated by `ipc-cts selftest --format md`; see README.md. Do not edit. -->",
        "# Kill matrix: does the suite find libraries that are wrong?",
        "",
    ]
    parts = [_hand_made(rows)] if rows else []
    if scored is not None:
        parts.append(_generated(scored, reasons))
    for part in parts:
        lines += [*part, ""]
    return "\n".join(lines).rstrip() + "\n"


def as_json(rows: Sequence[Row], scored: Scored | None, reasons: Mapping[str, Survivor]) -> str:
    data: dict[str, Any] = {
        "mutants": [
            {"id": row.mutant.id, "requirement": row.mutant.requirement,
             "base": row.mutant.base_name, "state": row.state, "case": row.case,
             "verdict": row.verdict, "survives": row.mutant.survives}
            for row in rows
        ]
    }  # fmt: skip
    if scored is not None:
        data["generated"] = [
            {"id": mutant.id, "operator": mutant.operator, "kind": mutant.kind,
             "file": mutant.file, "line": mutant.line, "before": mutant.before,
             "after": mutant.after, "state": row["state"], "case": row.get("case", ""),
             "argued": reasons[mutant.id].verdict if mutant.id in reasons else None}
            for mutant, row in scored.rows
        ]  # fmt: skip
    return json.dumps(data, indent=1) + "\n"


def as_text(rows: Sequence[Row], scored: Scored | None, reasons: Mapping[str, Survivor]) -> str:
    lines: list[str] = []
    if rows:
        counts = Counter(row.state for row in rows)
        lines += [
            f"{row.mutant.id:40} {row.mutant.requirement:9} {row.state:10} {row.case}"
            for row in rows
            if row.state != OWN
        ]
        lines.append(
            f"{len(rows)} mutants: {counts[OWN]} red in their requirement, {counts[ELSEWHERE]} "
            f"elsewhere, {counts[SURVIVED]} not found"
        )
    if scored is not None:
        count = tally(scored.rows, reasons)
        for mutant, row in open_survivors(scored, reasons):
            lines += [
                f"{row['state']} {mutant.id} {mutant.file}:{mutant.line}",
                f"  - {mutant.before}",
                f"  + {mutant.after}",
            ]
        lines.append(
            f"{count.total} generated mutants: {count.killed} of {count.wrong} wrong ones found "
            f"({count.percent:.1f} %), {count.equivalent} equivalent, {count.conforming} "
            f"conforming, {count.marked} need schedules, {count.open} open"
        )
    return "\n".join(lines) + "\n"


# --- Command line ---


class Parser(argparse.ArgumentParser):
    """One line for a mistake, and the exit status that the other commands have for it."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"ipc-cts: {message} (try ipc-cts selftest --help)\n")


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="ipc-cts selftest",
        description="Does the suite find libraries that are wrong? Exit 0: each is found where it has to\n"
        "be, or its record says why not; 1: one is not.",
        epilog="  ipc-cts selftest --mutants clear-toggles\n"
        "  ipc-cts selftest --mutants --jobs 2 --format md --output KILL-MATRIX.md\n"
        "  ipc-cts selftest --generated --sample 56",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="hand-made mutants (default: all)")
    parser.add_argument("--mutants", action="store_true", help="judge the hand-made mutants")
    parser.add_argument("--generated", action="store_true", help="judge generated mutants")
    parser.add_argument("--sample", type=_positive, metavar="N", help="so many generated (all)")
    parser.add_argument("--seed", type=_positive, default=1, metavar="S", help="which ones (1)")
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="at a time (1)")
    parser.add_argument("--format", choices=("text", "json", "md"), default="text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of stdout")
    options = parser.parse_args(arguments)
    if not options.mutants and not options.generated:
        parser.error("say --mutants, --generated, or both")
    if options.ids and not options.mutants:
        parser.error("ids are of hand-made mutants: add --mutants")
    return options


def chosen(ids: Sequence[str]) -> list[Mutant]:
    mutants = mutant_build.load()
    unknown = sorted(set(ids) - {mutant.id for mutant in mutants})
    if unknown:
        raise ValueError(f"no mutant {', '.join(unknown)} in harness/selftest/mutants")
    return [mutant for mutant in mutants if not ids or mutant.id in ids]


def check_output(path: Path) -> None:
    """Before the hours of work: can it be written? A file that is there stays as it is."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"cannot write {path}: not a file in a directory that is there")
    with_name = path if path.exists() else path.parent
    if not os.access(with_name, os.W_OK):
        raise ValueError(f"cannot write {path}: permission denied")


def run(options: argparse.Namespace) -> int:
    build = toolchain.build_directory()

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.output is not None:
        check_output(options.output)
    rows = judge_mutants(build, chosen(options.ids), options.jobs, tell) if options.mutants else []
    scored = None
    reasons = score.load_survivors()
    if options.generated:
        scored = score.score_sample(build, options.sample, options.seed, options.jobs, tell)
    write = {"text": as_text, "json": as_json, "md": markdown}[options.format]
    text = write(rows, scored, reasons)
    if options.output is not None:
        options.output.write_text(text, encoding="utf-8")
    else:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:  # Python would complain of the rest at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise
    good = all(row.is_as_recorded for row in rows)
    if scored is not None:
        good = good and not open_survivors(scored, reasons)
    return EXIT_FOUND if good else EXIT_NOT_FOUND


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        return run(options)
    except ValueError as error:
        print(f"ipc-cts: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"ipc-cts: {where}{error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    except toolchain.BuildError as error:
        print(f"ipc-cts: {error}", file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
