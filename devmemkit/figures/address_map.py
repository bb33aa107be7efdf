"""The address map: the resource tree beside the pages that processes have, live and zapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from devmemkit.figures.frame import wrapped
from devmemkit.figures.marks import Axis, Layer, Picture, add_mark
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import VM, Vma
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.words import page_states

TREE, GAP, COLUMN = 76, 8, 24
"""Widths of the tree, between tree and pages, of one mapping; about px in the narrowest figure."""
INDENT, PAD = 7, 4
"""Of a child in the tree; of a name in its box."""

LEGEND = (
    ("idle", "unclaimed"),
    ("claimed", "claimed"),
    ("live", "live page"),
    ("private", "private copy"),
    ("zapped", "zapped page"),
)


def address_map(machine: Machine, region: Resource, pages: int, *, columns: int = 7) -> Picture:
    """Picture `pages` pages of `region`: who owns them, and every mapping's PTEs.

    `columns` is how many mappings there is room for; a claim's edges are drawn to the byte.
    """
    base = region.start >> PAGE_SHIFT
    mappings = list(_mappings(machine, base, base + pages - 1))[:columns]
    dead = sum(role == "zapped" for *_, roles in mappings for _, role in roles)
    live = sum(role != "zapped" for *_, roles in mappings for _, role in roles)
    owners = [node.name for node in _shown(machine["iomem"], region, pages) if node.busy]
    step = max(1, pages // 8)
    ticks = [(i, f"+{i << PAGE_SHIFT:#x}") for i in range(0, pages + 1, step)]
    return Picture(
        name="address-map",
        title=region.name,
        alt=(
            f"Address map of {pages} pages of {region.name} from {region.start:#x}: "
            f"claimed by {', '.join(owners) or 'nobody'}; "
            f"{len(mappings)} mappings with {live} live and {dead} zapped pages."
        ),
        x=Axis("", 0, TREE + GAP + columns * COLUMN),
        y=Axis(f"offset from {region.start:#x}", pages + 0.25, -2.5, tuple(ticks)),
        layers=(*_tree(machine["iomem"], region, pages), *_pages(mappings, base)),
        height=max(300, 76 + 22 * pages),
        legend=LEGEND,
    )


def _shown(root: Resource, region: Resource, pages: int) -> list[Resource]:
    last = region.start + pages * PAGE_SIZE - 1
    inside = [node for node in root.walk() if node.start <= last and node.end >= region.start]
    return [n for n in inside if n.start >= region.start and n.end <= region.end]


def _tree(root: Resource, region: Resource, pages: int) -> tuple[Layer, Layer]:
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    names: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "room")}
    shown = _shown(root, region, pages)
    for depth, node in enumerate(shown):
        left = min(depth, 3) * INDENT
        top = max(0.0, (node.start - region.start) / PAGE_SIZE)
        bottom = min(float(pages), (node.end + 1 - region.start) / PAGE_SIZE)
        add_mark(
            quads, left=left, right=TREE, bottom=bottom, top=top,
            role="claimed" if node.busy else "idle", tip=str(node),
        )  # fmt: skip
        room = TREE - left - PAD
        inside = [(n.start - region.start) / PAGE_SIZE for n in shown[depth + 1 :]]
        lines = wrapped(node.name, "strong", 0.93 * room)
        free = min([bottom, *inside]) - top  # above the first child
        if free < len(lines) and inside:
            lines = []  # the title and the tip have it
        first = (top + bottom - len(lines) + 1) / 2 if node.busy else top + 0.5
        for number, line in enumerate(lines):
            add_mark(
                names, x=left + PAD, y=first + number, text=line, style="strong", role="ink",
                room=room,
            )  # fmt: skip
    add_mark(names, x=PAD, y=-2.05, text="resource tree", style="small", role="muted", room=None)
    return Layer("resources", "quad", quads), Layer("resource-names", "text", names)


Row = tuple[str, Vma, list[tuple[int, str]]]


def _mappings(machine: Machine, first: int, last: int) -> Iterator[Row]:
    """Each VMA that maps a page of the range: its label and each page's (pfn, role)."""
    tasks = sorted(str(key[1]) for key in machine.components if key[0] == "vmas")
    for pid in sorted(tasks, key=lambda pid: (pid != "P", pid)):
        for vma in machine["vmas", pid]:
            states = enumerate(page_states(machine, pid, vma), vma.pgoff)
            roles = [(pfn, state) for pfn, state in states if first <= pfn <= last]
            if roles:
                yield pid, vma, roles


def _pages(mappings: list[Row], base: int) -> tuple[Layer, Layer]:
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    names: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    seen: Counter[tuple[str, str]] = Counter()
    again: Counter[str] = Counter()
    for column, (pid, vma, roles) in enumerate(mappings):
        left = TREE + GAP + column * COLUMN
        kind = "shared" if VM.SHARED in vma.flags else "private"
        seen[pid, kind] += 1
        if seen[pid, kind] > 1:
            again[pid] += 1
            kind = "new" if again[pid] == 1 else f"new {again[pid]}"
        line = -1.3 if column % 2 else -0.6  # a label is wider than its column
        for text, y, style in ((pid, -2.05, "strong"), (kind, line, "small")):
            add_mark(
                names, x=left + COLUMN / 2, y=y, text=text, style=style, role="ink",
                anchor="center",
            )  # fmt: skip
        for pfn, role in roles:
            address = vma.start + ((pfn - vma.pgoff) << PAGE_SHIFT)
            add_mark(
                quads, left=left + 2, right=left + COLUMN - 2, top=pfn - base + 0.06,
                bottom=pfn - base + 0.94, role=role,
                tip=f"{pid} {address:#x}: page {pfn:#x}, {role}",
            )  # fmt: skip
    return Layer("pages", "quad", quads), Layer("page-names", "text", names)
