# SPDX-License-Identifier: Apache-2.0
"""The report of a run as one self-contained HTML page.

    python3 -m ctsreport.html RUN -o FILE

`render` turns the results of a run into the bytes of the page: the same results, the same bytes.
The page needs no network and no other file; its content policy forbids both. All that a log holds
is escaped; nothing of it stands in the script or in the style sheet.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from ctsreport import results
from ctsreport.anchors import anchor
from ctsreport.html import evidence, observations, page
from ctsreport.html.markup import esc, kind_of, word_of


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")


def _never_first(run: results.Run) -> list[results.Transition]:
    never = [step for step in run.transitions if step.count == 0]
    return never + [step for step in run.transitions if step.count > 0]


def render(
    run: results.Run,
    reference: observations.Known | None = None,
    coverage: Sequence[evidence.File] = (),
) -> bytes:
    """The page. `run` must have been collected with the history of every case.

    `reference`: what another library did where the documents are open; without it what the suite
    knows of the reference. `coverage`: lines of the library that the run reached.
    Never fails for what a log holds: what is missing is said on the page. Not thread-bound, reads
    no clock and no file but those of its own package."""
    style, script = "\n" + _file("page.css"), "\n" + _file("page.js")
    found, elsewhere = page.groups(run)
    shown_problems, more_problems = page.problems(run)
    plots, more_plots = evidence.plots(run)
    parts = _template().generate(
        head=page.headline(run, found),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        run=run,
        groups=found,
        elsewhere=elsewhere,
        areas=sorted({group.area for group in found}),
        strengths=sorted({group.strength for group in found if group.strength}),
        counts=page.verdict_counts(run),
        identity=page.identity(run),
        failures=page.failures(run, found),
        undecided=page.undecided(run),
        problems=shown_problems,
        more_problems=more_problems,
        observed=observations.rows(run, observations.stored() if reference is None else reference),
        compared=reference is not None,
        plots=plots,
        more_plots=more_plots,
        windows=evidence.windows(run),
        growth=evidence.growth(run),
        transitions=_never_first(run),
        coverage=coverage or evidence.reached_lines(run),
        alone=evidence.lines_alone(run),
        rest=page.rest,
        anchor=anchor,
        esc=esc,
        kind_of=kind_of,
        word_of=word_of,
    )
    return "".join(parts).encode("utf-8")
