"""The address map: the resource tree beside the pages that processes have, live and zapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devmemkit.figures.marks import Axis, Layer, Picture
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.resource import Resource
from devmemkit.model.task import VM, Vma, page_states

TREE, GAP, COLUMN = 4.8, 0.6, 1.3
"""Widths, in axis units: of the tree, between tree and pages, of one mapping."""

LEGEND = (
    ("idle", "unclaimed"),
    ("claimed", "claimed by the driver"),
    ("live", "live page"),
    ("private", "private copy"),
    ("zapped", "zapped page"),
)


def address_map(machine: Machine, region: Resource, pages: int, *, columns: int = 6) -> Picture:
    """Picture `pages` pages of `region`: who owns them, and every mapping's PTEs.

    `columns` is how many mappings there is room for; a claim's edges are drawn to the byte.
    """
    base = region.start >> PAGE_SHIFT
    mappings = list(_mappings(machine, base, base + pages - 1))[:columns]
    dead = sum(role == "zapped" for *_, roles in mappings for _, role in roles)
    live = sum(role != "zapped" for *_, roles in mappings for _, role in roles)
    owners = [node.name for node in _shown(machine["iomem"], region, pages) if node.busy]
    step = max(1, pages // 8)
    ticks = [(i, f"{region.start + (i << PAGE_SHIFT):#x}") for i in range(0, pages + 1, step)]
    return Picture(
        name="address-map",
        title=f"{region.name}: owners and mappings",
        alt=(
            f"Address map of {pages} pages of {region.name} from {region.start:#x}: "
            f"claimed by {', '.join(owners) or 'nobody'}; "
            f"{len(mappings)} mappings with {live} live and {dead} zapped pages."
        ),
        x=Axis("", 0, TREE + GAP + columns * COLUMN),
        y=Axis("physical address", pages + 0.25, -1.7, tuple(ticks)),
        layers=(*_tree(machine["iomem"], region, pages), *_pages(mappings, base)),
        height=max(300, 60 + 22 * pages),
        legend=LEGEND,
    )


def _shown(root: Resource, region: Resource, pages: int) -> list[Resource]:
    last = region.start + pages * PAGE_SIZE - 1
    inside = [node for node in root.walk() if node.start <= last and node.end >= region.start]
    return [n for n in inside if n.start >= region.start and n.end <= region.end]


def _tree(root: Resource, region: Resource, pages: int) -> tuple[Layer, Layer]:
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    names: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "room")}
    for depth, node in enumerate(_shown(root, region, pages)):
        left = min(depth, 3) * 0.9
        top = max(0.0, (node.start - region.start) / PAGE_SIZE)
        bottom = min(float(pages), (node.end + 1 - region.start) / PAGE_SIZE)
        _add(
            quads, left=left, right=TREE, bottom=bottom, top=top,
            role="claimed" if node.busy else "idle", tip=str(node),
        )  # fmt: skip
        middle = (top + bottom) / 2 if node.busy else top + 0.5
        _add(
            names, x=left + 0.15, y=middle, text=node.name, style="strong", role="ink",
            room=TREE - left - 0.25,
        )  # fmt: skip
    _add(names, x=0, y=-0.75, text="resource tree", style="small", role="muted", room=TREE)
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
    for column, (pid, vma, roles) in enumerate(mappings):
        left = TREE + GAP + column * COLUMN
        kind = "shared" if VM.SHARED in vma.flags else "private"
        for text, y, style in ((f"{pid}", -1.25, "strong"), (kind, -0.55, "small")):
            _add(names, x=left + 0.55, y=y, text=text, style=style, role="ink", anchor="center")
        for pfn, role in roles:
            address = vma.start + ((pfn - vma.pgoff) << PAGE_SHIFT)
            _add(
                quads, left=left, right=left + 1.1, top=pfn - base + 0.06,
                bottom=pfn - base + 0.94, role=role,
                tip=f"{pid} {address:#x}: page {pfn:#x}, {role}",
            )  # fmt: skip
    return Layer("pages", "quad", quads), Layer("page-names", "text", names)


def _add(columns: dict[str, list[Any]], **values: Any) -> None:
    for name, value in values.items():
        columns[name].append(value)
