# SPDX-License-Identifier: Apache-2.0
"""How the HTML page names cases and requirements, for those who link to it or read it back."""

from __future__ import annotations

import re

NO_VERDICT_WORD = "NO VERDICT"


def anchor(text: str) -> str:
    """An id for a case or a requirement: itself, or, when it looks like none, an id that nothing
    else on the page can have. It needs no escape."""
    if re.fullmatch(r"[A-Z][A-Z0-9]*-[0-9]+(\.[0-9]+)?", text):
        return text
    return "x-" + re.sub(r"[^A-Za-z0-9-]", lambda m: f"_{ord(m[0]):x}_", text[:200])
