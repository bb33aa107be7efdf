"""Rows of text as columns, the one style of table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Align the cells of rows of equal length, two spaces apart.

    >>> print(columns([("kernel", "states"), ("6.12", "70")]))
    kernel  states
    6.12    70
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
