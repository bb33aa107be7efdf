"""The address map: the resource tree beside the pages of every mapping, live and zapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from devmemkit.figures.frame import wrapped
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import VM, Vma
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.words import page_states

TREE, GAP, COLUMN = 76, 8, 24
"""Widths: of the tree, of the gap beside it, of one mapping; about px in the narrowest figure."""
INDENT, PAD = 7, 4
"""Indents: of a child in the tree, of a name in its box."""

LEGEND = (
    ("idle", "unclaimed"),
    ("claimed", "claimed"),
    ("ok", "live page"),
    ("error", "live page, claimed"),
    ("private", "private copy"),
    ("zapped", "zapped page"),
)

Mapping = tuple[str, Vma, list[tuple[int, str]]]
"""A process, one of its VMAs, and (pfn, state) of each of the VMA's pages that are shown."""


def address_map(machine: Machine, region: Resource, pages: int, *, columns: int = 7) -> Picture:
    """Picture the first `pages` pages of `region`: who claims them, and every mapping's PTEs.

    `columns` is how many mappings fit; a claim's edges are drawn to the byte.
    """
    base = region.start >> PAGE_SHIFT
    mappings = list(_mappings(machine, base, base + pages - 1))[:columns]
    roles = [role for *_, here in mappings for _, role in here]
    dead = roles.count("zapped")
    last = region.start + pages * PAGE_SIZE - 1
    inside = (n for n in machine["iomem"].walk() if n.end <= region.end)
    nodes = [node for node in inside if region.start <= node.start <= last]
    owners = [node.name for node in nodes if node.busy]
    marks = Marks()
    _draw_tree(marks, nodes, region, pages)
    busy = [node for node in nodes if node.busy]
    _draw_pages(marks, mappings, base, busy)
    step = max(1, pages // 8)
    ticks = [(i, f"+{i << PAGE_SHIFT:#x}") for i in range(0, pages + 1, step)]
    return Picture(
        name="address-map",
        title=region.name,
        alt=(
            f"Address map of {pages} pages of {region.name} from {region.start:#x}: "
            f"claimed by {', '.join(owners) or 'nobody'}; "
            f"{len(mappings)} mappings with {len(roles) - dead} live and {dead} zapped pages."
        ),
        x=Axis("", 0, TREE + GAP + columns * COLUMN),
        y=Axis(f"offset from {region.start:#x}", pages + 0.25, -2.5, tuple(ticks)),
        marks=marks,
        height=max(300, 76 + 22 * pages),
        legend=LEGEND,
    )


def _draw_tree(marks: Marks, nodes: list[Resource], region: Resource, pages: int) -> None:
    marks.text(PAD, -2.05, "resource tree", "small", "muted")
    for depth, node in enumerate(nodes):
        left = min(depth, 3) * INDENT
        top = (node.start - region.start) / PAGE_SIZE
        bottom = min(float(pages), (node.end + 1 - region.start) / PAGE_SIZE)
        marks.rect(left, TREE, top, bottom, "claimed" if node.busy else "idle", str(node))
        room = TREE - left - PAD
        lines = wrapped(node.name, "strong", 0.93 * room)
        inside = [(n.start - region.start) / PAGE_SIZE for n in nodes[depth + 1 :]]
        if inside and min(bottom, *inside) - top < len(lines):
            continue  # no room above the first child: the title and the tip have the name
        first = (top + bottom - len(lines) + 1) / 2 if node.busy else top + 0.5
        for number, line in enumerate(lines):
            marks.text(left + PAD, first + number, line, "strong", room=room)


def _mappings(machine: Machine, first: int, last: int) -> Iterator[Mapping]:
    """The VMAs that map a page from `first` to `last` (pfn), process by process, P first."""
    tasks = sorted(str(key[1]) for key in machine.components if key[0] == "vmas")
    for pid in sorted(tasks, key=lambda pid: (pid != "P", pid)):
        for vma in machine["vmas", pid]:
            states = enumerate(page_states(machine, pid, vma), vma.pgoff)
            if roles := [(pfn, state) for pfn, state in states if first <= pfn <= last]:
                yield pid, vma, roles


def _draw_pages(marks: Marks, mappings: list[Mapping], base: int, busy: list[Resource]) -> None:
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
            marks.text(left + COLUMN / 2, y, text, style, anchor="center")
        for pfn, state in roles:
            address = vma.start + ((pfn - vma.pgoff) << PAGE_SHIFT)
            top = pfn - base
            tip = f"{pid} {address:#x}: page {pfn:#x}, {state}"
            first, end = pfn << PAGE_SHIFT, (pfn + 1) << PAGE_SHIFT
            claimed = any(node.start < end and first <= node.end for node in busy)
            role = ("error" if claimed else "ok") if state == "live" else state
            marks.rect(left + 2, left + COLUMN - 2, top + 0.06, top + 0.94, role, tip)
