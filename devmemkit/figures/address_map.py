"""The address map: the resource tree beside the pages of every mapping, live and zapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from devmemkit.figures.frame import text_width, with_margins, wrapped
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import VM, Vma
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.words import page_states

TREE, GAP, PAGES = 76, 8, 168
"""Widths: of the tree, of the gap beside it, of all mappings; about px in the narrowest figure."""
INDENT, PAD = 7, 4
"""Indents: of a child in the tree, of a name in its box."""
WORD, HEADS = 42, (40, 62)
"""Px: width of a column for its name to stand upright, heights above upright and turned names."""

LEGEND = (
    ("idle", "unclaimed"),
    ("claimed", "claimed"),
    ("ok", "live page"),
    ("error", "live page, claimed"),
    ("private", "private copy"),
    ("zapped", "zapped page"),
)
ROLES = {"live": "ok", "claimed": "error"}
"""The role of a page by its state, where it is not the state's name; "claimed" is also live."""

Mapping = tuple[str, Vma, list[tuple[int, str]]]
"""A process, one of its VMAs, and (pfn, role) of each of the VMA's pages that are shown."""


@with_margins
def address_map(machine: Machine, region: Resource, pages: int, *, columns: int = 0) -> Picture:
    """Picture the first `pages` pages of `region`: who claims them, and every mapping's PTEs.

    There is room for `columns` mappings, with a legend of all that may come, or for those that
    there are, with a legend of what is drawn. A claim's edges are drawn to the byte.
    """
    base = region.start >> PAGE_SHIFT
    last = region.start + pages * PAGE_SIZE - 1
    inside = (n for n in machine["iomem"].walk() if n.end <= region.end)
    nodes = [node for node in inside if region.start <= node.start <= last]
    claims = [node for node in nodes if node.busy]
    taken = {
        pfn
        for pfn in range(base, base + pages)
        for claim in claims
        if claim.start >> PAGE_SHIFT <= pfn <= claim.end >> PAGE_SHIFT
    }
    mappings = list(_mappings(machine, base, base + pages - 1, taken))
    room = columns or max(len(mappings), PAGES // WORD)
    roles = [role for *_, here in mappings[:room] for _, role in here]
    dead = roles.count("zapped")
    reached = {pfn for *_, here in mappings for pfn, role in here if role == "error"}
    marks = Marks()
    unit = max(22, min(34, 240 / pages))
    head = HEADS[PAGES // room < WORD]
    _draw_tree(marks, nodes, region, pages)
    for claim in claims:
        for edge in (claim.start, claim.end + 1):
            if base << PAGE_SHIFT < edge <= last:
                y = (edge - region.start) / PAGE_SIZE
                marks.line(TREE, y, TREE + GAP + PAGES, y, "claimed", "dashed")
    _draw_pages(marks, mappings[:room], base, PAGES / room, unit, head)
    drawn = {rect.role for rect in marks.rects}
    step = max(1, pages // 8)
    ticks = [(i, f"+{i << PAGE_SHIFT:#x}") for i in range(0, pages + 1, step)]
    more = any(claim.end > last for claim in claims)
    what = f"{len(taken)} claimed page{'s' * (len(taken) != 1)}{' shown' * more}"
    return Picture(
        name="address-map",
        title=region.name,
        message=f"Of {what}, {len(reached) or 'none'} can still be reached."
        if taken
        else "No driver has claimed anything here.",
        alt=(
            f"Address map of {pages} pages of {region.name} from {region.start:#x}: "
            f"claimed by {', '.join(node.name for node in claims) or 'nobody'}; "
            f"{len(mappings)} mapping{'s' * (len(mappings) != 1)} "
            f"with {len(roles) - dead} present and {dead} zapped pages. "
            f"{len(reached)} of {what} can still be reached."
        ),
        x=Axis("", 0, TREE + GAP + PAGES),
        y=Axis(f"offset from {region.start:#x}", pages + 0.25, -head / unit - 0.2, tuple(ticks)),
        marks=marks,
        height=int(unit * (pages + 0.45) + head),
        legend=tuple(one for one in LEGEND if columns or one[0] in drawn),
    )


def _draw_tree(marks: Marks, nodes: list[Resource], region: Resource, pages: int) -> None:
    marks.text(PAD, -0.5, "resource tree", "small", "muted")
    if not nodes:
        marks.text(PAD, 0.5, "empty", "small", "muted")
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
        if bottom - top < 0.7:  # too thin for its name: below it, or above at the end
            first = bottom + 0.5 if bottom + len(lines) <= pages else top + 0.5 - len(lines)
        bold = all(text_width(line, "strong") <= 0.93 * room for line in lines)
        for number, line in enumerate(lines):
            marks.text(left + PAD, first + number, line, "strong" if bold else "small", room=room)


def _mappings(machine: Machine, first: int, last: int, taken: set[int]) -> Iterator[Mapping]:
    """The VMAs that map a page from `first` to `last` (pfn), process by process, P first.

    A live page of those `taken` by a driver has the role of what nobody else may reach.
    """
    tasks = sorted(str(key[1]) for key in machine.components if key[0] == "vmas")
    for pid in sorted(tasks, key=lambda pid: (pid != "P", pid)):
        for vma in machine["vmas", pid]:
            roles = []
            for pfn, state in enumerate(page_states(machine, pid, vma), vma.pgoff):
                if first <= pfn <= last:
                    state = "claimed" if state == "live" and pfn in taken else state
                    roles.append((pfn, ROLES.get(state, state)))
            if roles:
                yield pid, vma, roles


def _draw_pages(
    marks: Marks, mappings: list[Mapping], base: int, width: float, unit: float, head: int
) -> None:
    """Draw the mappings, `width` wide each; a page is `unit` px high, the names above `head` px."""
    seen: Counter[tuple[str, str]] = Counter()
    again: Counter[str] = Counter()
    turned = width < WORD
    width = min(width, WORD)
    left = float(TREE + GAP)
    for pid, run in groupby(mappings, key=itemgetter(0)):
        group = list(run)
        end = left + width * len(group)
        name = f"process {pid}" if width * len(group) > 2 * WORD - 10 else pid
        marks.text((left + end) / 2, (8 - head) / unit, name, "strong", anchor="center")
        marks.line(left + 2, (18 - head) / unit, end - 2, (18 - head) / unit, "muted")
        for _, vma, roles in group:
            kind = "shared" if VM.SHARED in vma.flags else "private"
            seen[pid, kind] += 1
            if seen[pid, kind] > 1:
                again[pid] += 1
                kind = "new" if again[pid] == 1 else f"new {again[pid]}"
            anchor = "left" if turned else "center"
            middle = left + width / 2
            marks.text(middle, -(3 if turned else 11) / unit, kind, "small", "ink", anchor,
                       turned=turned)  # fmt: skip
            for pfn, role in roles:
                address = vma.start + ((pfn - vma.pgoff) << PAGE_SHIFT)
                top = pfn - base
                tip = f"{pid} {address:#x}: page {pfn:#x}, {dict(LEGEND)[role]}"
                box = left + 2, left + width - 2, top + 0.06, top + 0.94, role
                marks.rect(*box, tip)
                if role == "error":
                    marks.outline(*box)
            left += width
