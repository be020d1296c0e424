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
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from ctsreport import results
from ctsreport.html import page
from ctsreport.html.markup import anchor, kind_of, word_of


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


def render(run: results.Run) -> bytes:
    """The page. `run` must have been collected with the history of every case.

    Never fails for what a log holds: what is missing is said on the page. Not thread-bound, reads
    no clock and no file but its own template."""
    style, script = "\n" + _file("page.css"), "\n" + _file("page.js")
    found, elsewhere = page.groups(run)
    shown_problems, more_problems = page.problems(run)
    head = page.headline(run, found)
    html = _template().render(
        head=head,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        run=run,
        groups=found,
        elsewhere=elsewhere,
        areas=sorted({group.area for group in found}),
        strengths=sorted({group.strength for group in found if group.strength}),
        words=sorted({group.word for group in found}),
        counts=page.verdict_counts(run),
        identity=page.identity(run),
        failures=page.failures(run, found),
        undecided=page.undecided(run),
        problems=shown_problems,
        more_problems=more_problems,
        rest=page.rest,
        anchor=anchor,
        kind_of=kind_of,
        word_of=word_of,
        total=len(run.cases),
    )
    return html.encode("utf-8")
