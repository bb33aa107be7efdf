"""The actors on one picture: processes, drivers and what connects them under one kernel."""

from __future__ import annotations

from typing import NamedTuple

from devmemkit.figures.frame import INNER, with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.kernel import KernelProfile

HEIGHT = 392
BOX = (82, 40)
"""Px: width and height of a box."""
FILES = {"mem": "/dev/mem", "resource": "resourceN", "proc": "/proc/bus/pci"}


class Box(NamedTuple):
    """An actor: place of its centre (px), role, lines."""

    x: int
    y: int
    role: str
    lines: tuple[str, ...]


BOXES = {
    "process": Box(42, 24, "process", ("process",)),
    "file": Box(163, 24, "process", ("/dev/mem,", "resourceN")),
    "vma": Box(42, 128, "process", ("VMA", "(mapping)")),
    "pages": Box(42, 240, "process", ("page table", "entries")),
    "memory": Box(42, 352, "idle", ("device", "memory")),
    "space": Box(163, 184, "kernel", ("address", "space")),
    "inode": Box(163, 296, "kernel", ("iomem", "inode")),
    "driver": Box(284, 24, "driver", ("driver",)),
    "tree": Box(284, 128, "claimed", ("resource", "tree")),
    "initcall": Box(284, 352, "kernel", ("initcalls",)),
}


class Arrow(NamedTuple):
    """From one actor to another; `says` stands at a `place` (px, anchor) or beside the middle."""

    start: str
    end: str
    says: str
    is_new: bool = False
    place: tuple[int, int, str] | None = None


def arrows(kernel: KernelProfile) -> list[Arrow]:
    """The connections between actors under a kernel; those that v4.4 lacks are new."""
    policy = kernel.policy
    files = [name for kind, name in FILES.items() if kind in policy.one_inode]
    found = [
        Arrow("process", "file", "opens", place=(103, 14, "center")),
        Arrow("process", "vma", "mmap"),
        Arrow("vma", "pages", "has"),
        Arrow("pages", "memory", "show"),
        Arrow("driver", "tree", "claims"),
    ]
    excluded = {"busy": policy.excludes_busy, "idle": policy.excludes_idle}
    if refused := [kind for kind, is_excluded in excluded.items() if is_excluded]:
        label = f"{', '.join(refused)}: EPERM"
        found.append(Arrow("file", "tree", label, True, (228, 94, "right")))
    if files:
        only = f" ({files[0]} only)" if len(files) == 1 else ""
        found.append(Arrow("vma", "space", f"hangs on{only}", True, (88, 138, "left")))
        found.append(Arrow("inode", "space", "owns", True))
        label = "make" if kernel["iomem_inode"] == "none" else kernel["iomem_inode"]
        found.append(Arrow("initcall", "inode", label, True, (238, 352, "right")))
    if "zap" in policy.after_insert:
        found.append(Arrow("tree", "space", "revokes", True, (236, 170, "left")))
        found.append(Arrow("space", "pages", "zaps", True, (108, 226, "left")))
    if "refuse_if_mapped" in policy.after_insert:
        found.append(Arrow("space", "tree", "mapped: EBUSY", True, (212, 176, "left")))
    if "notify" in policy.after_insert:
        found.append(Arrow("driver", "file", "notice", True, (224, 14, "center")))
    return found


@with_margins
def actors(kernel: KernelProfile) -> Picture:
    """Picture the actors and their connections under a kernel."""
    connected = arrows(kernel)
    shown = {name for arrow in connected for name in (arrow.start, arrow.end)}
    marks = Marks()
    for x, y, role, lines in (box for name, box in BOXES.items() if name in shown):
        across, up = BOX[0] / 2, BOX[1] / 2
        marks.rect(x - across, x + across, y - up, y + up, role, " ".join(lines))
        for number, line in enumerate(lines):
            at = y + 14 * (number - (len(lines) - 1) / 2)
            marks.text(x, at, line, "strong", anchor="center")
    for arrow in connected:
        x0, y0, x1, y1 = _ends(BOXES[arrow.start], BOXES[arrow.end])
        role = "now" if arrow.is_new else "ink"
        marks.line(x0, y0, x1, y1, role)
        marks.marker(x1, y1, "diamond", role)
        beside = (int((x0 + x1) / 2) + 5, int((y0 + y1) / 2), "left")
        x, y, anchor = arrow.place or beside
        marks.text(x, y, arrow.says, "small", anchor=anchor)
    new = [("now", "not in v4.4")] if any(arrow.is_new for arrow in connected) else []
    told = "; ".join(f"{a.start} {a.says} {a.end}" for a in connected)
    return Picture(
        name="actors",
        title=f"Linux {kernel.version}: {kernel.policy.name}",
        alt=f"Actors under {kernel}: {told}.",
        x=Axis("", 0, INNER),
        y=Axis("", HEIGHT, 0),
        marks=marks,
        height=HEIGHT,
        legend=(("ink", "always"), *new),
    )


def _ends(start: Box, end: Box) -> tuple[float, float, float, float]:
    """Where a line between two centres leaves the first box and meets the second."""
    dx, dy = end.x - start.x, end.y - start.y
    share = min(BOX[0] / 2 / abs(dx) if dx else 9.0, BOX[1] / 2 / abs(dy) if dy else 9.0)
    across, up = dx * share, dy * share
    return start.x + across, start.y + up, end.x - across, end.y - up
