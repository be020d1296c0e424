# SPDX-License-Identifier: Apache-2.0
"""`python3 -m ctsreport.html RUN -o FILE`: the page of an event log.

Exit status: 0 written; 2 written, but the log is not the whole of a run, which the page says too;
4 wrong command line, unreadable log or file that cannot be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ctsreport import events, html, results
from ctsreport.html import evidence, observations, page


def read(path: str) -> results.Run:
    with open(path, "rb") as log:
        return results.collect(events.read(log), results.every_case)


def _coverage(path: str | None) -> list[evidence.File]:
    if path is None:
        return []
    return evidence.line_coverage(Path(path).read_text(encoding="utf-8", errors="replace"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m ctsreport.html",
        description="Write the HTML report of an event log.",
        epilog="example: python3 -m ctsreport.html build/reports/events.jsonl -o report.html",
    )
    parser.add_argument("run", metavar="RUN", help="the event log")
    parser.add_argument("-o", "--output", metavar="FILE", required=True)
    parser.add_argument("--summary", action="store_true", help="print the run in five lines")
    parser.add_argument(
        "--compare", metavar="LOG", help="show what this log observed in place of the reference"
    )
    parser.add_argument(
        "--coverage", metavar="TRACEFILE", help="lines of the library that the run reached, by lcov"
    )
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return 4 if stopped.code else 0
    try:
        run = read(options.run)
        reference = observations.of_runs([read(options.compare)]) if options.compare else None
        Path(options.output).write_bytes(html.render(run, reference, _coverage(options.coverage)))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    except ValueError as error:
        print(f"{options.coverage}: not an LCOV tracefile: {error}", file=sys.stderr)
        return 4
    if options.summary:
        print("\n".join(page.summary(run, options.output)))
    return 2 if run.problems else 0


if __name__ == "__main__":
    sys.exit(main())
