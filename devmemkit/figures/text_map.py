"""The space map for a terminal: a line for each region and for each gap that nobody owns."""

from __future__ import annotations

from devmemkit.figures.space_map import LEGEND, doublings, role_of, rows_of, size_of
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
    lines = []
    for row in rows:
        node, indent = row.node, "  " * row.depth
        if row.gap:
            bar, size = "", row.gap
            start, name = "", "(unused)"
        else:
            length = min(LONGEST, 1 + round(doublings(node.size) / 4))
            bar, size = MARKS[role_of(node)] * length, node.size
            start, name = f"{node.start:x}", printable(node.name) or "(no name)"
        lines.append(f"{start:>{width}}  {size_of(size):>9}  {bar:{LONGEST}} {indent}{name}")
    roles, means = {role_of(row.node) for row in rows if not row.gap}, dict(LEGEND)
    legend = (f"{mark} {means[role]}" for role, mark in MARKS.items() if role in roles)
    return "\n".join((*lines, "", ", ".join(legend)))
