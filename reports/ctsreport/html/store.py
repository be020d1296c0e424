# SPDX-License-Identifier: Apache-2.0
"""Write reference-observations.json anew, from event logs of the reference.

    python3 -m ctsreport.html.store RUN... > reports/ctsreport/html/reference-observations.json

It holds what was seen and not how often, since that differs from run to run. A profile of which
no log is given is not in the result.

Exit status: 0 written; 1 a log is not a whole run without a failure; 4 wrong command line or
unreadable log.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ctsreport import events, results
from ctsreport.html import observations


def _load(path: str) -> results.Run:
    with open(path, "rb") as log:
        return results.collect(events.read(log))


def main(paths: Sequence[str]) -> int:
    if not paths:
        print("usage: python3 -m ctsreport.html.store RUN...", file=sys.stderr)
        return 4
    try:
        runs = [_load(path) for path in paths]
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    for path, run in zip(paths, runs):
        if run.problems or any(results.is_failure(case.verdict) for case in run.cases):
            print(f"{path}: not a whole run without a failure", file=sys.stderr)
            return 1
    print(json.dumps(observations.of_runs(runs), indent=1, ensure_ascii=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
