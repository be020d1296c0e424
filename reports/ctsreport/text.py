# SPDX-License-Identifier: Apache-2.0
"""Text for people: foreign text made harmless, lines folded, what to type."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

WIDTH = 100


def is_invisible(code: int) -> bool:
    """Controls, direction marks, and what a terminal shows as nothing."""
    return (
        code < 0x20
        or 0x7F <= code < 0xA0
        or code in (0xAD, 0x61C, 0xFEFF)
        or 0x200B <= code <= 0x200F
        or 0x2028 <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code <= 0xDFFF
        or is_no_character(code)
    )


def is_no_character(code: int) -> bool:
    """Tags, private use, and codes that are no characters at all."""
    return code >= 0xE0000 or (code & 0xFFFE) == 0xFFFE


def visible(text: str) -> str:
    """One line that a terminal only shows: what is invisible becomes an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if not is_invisible(code):
        return char
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def short(text: str, limit: int) -> str:
    """The text, cut to `limit` characters with the number of those left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}... ({len(text) - limit} characters left out)"


def folded(label: str, content: str, indent: int = 16, limit: int = 4000) -> Iterator[str]:
    """`  label       content`, with the content folded below itself."""
    margin = " " * indent
    lines = textwrap.wrap(
        short(visible(content), limit),
        WIDTH - indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines or ["-"]):
        yield (f"  {label}".ljust(indent) if number == 0 else margin) + line
