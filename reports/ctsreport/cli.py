# SPDX-License-Identifier: Apache-2.0
"""The verbs of `ipc-cts` that read event logs: explain, matrix, report, diff.

`ipc-cts` starts this module with `--last-run FILE`, the log of the last run. `write` is for
`ipc-cts run`: several documents from one reading of the log.

Exit status: 0 done; 1 `diff` found a regression; 2 done, but the log is not the whole of a run;
3 a document could not be written, or a package is missing; 4 wrong command line, no such id, or an
unreadable log.

What only one verb needs is imported by that verb: all of it takes longer than most verbs run.
"""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from ctsreport import consistency, diff, events, explain, formats, matrix, results
from ctsreport.coverage import CoverageError
from ctsreport.evidence import EvidenceError, verify, waivers
from ctsreport.text import visible

DONE, REGRESSION, INCOMPLETE, INTERNAL, USAGE = 0, 1, 2, 3, 4
LOG_NAME = "events.jsonl"
RUN_IS = f"RUN is an {LOG_NAME} or its directory"
PROBLEMS_MAX = 10  # findings about a log that are told one by one


class Refused(Exception):
    """Something that the user can put right: one line, and the exit status."""

    def __init__(self, line: str, status: int = USAGE) -> None:
        super().__init__(line)
        self.status = status


# ---------------------------------------------------------------------------------------------
# Logs and files.


def log_path(given: str | None, last_run: str | None) -> Path:
    """The log that RUN names: a file, a directory that holds one, or the last run's."""
    if given is None:
        if last_run is None or not Path(last_run).exists():
            raise Refused("there is no last run: name a log, or run `ipc-cts run` first")
        return Path(last_run)
    path = Path(given)
    try:
        if path.is_dir():
            path = path / LOG_NAME
        if not path.exists():
            raise Refused(f"{visible(given)}: no such file; {RUN_IS}")
        if not path.is_file() and not path.is_fifo():  # a device may never end
            raise Refused(f"{visible(given)}: is not a file; {RUN_IS}")
    except OSError as error:  # a directory above it that may not be searched, an endless name
        raise Refused(f"{visible(given)}: {error.strerror}") from None
    return path


def load(path: Path, keeps_history: Callable[[str], bool] = results.no_case) -> results.Run:
    try:
        with open(path, "rb") as lines:
            run = results.collect(events.read(lines), keeps_history)
    except OSError as error:
        raise Refused(f"{visible(str(path))}: {error.strerror}") from None
    if run.start is None and run.end is None and not run.cases and not run.requirements:
        raise Refused(f"{visible(str(path))}: is not an event log: nothing in it is of a run")
    return run


def write_file(path: Path, content: bytes) -> None:
    """All of it or nothing: a file that was there stays when this fails."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # a terminal, a pipe
            return
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise Refused(f"cannot write {visible(str(path))}: {error.strerror}", INTERNAL) from None


def _print(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _print_lines(lines: Iterable[str]) -> None:
    _print("".join(line + "\n" for line in lines).encode("utf-8", "replace"))


def _abandon_stdout() -> None:
    """What is still buffered cannot be written, of which Python would complain at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _status(run: results.Run) -> int:
    lines = [visible(problem) for problem in run.problems[:PROBLEMS_MAX]]
    if len(run.problems) > PROBLEMS_MAX:
        lines.append(f"and {len(run.problems) - PROBLEMS_MAX} more")
    for line in lines:
        print(f"ipc-cts: the log is not a whole run: {line}", file=sys.stderr)
    return INCOMPLETE if run.problems else DONE


# ---------------------------------------------------------------------------------------------
# explain


def _unknown(run: results.Run, wanted: str) -> Refused:
    ids = [case.case for case in run.cases] + [item.id for item in run.listed]
    ids += [row.id for row in run.requirements] + [case.requirement for case in run.cases]
    near = difflib.get_close_matches(wanted.upper(), sorted(set(ids)), 3)
    hint = f"; did you mean {', '.join(near)}?" if near else "; `ipc-cts list` shows all ids"
    return Refused(f"unknown id {visible(wanted)}{hint}")


def _repetition(case: results.CaseResult, wanted: int | None) -> results.Repetition | None:
    if wanted is None:
        return explain.strongest(case)
    found = next((rep for rep in case.repetitions if rep.rep == wanted), None)
    if found is None:
        raise Refused(f"the log holds no repetition {wanted} of {case.case}")
    return found


def command_explain(options: argparse.Namespace) -> int:
    path = log_path(options.run, options.last_run)
    wanted = options.id.upper()
    run = load(path, wanted.__eq__)
    case = run.case(wanted)
    if case is not None:
        lines = [*explain.case_lines(run, case, _repetition(case, options.rep), options.all)]
        if run.transitions:
            lines += ["", f"The whole run: {matrix.coverage_line(run)}"]
        _print_lines(lines)
        return _status(run)
    known = run.requirement(wanted) is not None
    if known or any(item.requirement == wanted for item in run.cases):
        _print_lines(explain.requirement_lines(run, wanted))
        return _status(run)
    row = next((row for row in matrix.rows(run) for c in row.cells if c.case == wanted), None)
    if row is not None:
        cell = next(cell for cell in row.cells if cell.case == wanted)
        raise Refused(f"{wanted} is not in this run: {cell.reason}")
    raise _unknown(run, options.id)


# ---------------------------------------------------------------------------------------------
# matrix, report, write


def command_matrix(options: argparse.Namespace) -> int:
    run = load(log_path(options.run, options.last_run))
    if options.format == "text":
        _print_lines(matrix.text(run, options.cases))
    else:
        _print(_document(run, {"csv": "csv", "json": "matrix-json"}[options.format]))
    return _status(run)


def _install(error: ImportError) -> str:
    package = formats.PACKAGES.get(str(error.name), str(error.name))
    return f"{error.name} is missing; install {package}"


def _document(run: results.Run, name: str) -> bytes:
    try:
        write = formats.FORMATS[name].writer()
    except ImportError as error:
        raise Refused(f"cannot write {name}: {_install(error)}", INTERNAL) from None
    try:
        document = write(run)
    except CoverageError as error:
        raise Refused(str(error)) from None
    findings = consistency.findings(name, document, run)
    if findings:
        raise Refused(f"the {name} document is not what the log says: {findings[0]}", INTERNAL)
    return document


def _waived(run: results.Run, file: str | None) -> results.Run:
    return run if file is None else waivers.apply(run, waivers.load(Path(file)))


def _history(names: Iterable[str]) -> Callable[[str], bool]:
    wanted: bool = any(formats.FORMATS[name].history for name in names)
    return results.every_case if wanted else results.no_case


def command_report(options: argparse.Namespace) -> int:
    path = log_path(options.run, options.last_run)
    run = _waived(load(path, _history([options.format])), options.waivers)
    document = _document(run, options.format)
    if options.output is None or options.output == "-":
        _print(document)
    else:
        write_file(Path(options.output), document)
    for item in run.waivers:
        print(f"ipc-cts: {waivers.line(item)}", file=sys.stderr)
    return REGRESSION if run.wrong_waivers else _status(run)


def command_write(options: argparse.Namespace) -> int:
    """FORMAT=FILE...: each is tried; the first failure gives the status."""
    wanted = [pair.partition("=") for pair in options.documents]
    if any(name not in formats.FORMATS or not file for name, _, file in wanted):
        raise Refused("a document is FORMAT=FILE")
    run = load(Path(options.run), _history(name for name, _, _ in wanted))
    run = _waived(run, options.waivers)
    status = DONE
    for name, _, file in wanted:
        try:
            document = _document(run, name)
            if file == "-":
                _print(document)
            else:
                write_file(Path(file), document)
        except Refused as refused:
            print(f"ipc-cts: {refused}", file=sys.stderr)
            status = refused.status
    return status


# ---------------------------------------------------------------------------------------------
# diff


def command_diff(options: argparse.Namespace) -> int:
    before, after = (load(log_path(path, None)) for path in (options.before, options.after))
    found = diff.compare(before, after)
    if options.format == "json":
        _print(diff.json_document(found).encode("utf-8"))
    else:
        _print_lines(diff.text(found))
    status = max(_status(before), _status(after))
    return REGRESSION if found.regressions else status


# ---------------------------------------------------------------------------------------------
# merge, waivers


def command_merge(options: argparse.Namespace) -> int:
    from ctsreport.evidence import merge

    shards = []
    for name in options.shards:
        path = log_path(name, None)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Refused(f"{visible(name)}: {error.strerror}") from None
        shards.append(merge.read_shard(visible(name), content))
    whole = merge.merge(shards)
    if options.output == "-":
        _print(whole)
    else:
        write_file(Path(options.output), whole)
    return DONE


def command_waivers(options: argparse.Namespace) -> int:
    """Is the file in order; with a log: the exit code of that run under its waivers."""
    found = waivers.load(Path(options.file))
    if options.run is None:
        return DONE
    run = waivers.apply(load(Path(options.run)), found)
    _print_lines(waivers.line(item) for item in run.waivers)
    return waivers.exit_code(run.waivers, run)


# ---------------------------------------------------------------------------------------------
# certify, verify


def command_add_coverage(options: argparse.Namespace) -> int:
    from ctsreport.coverage import gcov

    try:
        gcov.add_to_log(Path(options.log), Path(options.data), Path(options.library))
    except CoverageError as error:
        raise Refused(f"no coverage: {error}", INTERNAL) from None
    return DONE


def command_coverage(options: argparse.Namespace) -> int:
    """A directory of tracefiles, tables and pages."""
    from ctsreport.coverage import lcov, pages

    run = load(log_path(options.run, options.last_run))
    out = Path(options.output)
    documents = {"coverage.info": _document(run, "lcov"), "lines.txt": _document(run, "lines")}
    for case in run.cases:
        if any(rep.coverage for rep in case.repetitions):
            name = f"cases/{case.case}.info"
            documents[name] = lcov.of_case(run, case).encode("utf-8")
    try:
        (out / "cases").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{visible(str(out))}: {error.strerror}", INTERNAL) from None
    for name, content in documents.items():
        write_file(out / name, content)
    told = [f"tracefile {visible(str(out / 'coverage.info'))}, by case in cases/",
            f"lines     {visible(str(out / 'lines.txt'))}"]  # fmt: skip
    if options.pages:
        try:
            pages.write(out / "coverage.info", run.sources[0].directory, out / "html")
        except CoverageError as error:
            raise Refused(str(error), INTERNAL) from None
        told.append(f"pages     {visible(str(out / 'html' / 'index.html'))}")
    _print_lines([*documents["lines.txt"].decode("utf-8").split("\n")[:1], *told])
    return _status(run)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def command_certify(options: argparse.Namespace) -> int:
    from ctsreport.evidence import certify

    if options.program is None and options.events is None:
        raise Refused("certify is a verb of ipc-cts, which does the run", INTERNAL)
    wanted = certify.Wanted(
        program=options.program or "",
        statement=Path(options.statement),
        sut=options.sut,
        adapter=options.adapter,
        claims=options.claims,
        profile=options.profile,
        repeat=certify.REPEAT_DEFAULT if options.repeat is None else options.repeat,
        waivers=_path(options.waivers),
        key=_path(options.key),
        events=_path(options.events),
        coverage=_path(options.coverage),
    )
    content = certify.certify(wanted)
    write_file(Path(options.out), content)
    _print_lines([f"evidence  {visible(options.out)}", f"sha256    {verify.sha256(content)}"])
    return DONE


def command_certificate(options: argparse.Namespace) -> int:
    from ctsreport.evidence import certificate

    out = Path(options.output)
    if out.suffix not in (".html", ".pdf"):
        raise Refused("-o is a file that ends in .html or .pdf")
    try:
        content = Path(options.bundle).read_bytes()
        key = None if options.key is None else Path(options.key).read_bytes()
    except OSError as error:
        raise Refused(f"{visible(str(error.filename))}: {error.strerror}") from None
    try:
        page = certificate.page(content, key)
    except verify.Refused as refused:
        print(refused, file=sys.stderr)
        return verify.REFUSED
    write_file(out, certificate.pdf(page) if out.suffix == ".pdf" else page)
    return DONE


# ---------------------------------------------------------------------------------------------
# The command line.

_RUN_HELP = f"an {LOG_NAME} or a directory that holds one; without it the last run's"


class _Parser(argparse.ArgumentParser):
    """One line for what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (try --help)\n")


def _verb(
    verbs: argparse._SubParsersAction[_Parser], name: str, about: str, examples: str
) -> _Parser:
    return verbs.add_parser(
        name,
        prog=f"ipc-cts {name}",
        description=about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def parser() -> _Parser:
    top = _Parser(prog="ipc-cts", description="Documents from event logs.")
    top.add_argument("--last-run", help=argparse.SUPPRESS)
    top.add_argument("--program", help=argparse.SUPPRESS)
    verbs = top.add_subparsers(dest="verb", required=True)

    verb = _verb(
        verbs,
        "explain",
        "Explain a case of a finished run: what was required, what was done step by step, what was\n"
        "allowed and seen, a timeline of the actors, the likely cause, and how to run it again.\n"
        "With a requirement instead of a case: its cases and their verdicts.\n\n"
        "Exit 0; 2 when the log is not the whole of a run; 4 for an unknown id or log.",
        "  ipc-cts explain CALL-02.1\n"
        "  ipc-cts explain CALL-02 build/reports\n"
        "  ipc-cts explain RACE-03.11 events.jsonl --rep 2 --all",
    )
    verb.add_argument("id", metavar="ID", help="a case (CALL-02.1) or a requirement (CALL-02)")
    verb.add_argument("run", metavar="RUN", nargs="?", help=_RUN_HELP)
    verb.add_argument(
        "--rep", type=int, metavar="N", help="this repetition; without it the first that failed"
    )
    verb.add_argument("--all", action="store_true", help="every step, nothing left out")
    verb.set_defaults(command=command_explain)

    verb = _verb(
        verbs,
        "matrix",
        "Requirement by case by verdict, what was not covered and why, and which steps of the model\n"
        "this run never showed. run/all: cases that ran and were not skipped, and all there are.\n"
        "routes: different ways among those (layout, number of actors, order of calls).\n\n"
        "Exit 0; 2 when the log is not the whole of a run; 4 for an unknown log.",
        "  ipc-cts matrix\n"
        "  ipc-cts matrix --cases build/reports\n"
        "  ipc-cts matrix --format csv events.jsonl > matrix.csv",
    )
    verb.add_argument("run", metavar="RUN", nargs="?", help=_RUN_HELP)
    verb.add_argument("--format", choices=("text", "csv", "json"), default="text")
    verb.add_argument("--cases", action="store_true", help="every case, not only those that failed")
    verb.set_defaults(command=command_matrix)

    verb = _verb(
        verbs,
        "report",
        "Write one document from an event log; the same log always gives the same bytes.\n\n"
        + "\n".join(f"  {name:11} {row.about}" for name, row in formats.FORMATS.items())
        + "\n\nExit 0; 2 written, but the log is not the whole of a run (the document says what is\n"
        "missing); 3 the document cannot be written; 4 for an unknown format or log.",
        "  ipc-cts report --format junit -o junit.xml\n"
        "  ipc-cts report --format tap13 build/reports | prove -e cat /dev/stdin\n"
        "  ipc-cts report --format json events.jsonl -o results.json",
    )
    verb.add_argument("run", metavar="RUN", nargs="?", help=_RUN_HELP)
    verb.add_argument("--format", required=True, choices=sorted(formats.FORMATS), metavar="FORMAT")
    verb.add_argument("-o", "--output", metavar="FILE", help="without it stdout")
    verb.add_argument(
        "--waivers",
        metavar="FILE",
        help="shown beside the verdicts; exit 1 when one is expired, unmatched or not needed",
    )
    verb.set_defaults(command=command_report)

    verb = _verb(
        verbs,
        "diff",
        "What changed from run BEFORE to run AFTER: newly failing, fixed, mixed among repetitions,\n"
        "suspect, no longer tested, other observations, added and removed cases.\n\n"
        "Exit 0; 1 when a case fails that did not; 2 when a log is not the whole of a run; 4 for an\n"
        "unknown log.",
        "  ipc-cts diff before/events.jsonl after/events.jsonl\n"
        "  ipc-cts diff --format json before after",
    )
    verb.add_argument("before", metavar="BEFORE", help="an events.jsonl or its directory")
    verb.add_argument("after", metavar="AFTER")
    verb.add_argument("--format", choices=("text", "json"), default="text")
    verb.set_defaults(command=command_diff)

    verb = _verb(
        verbs,
        "merge",
        "Put the logs of all shards of a run together: one log that reads like that of one run. Their\n"
        "order does not matter.\n\n"
        "Exit 0; 4 for a shard that is missing, doubled, foreign (of another suite, library or\n"
        "profile) or not whole, with its name.",
        "  ipc-cts merge shard1.jsonl shard2.jsonl -o events.jsonl",
    )
    verb.add_argument("shards", metavar="SHARD", nargs="+", help="an events.jsonl or its directory")
    verb.add_argument("-o", "--output", metavar="FILE", required=True, help="- for stdout")
    verb.set_defaults(command=command_merge)

    verb = _verb(
        verbs,
        "coverage",
        "Lines of the library by case and by requirement, from the log of a run with --coverage:\n"
        "coverage.info (all cases, for lcov and genhtml), cases/ID.info (one each), lines.txt (for\n"
        "each requirement the lines that only it reaches; the lines that none reaches), and with\n"
        "--pages what genhtml makes of it.\n\n"
        "Exit 0; 2 when the log is not the whole of a run; 3 when something cannot be written; 4 for\n"
        "an unknown log, or one without coverage.",
        "  ipc-cts run --coverage --sut build/libkos-ipc.so --events events.jsonl\n"
        "  ipc-cts coverage events.jsonl -o coverage --pages",
    )
    verb.add_argument("run", metavar="RUN", nargs="?", help=_RUN_HELP)
    verb.add_argument("-o", "--output", metavar="DIR", required=True)
    verb.add_argument("--pages", action="store_true", help="also html/, by genhtml (package lcov)")
    verb.set_defaults(command=command_coverage)

    verb = verbs.add_parser("add-coverage", prog="ipc-cts")
    for name in ("log", "data", "library"):
        verb.add_argument(name)
    verb.set_defaults(command=command_add_coverage)

    verb = _verb(
        verbs,
        "certify",
        "Run everything that the edition demands, strictly and several times, and pack what came out\n"
        "as an evidence bundle that `verify` accepts. The statement is YAML with vendor, product,\n"
        "version, os, cpu, contact. The tree of the suite must be as committed.\n\n"
        "Exit 0; 1 when the library is not conformant, and no bundle is written; 4 for wrong use, a\n"
        "bad statement, key or waivers, or a changed tree.",
        "  openssl genpkey -algorithm ed25519 -out key.pem\n"
        "  openssl pkey -in key.pem -pubout -out pub.pem\n"
        "  ipc-cts certify --statement statement.yaml --out evidence.tar --key key.pem",
    )
    verb.add_argument("--statement", metavar="FILE", required=True)
    verb.add_argument("--out", metavar="BUNDLE", required=True)
    verb.add_argument("--sut", metavar="FILE.so")
    verb.add_argument("--adapter", metavar="FILE.so")
    verb.add_argument("--claims", metavar="LIST")
    verb.add_argument("--profile", metavar="WORDS", default="ce-1.2", help="edition and extent")
    verb.add_argument("--repeat", metavar="N", type=int)
    verb.add_argument("--waivers", metavar="FILE")
    verb.add_argument("--key", metavar="PRIV", help="Ed25519 key (PEM) that signs")
    verb.add_argument("--coverage", metavar="FILE", help="lcov's tracefile of the library")
    verb.add_argument(
        "--events", metavar="LOG", help="pack the log of such a run instead of running"
    )
    verb.set_defaults(command=command_certify)

    verb = _verb(
        verbs,
        "certificate",
        "One page about an evidence bundle, for people: which requirements, windows and waivers, and\n"
        "what it does not say. The bundle is verified first; each statement names the line of its\n"
        "events.jsonl. FILE ends in .html, or in .pdf, which needs weasyprint.\n\n"
        "Exit 0; 3 when the page cannot be written; 4 for wrong use; 7 for a bundle that is refused.",
        "  ipc-cts certificate evidence.tar --key pub.pem -o certificate.pdf",
    )
    verb.add_argument("bundle", metavar="BUNDLE")
    verb.add_argument("--key", metavar="PUB", help="public key (PEM) that must have signed")
    verb.add_argument("-o", "--output", metavar="FILE", required=True)
    verb.set_defaults(command=command_certificate)

    verb = verbs.add_parser("waivers", prog="ipc-cts")
    verb.add_argument("file")
    verb.add_argument("run", nargs="?")
    verb.set_defaults(command=command_waivers)

    verb = verbs.add_parser("write", prog="ipc-cts")
    verb.add_argument("run")
    verb.add_argument("--waivers")
    verb.add_argument("documents", nargs="+", metavar="FORMAT=FILE")
    verb.set_defaults(command=command_write)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... | head` is no error
    words = list(sys.argv[1:] if arguments is None else arguments)
    while len(words) > 2 and words[0] in ("--last-run", "--program"):
        words = words[2:]
    if words[:1] == ["verify"]:  # a program of its own, which reads its own words
        return verify.main(words[1:])
    try:
        status = _perform(arguments)
        sys.stdout.flush()
        return status
    except (Refused, EvidenceError) as refused:
        print(f"ipc-cts: {refused}", file=sys.stderr)
        return refused.status
    except ImportError as error:
        print(f"ipc-cts: {_install(error)}", file=sys.stderr)
        return INTERNAL
    except OSError as error:
        _abandon_stdout()
        print(f"ipc-cts: cannot write: {error.strerror}", file=sys.stderr)
        return INTERNAL


def _perform(arguments: Sequence[str] | None) -> int:
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stopped:
        return USAGE if stopped.code else DONE
    return int(options.command(options))
