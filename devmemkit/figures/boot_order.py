"""A boot in another order: initcalls over their levels, with where they usually are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devmemkit.figures.marks import Axis, Layer, Picture, add_mark

ROW = 34
"""Height in px of an initcall: its name, its place."""


def boot_order(
    levels: Sequence[str], order: Sequence[tuple[str, str]], usual: Mapping[str, str]
) -> Picture:
    """Picture initcalls (name, level) in the order in which they run, from top to bottom.

    One that is not at its `usual` level is marked, with a line from there.
    """
    column = {name: number + 0.5 for number, name in enumerate(levels)}
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    lines: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role", "dash")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    for number in range(len(levels) + 1):
        add_mark(lines, x0=number, x1=number, y0=0, y1=len(order), role="grid", dash="solid")
    for row, (name, level) in enumerate(order):
        x, home, y = column[level], column[usual[name]], row + 0.7
        moved = level != usual[name]
        if moved:
            add_mark(lines, x0=home, x1=x, y0=y, y1=y, role="now", dash="dashed")
            add_mark(dots, x=home, y=y, shape="x", role="muted", tip=f"{name}: usually {home}")
        role = "now" if moved else "kernel"
        add_mark(
            dots, x=x, y=y, shape="diamond" if moved else "circle", role=role,
            tip=f"{name}: level {level}",
        )  # fmt: skip
        right = x > len(levels) / 2
        add_mark(
            words, x=x + (0.3 if right else -0.3), y=row + 0.28, text=name, style="code",
            role="ink", anchor="right" if right else "left",
        )  # fmt: skip
    told = ", ".join(f"{name} ({level})" for name, level in order)
    return Picture(
        name="boot-order",
        title="The order of initcalls",
        alt=f"Initcalls in their order, with their levels: {told}.",
        x=Axis("", 0, len(levels), tuple((column[name], _short(name)) for name in levels)),
        y=Axis("", len(order) + 0.15, 0),
        layers=(
            Layer("lines", "segment", lines),
            Layer("initcalls", "marker", dots),
            Layer("names", "text", words),
        ),
        height=64 + ROW * len(order),
        legend=(("kernel", "where it is in Linux"), ("now", "moved")),
    )


def _short(level: str) -> str:
    return {"postcore": "post", "subsys": "sub", "rootfs": "root", "device": "dev"}.get(
        level, level
    )
