"""The space map: a whole physical address space, from a 4 KiB page to a 512 GiB window.

Addresses run downwards, in order, but not to scale: the height of a region grows with the logarithm
of its size, and a gap that nobody owns is folded into a dashed line with its size. Sizes are on the
right, addresses on the left.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from devmemkit.figures.frame import INNER, text_width, with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.resource.tree import Resource
from devmemkit.text.iomem_tree import is_window

INDENT, PAD = 8, 5
"""Px: indent of a child in its parent, of a name in its box."""
LEAF, GROWTH, HEAD, FOLD = 14, 0.8, 15, 14
"""Px: of a 4 KiB region, of each doubling beyond, of a title above children, of a folded gap."""
MOST = 4000
"""Px of the whole map at most: a longer one is squeezed, and names go."""
WRITTEN = 11
"""Px that a row needs to have its name written."""
_WIDTH = INNER - 84
LEGEND = (
    ("ram", "System RAM"),
    ("idle", "unclaimed"),
    ("claimed", "busy"),
    ("bus", "bus window"),
    ("reserved", "reserved"),
    ("now", "in question"),
)
"""Roles and their meanings."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class Row(NamedTuple):
    """A stretch of the map, in px from the top: a node, or a gap of `gap` bytes before it."""

    node: Resource
    depth: int
    top: float
    bottom: float
    head: float
    gap: int = 0

    @property
    def sides(self) -> tuple[float, float]:
        """Left and right, in px."""
        return self.depth * INDENT, _WIDTH - self.depth * 3


def size_of(count: int) -> str:
    """Format a size in the largest unit that it fills, such as 64 MiB or 1.5 GiB."""
    power = min(len(UNITS) - 1, max(0, count.bit_length() - 1) // 10)
    value = count / (1 << (10 * power))
    return f"{value:.4g} {UNITS[power]}"


def role_of(node: Resource) -> str:
    """The role of a node's colour: ram, claimed, bus, reserved, or idle."""
    if node.system_ram:
        return "ram"
    if node.name.lower().startswith(("reserved", "ram buffer")):
        return "reserved"
    if node.busy:
        return "claimed"
    return "bus" if is_window(node) else "idle"


def doublings(size: int) -> float:
    """How often a page must be doubled to be as large, at least 0."""
    return max(0.0, math.log2(max(size, 1) / PAGE_SIZE))


def rows_of(parent: Resource, depth: int = 0, top: float = 0.0) -> list[Row]:
    """Every node below one with its place, and every gap of at least a page between siblings.

    The rows are from `top` downwards, each parent before its children.
    """
    rows = []
    at = parent.start
    for child in parent.children:
        if child.start - at >= PAGE_SIZE and at > parent.start:
            rows.append(Row(child, depth, top, top + FOLD, 0, child.start - at))
            top += FOLD
        bottom = top + LEAF + GROWTH * doublings(child.size)
        if inside := rows_of(child, depth + 1, top + HEAD):
            bottom = max(row.bottom for row in inside) + 3
        head = HEAD if inside else bottom - top
        rows += [Row(child, depth, top, bottom, head), *inside]
        top = bottom + 2
        at = max(at, child.end + 1)
    return rows


def node_at(root: Resource, x: float, y: float) -> Resource | None:
    """The innermost node at a point of the tree's space map, in axis units."""
    rows = rows_of(root)
    shrink = _shrink(rows)
    found = None
    for row in rows:
        left, right = row.sides
        if not row.gap and left <= x <= right and row.top * shrink <= y <= row.bottom * shrink:
            found = row.node
    return found


def _shrink(rows: list[Row]) -> float:
    return min(1.0, MOST / max(row.bottom for row in rows))


@with_margins
def space_map(name: str, root: Resource, *, marked: Resource | None = None) -> Picture:
    """Picture all nodes of a tree, with a frame around `marked`.

    ValueError for a tree without nodes.
    """
    rows = rows_of(root)
    if not rows:
        raise ValueError(f"{name}: expected a tree with at least one node, got none")
    shrink = _shrink(rows)
    marks = Marks()
    ticks: list[tuple[float, str]] = []
    lowest = -math.inf
    for row in rows:
        left, right = row.sides
        top, bottom, head = (px * shrink for px in (row.top, row.bottom, row.head))
        if row.gap:
            _draw_fold(marks, row, (top + bottom) / 2, bottom - top >= WRITTEN)
            continue
        node, size = row.node, size_of(row.node.size)
        tip = f"{node}\n{size}, flags {node.flags:#x}{', busy' if node.busy else ''}"
        marks.rect(left, right, top, bottom, role_of(node), tip)
        if node is marked:
            marks.outline(left, right, top, bottom, "now")
        if head >= WRITTEN:
            room = right - left - 2 * PAD - text_width(size, "small") - 6
            marks.text(left + PAD, top + head / 2, node.name or "(no name)", room=max(room, 8))
            marks.text(right - PAD, top + head / 2, size, "small", anchor="right")
        if row.depth == 0 and top - lowest >= 14:
            ticks.append((top + min(head, 16) / 2, f"{node.start:x}"))
            lowest = top
    nodes = [row.node for row in rows if not row.gap]
    whole = max(row.bottom for row in rows) * shrink
    used = {mark.role for mark in (*marks.rects, *marks.outlines)}
    return Picture(
        name="space-map",
        title=f"{name}: {len(nodes)} regions",
        alt=f"The physical address space of {name}, not to scale: "
        + "; ".join(map(str, nodes[:40]))
        + (f"; and {len(nodes) - 40} more" if len(nodes) > 40 else "")
        + ".",
        x=Axis("", 0, _WIDTH),
        y=Axis("", whole + 2, -2, tuple(ticks)),
        marks=marks,
        height=int(whole + 4),
        legend=tuple((role, label) for role, label in LEGEND if role in used),
    )


def _draw_fold(marks: Marks, row: Row, y: float, is_written: bool) -> None:
    """Draw a dashed line for a gap, with its size in the middle where there is room."""
    left, right = row.sides
    text = f"{size_of(row.gap)} unused"
    tip = f"{text}, up to {row.node.start - 1:#x}"
    middle = (left + right) / 2
    half = text_width(text, "small") / 2 + 5 if is_written else 0.0
    for x0, x1 in ((left, middle - half), (middle + half, right)):
        if x0 < x1:
            marks.line(x0, y, x1, y, "muted", "dashed", tip)
    if is_written:
        marks.text(middle, y, text, "small", anchor="center")
