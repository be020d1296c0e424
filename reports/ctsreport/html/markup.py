# SPDX-License-Identifier: Apache-2.0
"""Text of a log as HTML text. Whatever a library can have influenced goes through `esc`."""

from __future__ import annotations

import html
from functools import lru_cache

from ctsreport.anchors import NO_VERDICT_WORD
from ctsreport.text import short, visible

TEXT_MAX = 2000  # characters of one text; what is cut is counted
OUTPUT_MAX = 32 * 1024

GOOD, BAD, UNDECIDED, NEUTRAL = "good", "bad", "undecided", "neutral"
_KIND = {
    "PASS": GOOD,
    "OBSERVED": NEUTRAL,
    "SKIP": NEUTRAL,
    "INCONCLUSIVE": UNDECIDED,
    "BROKEN": UNDECIDED,
    "": UNDECIDED,
}
_MEANING = {
    "PASS": "the claim held",
    "FAIL": "the claim was broken",
    "CRASH": "the library ended the process by a signal",
    "TIMEOUT": "the case did not end within its limit",
    "EARLY_EXIT": "the library ended the process",
    "LEAK": "the library left something behind",
    "BROKEN": "the claim could not be reached: a preparation failed",
    "SKIP": "not applicable here",
    "INCONCLUSIVE": "a timing verdict that this machine could not decide",
    "OBSERVED": "recorded only: the documents leave it open",
    "": "the log holds no verdict",
}


@lru_cache(maxsize=1 << 14)  # most texts of a log occur many times
def esc(text: str, limit: int = TEXT_MAX) -> str:
    """The text in one line, safe in an element and in a quoted attribute."""
    return html.escape(visible(short(text, limit)))


def esc_lines(text: str, limit: int = OUTPUT_MAX) -> str:
    """The same with its line ends, for a <pre>. What is too long loses its middle."""
    if len(text) > limit:
        half = limit // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n... {left_out} characters left out ...\n{text[-half:]}"
    lines = text.replace("\r\n", "\n").split("\n")
    # After the tag <pre> a parser drops one line end.
    return "\n" + "\n".join(html.escape(visible(line)) for line in lines)


def kind_of(verdict: str) -> str:
    return _KIND.get(verdict, BAD)


def word_of(verdict: str) -> str:
    return esc(verdict, 40) or NO_VERDICT_WORD


def meaning_of(verdict: str) -> str:
    return _MEANING.get(verdict, "a verdict that this reader does not know")


def chip(verdict: str) -> str:
    return (
        f'<span class="chip {kind_of(verdict)}" title="{meaning_of(verdict)}">'
        f"{word_of(verdict)}</span>"
    )


def counted(count: int, one: str, many: str | None = None) -> str:
    """"1 case", "2 cases"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(ms: float) -> str:
    if not 0 <= ms < 1e12:
        return ""
    if ms < 1000:
        return f"{ms:.1f} ms"
    return f"{ms / 1000:.1f} s"
