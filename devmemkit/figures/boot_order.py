"""A boot in another order: initcalls over their levels, with the places where Linux has them."""

from __future__ import annotations

from collections.abc import Sequence

from devmemkit.figures.frame import with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.boot import INITCALLS, LEVELS

ROW = 34
"""Height in px of an initcall: its name, its place."""
SHORT = {"postcore": "post", "subsys": "sub", "rootfs": "root", "device": "dev"}


@with_margins
def boot_order(order: Sequence[tuple[str, str]]) -> Picture:
    """Picture initcalls (name, level) in the order in which they run, from top to bottom.

    An initcall that is not at its level in Linux is marked, with a line from there.
    """
    column = {name: number + 0.5 for number, name in enumerate(LEVELS)}
    marks = Marks()
    for number in range(len(LEVELS) + 1):
        marks.line(number, 0, number, len(order), "grid")
    for row, (name, level) in enumerate(order):
        usual = INITCALLS[name]
        x, home, y = column[level], column[usual], row + 0.7
        shape, role = "circle", "kernel"
        if level != usual:
            shape, role = "diamond", "now"
            marks.line(home, y, x, y, "now", "dashed")
            marks.marker(home, y, "x", "muted", f"{name}: usually {usual}")
        marks.marker(x, y, shape, role, f"{name}: level {level}")
        shift, anchor = (0.3, "right") if x > len(LEVELS) / 2 else (-0.3, "left")
        marks.text(x + shift, row + 0.28, name, "code", anchor=anchor)
    told = ", ".join(f"{name} ({level})" for name, level in order)
    return Picture(
        name="boot-order",
        title="The order of initcalls",
        alt=f"Initcalls in their order, with their levels: {told}.",
        x=Axis("", 0, len(LEVELS), tuple((x, SHORT.get(name, name)) for name, x in column.items())),
        y=Axis("", len(order) + 0.15, 0),
        marks=marks,
        height=ROW * len(order),
        legend=(("kernel", "where it is in Linux"), ("now", "moved"), ("muted", "from here")),
    )
