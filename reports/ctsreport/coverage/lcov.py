# SPDX-License-Identifier: Apache-2.0
"""LCOV tracefiles in the dialect of lcov 1.16, which later ones read, too.

One record per case and file that it reached, under the name of the case (`TN:`). Before them stands
what there is to be reached, without a name and at zero, so that a tracefile of all cases need not
repeat it in each record. Paths are below the directory of the sources: `genhtml` is called there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ctsreport import coverage, events, results
from ctsreport.coverage import Reached


def _record(name: str, source: events.Source, reached: Reached, whole: bool) -> Iterator[str]:
    """`whole`: also what was not reached."""
    yield f"TN:{name}"
    yield f"SF:{source.file}"
    functions = [f for f in source.functions if whole or reached.functions[f[0]]]
    yield from (f"FN:{line},{function}" for function, line in functions)
    yield from (f"FNDA:{reached.functions[function]},{function}" for function, _ in functions)
    yield f"FNF:{len(functions)}"
    yield f"FNH:{sum(reached.functions[function] > 0 for function, _ in functions)}"
    ways_found = ways_hit = 0
    for line, ways in source.branches:
        taken = reached.branches.get(line)
        if taken is None and not whole:
            continue
        ways_found += ways
        for way in range(ways):
            count = taken[way] if taken is not None and way < len(taken) else 0
            ways_hit += count > 0
            yield f"BRDA:{line},0,{way},{'-' if taken is None else count}"
    yield f"BRF:{ways_found}"
    yield f"BRH:{ways_hit}"
    lines = [line for line in source.lines if whole or reached.lines[line]]
    yield from (f"DA:{line},{reached.lines[line]}" for line in lines)
    yield f"LF:{len(lines)}"
    yield f"LH:{sum(reached.lines[line] > 0 for line in lines)}"
    yield "end_of_record"


def document(run: results.Run) -> str:
    """All cases."""
    files = coverage.sources(run)
    lines = [row for source in files for row in _record("", source, Reached(), True)]
    for case in run.cases:
        reached = coverage.of_case(case)
        for source in files:
            if source.file in reached:
                name = coverage.test_name(case.case)
                lines.extend(_record(name, source, reached[source.file], False))
    return "\n".join(lines) + "\n"


def of_case(run: results.Run, case: results.CaseResult) -> str:
    """The tracefile of one case, complete in itself."""
    reached = coverage.of_case(case)
    name = coverage.test_name(case.case)
    rows = (
        row
        for source in coverage.sources(run)
        for row in _record(name, source, reached.get(source.file, Reached()), True)
    )
    return "\n".join(rows) + "\n"
