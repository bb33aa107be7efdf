"""The space map for a terminal: a line for each region and for each gap that nobody owns."""

from __future__ import annotations

import math
from collections.abc import Iterator

from devmemkit.figures.space_map import LEGEND, Row, role_of, rows_of, size_of
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource

MARKS = {"ram": "=", "claimed": "#", "idle": ".", "bus": ":", "reserved": "-"}
LONGEST = 12
"""Length of the longest bar; each character is about four doublings of the size."""


def text_map(root: Resource) -> str:
    """Format all nodes of a tree, top to bottom, with bars that grow with the log of the size.

    ValueError for a tree without nodes.
    """
    rows = rows_of(root)
    if not rows:
        raise ValueError("expected a tree with at least one node, got none")
    width = max(len(f"{row.node.end:x}") for row in rows)
    return "\n".join((*_lines(rows, width), "", _legend(rows)))


def _lines(rows: list[Row], width: int) -> Iterator[str]:
    for row in rows:
        indent = "  " * row.depth
        if row.gap:
            yield f"{'':{width}}  {size_of(row.gap):>9}  {'':{LONGEST}} {indent}(unused)"
            continue
        node = row.node
        bar = MARKS[role_of(node)] * _length(node.size)
        name = printable(node.name) or "(no name)"
        yield f"{node.start:{width}x}  {size_of(node.size):>9}  {bar:{LONGEST}} {indent}{name}"


def _length(size: int) -> int:
    return min(LONGEST, 1 + round(max(0.0, math.log2(max(size, 1) / 4096)) / 4))


def _legend(rows: list[Row]) -> str:
    roles = {role_of(row.node) for row in rows if not row.gap}
    means = dict(LEGEND)
    return ", ".join(f"{mark} {means[role]}" for role, mark in MARKS.items() if role in roles)
