"""The actors on one picture: who maps, who claims, what hangs on what, under one kernel."""

from __future__ import annotations

from typing import Any, NamedTuple

from devmemkit.figures.frame import EDGE
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.model.kernel import KernelProfile

WIDTH, HEIGHT = MIN_WIDTH - 2 * EDGE, 392
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
    "pages": Box(42, 240, "live", ("page table", "entries")),
    "memory": Box(42, 352, "idle", ("device", "memory")),
    "space": Box(163, 184, "kernel", ("address", "space")),
    "inode": Box(163, 296, "kernel", ("iomem", "inode")),
    "driver": Box(284, 24, "driver", ("driver",)),
    "tree": Box(284, 128, "claimed", ("resource", "tree")),
    "initcall": Box(284, 352, "kernel", ("initcalls",)),
}


class Arrow(NamedTuple):
    """From one actor to another; `says` what happens, at a `place` (px, anchor) or beside it."""

    start: str
    end: str
    says: str
    is_new: bool = False
    place: tuple[int, int, str] | None = None


def arrows(kernel: KernelProfile) -> list[Arrow]:
    """What connects the actors under a kernel; new is what v4.4 had not."""
    policy = kernel.policy
    files = [name for kind, name in FILES.items() if kind in policy.one_inode]
    found = [
        Arrow("process", "file", "opens", place=(103, 14, "center")),
        Arrow("process", "vma", "mmap"),
        Arrow("vma", "pages", "has"),
        Arrow("pages", "memory", "show"),
        Arrow("driver", "tree", "claims"),
    ]
    refused = [what for what, is_so in (("busy", policy.excludes_busy),
                                        ("idle", policy.excludes_idle)) if is_so]  # fmt: skip
    if refused:
        says = f"{', '.join(refused)}: EPERM"
        found.append(Arrow("file", "tree", says, True, (228, 94, "right")))
    if files:
        only = f" ({files[0]} only)" if len(files) == 1 else ""
        found.append(Arrow("vma", "space", f"hangs on{only}", True, (88, 138, "left")))
        found.append(Arrow("inode", "space", "owns", is_new=True))
        says = "make" if kernel["iomem_inode"] == "none" else kernel["iomem_inode"]
        found.append(Arrow("initcall", "inode", says, True, (238, 352, "right")))
    if "zap" in policy.after_insert:
        found.append(Arrow("tree", "space", "revokes", True, (236, 170, "left")))
        found.append(Arrow("space", "pages", "zaps", True, (108, 226, "left")))
    if "refuse_if_mapped" in policy.after_insert:
        found.append(Arrow("space", "tree", "mapped: EBUSY", True, (212, 176, "left")))
    if "notify" in policy.after_insert:
        found.append(Arrow("driver", "file", "notice", True, (224, 14, "center")))
    return found


def actors(kernel: KernelProfile) -> Picture:
    """Picture the actors and what connects them under a kernel."""
    connected = arrows(kernel)
    shown = {name for arrow in connected for name in (arrow.start, arrow.end)}
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    lines: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role")}
    heads: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role")}
    for name in (one for one in BOXES if one in shown):
        x, y, role, texts = BOXES[name]
        add_mark(
            quads, left=x - BOX[0] / 2, right=x + BOX[0] / 2, top=y - BOX[1] / 2,
            bottom=y + BOX[1] / 2, role=role, tip=" ".join(texts),
        )  # fmt: skip
        for number, text in enumerate(texts):
            at = y + 14 * (number - (len(texts) - 1) / 2)
            add_mark(words, x=x, y=at, text=text, style="strong", role="ink", anchor="center")
    for arrow in connected:
        (x0, y0), (x1, y1) = _ends(BOXES[arrow.start], BOXES[arrow.end])
        role = "now" if arrow.is_new else "kernel"
        add_mark(lines, x0=x0, y0=y0, x1=x1, y1=y1, role=role)
        add_mark(heads, x=x1, y=y1, shape="diamond", role=role)
        beside = (int((x0 + x1) / 2) + 5, int((y0 + y1) / 2), "left")
        at_x, at_y, anchor = arrow.place or beside
        add_mark(words, x=at_x, y=at_y, text=arrow.says, style="small", role="ink", anchor=anchor)
    told = "; ".join(f"{a.start} {a.says} {a.end}" for a in connected)
    return Picture(
        name="actors",
        title=f"Linux {kernel.version}: {kernel.policy.name}",
        alt=f"Actors under {kernel}: {told}.",
        x=Axis("", 0, WIDTH),
        y=Axis("", HEIGHT, 0),
        layers=(
            Layer("lines", "segment", lines),
            Layer("heads", "marker", heads),
            Layer("boxes", "quad", quads),
            Layer("words", "text", words),
        ),
        height=HEIGHT + 60,
        legend=(("kernel", "always"), ("now", "since v4.5")),
    )


def _ends(start: Box, end: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a line between two centres leaves the one box and meets the other."""
    dx, dy = end.x - start.x, end.y - start.y
    share = min(BOX[0] / 2 / abs(dx) if dx else 9.0, BOX[1] / 2 / abs(dy) if dy else 9.0)
    return (
        (start.x + dx * share, start.y + dy * share),
        (end.x - dx * share, end.y - dy * share),
    )
