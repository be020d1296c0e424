# SPDX-License-Identifier: Apache-2.0
"""C text without its comments, for lints that look for words. Positions and lines stay the same."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?(?:\*/|\Z)|//(?:\\\n|[^\n])*)
      | (?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE,
)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


class Source:
    """`text` as written; `code` without comments; `bare` without comments and literals."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = _TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)
        # The quotes stay, so that a string cannot join what stands around it.
        self.bare = _TOKEN.sub(
            lambda m: _blank(m[0]) if m["comment"] else m[0][0] + _blank(m[0][1:-1]) + m[0][-1],
            text,
        )

    def line(self, position: int) -> int:
        """Number of the line with that position, from 1. A match may begin with blank lines."""
        while position < len(self.text) and self.text[position] == "\n":
            position += 1
        return self.text.count("\n", 0, position) + 1
