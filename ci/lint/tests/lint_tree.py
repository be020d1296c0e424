# SPDX-License-Identifier: Apache-2.0
"""Type of the `tree` fixture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Tree = Callable[[dict[str, str]], Path]
