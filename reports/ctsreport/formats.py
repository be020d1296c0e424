# SPDX-License-Identifier: Apache-2.0
"""The documents by name: one writer each, from the results of a run to bytes.

A writer is `writer(run: results.Run) -> bytes`. It reads nothing but `run`: no clock, no
environment, no file of the machine, so that the same log always gives the same bytes. `history`
says whether it needs the events of each case (`Repetition.history`), which cost memory. Modules
are loaded when their document is wanted, so that a missing package only stops what needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from ctsreport import results

Writer = Callable[[results.Run], bytes]


@dataclass(frozen=True)
class Format:
    """`function` of `module` gives the document as text, or as bytes."""

    module: str
    function: str
    about: str
    history: bool = False

    def writer(self) -> Writer:
        """ImportError when the module or a package that it needs is missing."""
        function = getattr(import_module(self.module), self.function)

        def write(run: results.Run) -> bytes:
            document = function(run)
            return document if isinstance(document, bytes) else str(document).encode("utf-8")

        return write


FORMATS = {
    "tap13": Format("ctsreport.tap", "tap13", "TAP 13, which every reader takes"),
    "tap14": Format("ctsreport.tap", "tap14", "TAP 14, the checks of a case as a subtest"),
    "junit": Format("ctsreport.junit", "document", "JUnit XML for GitLab, GitHub and Jenkins"),
    "json": Format("ctsreport.results_json", "document", "everything, for programs"),
    "matrix": Format("ctsreport.matrix", "document", "requirement by case by verdict, as text"),
    "csv": Format("ctsreport.matrix", "csv_document", "the same as a table of values"),
    "matrix-json": Format("ctsreport.results_json", "matrix_document", "the same for programs"),
    "lcov": Format("ctsreport.coverage.lcov", "document", "lines of the library by case, for lcov"),
    "lines": Format("ctsreport.coverage.lines", "document", "the same by requirement, as text"),
    "annotations": Format(
        "ctsreport.annotations", "document", "failures for a page of GitHub Actions"
    ),
    "html": Format("ctsreport.html", "render", "one page for people, without network", True),
}

# Of a run with --coverage only.
NEED_COVERAGE = ("lcov", "lines")

# Where Debian has what a module needs, by the name that Python misses.
PACKAGES = {
    "jinja2": "python3-jinja2",
    "junitparser": "python3-junitparser",
    "lxml": "python3-lxml",
    "matplotlib": "python3-matplotlib",
}
