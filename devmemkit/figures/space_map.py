"""The space map: a whole physical address space, from a 4 KiB page to a 512 GiB window.

Addresses run downwards, in order, but not to scale: the height of a region grows with the logarithm
of its size, and what nobody owns is folded into a dashed line that tells how much is left out. So
the scale changes from node to node; sizes stand on the right, addresses at the left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devmemkit.figures.frame import EDGE, text_width
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.model.resource.tree import Resource

INDENT, PAD = 8, 5
"""Px of a child in its parent, of a name in its box."""
LEAF, GROWTH, HEAD, FOLD = 14, 0.8, 15, 14
"""Px: of a 4 KiB region, of each doubling beyond, of a title above children, of a folded gap."""
MOST = 4000
"""Px of the whole map at most: where there is more to show, all becomes lower, and names go."""
WRITTEN = 11
"""Px that a row needs to have its name written."""
_WIDTH = MIN_WIDTH - 2 * EDGE - 84
LEGEND = (
    ("ram", "System RAM"), ("idle", "unclaimed"), ("claimed", "busy"), ("bus", "bus window"),
    ("reserved", "reserved"),
)  # fmt: skip
"""Roles and what they mean."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


@dataclass(slots=True)
class Row:
    """A stretch of the map, in px from the top: a node, or with `gap` bytes that nobody owns."""

    node: Resource
    depth: int
    top: float
    bottom: float
    head: float
    gap: int = 0


def size_of(count: int) -> str:
    """A size in the largest unit that it fills, such as 64 MiB or 1.5 GiB."""
    power = min(len(UNITS) - 1, max(0, count.bit_length() - 1) // 10)
    value = count / (1 << (10 * power))
    return f"{value:.4g} {UNITS[power]}"


def role_of(node: Resource) -> str:
    """What a node is, as a colour's role: ram, claimed, bus, reserved, or idle."""
    if node.system_ram:
        return "ram"
    if node.name.lower().startswith(("reserved", "ram buffer")):
        return "reserved"
    if node.busy:
        return "claimed"
    return "bus" if node.name.startswith("PCI Bus") else "idle"


def _leaf(size: int) -> float:
    return LEAF + GROWTH * max(0.0, math.log2(max(size, 1) / 4096))


def _rows(parent: Resource, depth: int, top: float) -> Iterator[Row]:
    """The children of a node from `top` on, each before what is inside it."""
    at = parent.start
    for child in parent.children:
        if child.start - at >= 4096 and at > parent.start:
            yield Row(child, depth, top, top + FOLD, 0, child.start - at)
            top += FOLD
        inside = list(_rows(child, depth + 1, top + HEAD))
        lowest = max((row.bottom for row in inside), default=0.0)
        bottom = lowest + 3 if inside else top + _leaf(child.size)
        yield Row(child, depth, top, bottom, HEAD if inside else bottom - top)
        yield from inside
        top = bottom + 2
        at = max(at, child.end + 1)


def rows_of(root: Resource) -> list[Row]:
    """Every node of a tree with its place, and every gap of a page or more between two."""
    return list(_rows(root, 0, 0.0))


def node_at(root: Resource, x: float, y: float) -> Resource | None:
    """The innermost node that a space map of the tree shows at a point of its axes."""
    rows = rows_of(root)
    shrink = _shrink(rows)
    found = None
    for row in rows:
        across = row.depth * INDENT <= x <= _WIDTH - row.depth * 3
        if not row.gap and across and row.top * shrink <= y <= row.bottom * shrink:
            found = row.node
    return found


def _shrink(rows: list[Row]) -> float:
    return min(1.0, MOST / max(row.bottom for row in rows))


def space_map(name: str, root: Resource, *, marked: Resource | None = None) -> Picture:
    """Picture all nodes of a tree; `marked` is framed. ValueError for a tree without nodes."""
    rows = rows_of(root)
    if not rows:
        raise ValueError(f"{name}: expected a tree with at least one node, got none")
    whole = max(row.bottom for row in rows)
    shrink = _shrink(rows)
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    folds: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role", "dash", "tip")}
    words: dict[str, list[Any]] = {
        k: [] for k in ("x", "y", "text", "style", "role", "anchor", "room")
    }
    ticks: list[tuple[float, str]] = []
    lowest = -math.inf
    for row in rows:
        left, right = row.depth * INDENT, _WIDTH - row.depth * 3
        top, bottom, head = (px * shrink for px in (row.top, row.bottom, row.head))
        if row.gap:
            _fold(folds, words, left, right, (top + bottom) / 2, row, bottom - top >= WRITTEN)
            continue
        role = role_of(row.node)
        add_mark(
            quads, left=left, right=right, top=top, bottom=bottom, role=role,
            tip=f"{row.node}\n{size_of(row.node.size)}, flags {row.node.flags:#x}"
            f"{', busy' if row.node.busy else ''}",
        )  # fmt: skip
        if head >= WRITTEN:
            size = size_of(row.node.size)
            room = right - left - 2 * PAD - text_width(size, "small") - 6
            y = top + head / 2
            add_mark(
                words, x=left + PAD, y=y, text=row.node.name or "(no name)", style="plain",
                role="ink", anchor="left", room=max(room, 8),
            )  # fmt: skip
            add_mark(
                words, x=right - PAD, y=y, text=size, style="small", role="ink", anchor="right",
                room=None,
            )  # fmt: skip
        if row.depth == 0 and top - lowest >= 14:
            ticks.append((top + min(head, 16) / 2, f"{row.node.start:x}"))
            lowest = top
    nodes = [row for row in rows if not row.gap]
    frame = [row for row in nodes if row.node is marked]
    return Picture(
        name="space-map",
        title=f"{name}: {len(nodes)} regions",
        alt=f"The physical address space of {name}, not to scale: "
        + "; ".join(str(row.node) for row in nodes[:40])
        + (f"; and {len(nodes) - 40} more" if len(nodes) > 40 else "")
        + ".",
        x=Axis("", 0, _WIDTH),
        y=Axis("", whole * shrink + 2, -2, tuple(ticks)),
        layers=(
            Layer("regions", "quad", quads),
            Layer("folded", "segment", folds),
            _frame(frame, shrink),
            Layer("names", "text", words),
        ),
        height=int(whole * shrink + 70),
        legend=tuple((role, label) for role, label in LEGEND if role in quads["role"]),
    )  # fmt: skip


def _fold(
    folds: dict[str, list[Any]], words: dict[str, list[Any]], left: float, right: float, y: float,
    row: Row, is_written: bool,
) -> None:  # fmt: skip
    """A dashed line for a gap, with its size in the middle where there is room."""
    text = f"{size_of(row.gap)} unused"
    tip = f"{text}, up to {row.node.start - 1:#x}"
    middle = (left + right) / 2
    half = text_width(text, "small") / 2 + 5 if is_written else 0.0
    for x0, x1 in ((left, middle - half), (middle + half, right)):
        if x0 < x1:
            add_mark(folds, x0=x0, x1=x1, y0=y, y1=y, role="muted", dash="dashed", tip=tip)
    if is_written:
        add_mark(
            words, x=middle, y=y, text=text, style="small", role="ink", anchor="center", room=None
        )


def _frame(rows: list[Row], shrink: float) -> Layer:
    boxes: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role")}
    for row in rows:
        add_mark(
            boxes, left=row.depth * INDENT, right=_WIDTH - row.depth * 3, top=row.top * shrink,
            bottom=row.bottom * shrink, role="now",
        )  # fmt: skip
    return Layer("marked", "outline", boxes)
