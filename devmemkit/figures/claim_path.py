"""What a claim takes and calls: one row a lock, subsystem or initcall, what is new set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devmemkit.figures.frame import EDGE
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.scenarios.claim_path import Edge

ROW, SPINE, DOT, TEXT = 36, 8, 26, 40
"""Height in px of an edge; places of the line they hang on, their marks, their words."""
SHAPES = {"lock": "square", "subsystem": "circle", "initcall": "diamond", "proposal": "triangle"}


def claim_path(name: str, now: Sequence[Edge], before: Sequence[Edge]) -> Picture:
    """Picture the edges of kernel `name`; those that a kernel `before` has not are marked."""
    old = {edge.symbol for edge in before}
    edges = sorted(now, key=lambda edge: edge.symbol not in old)
    lines: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role")}
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role")}
    add_mark(words, x=0, y=-0.5, text="__request_region", style="code", role="ink")
    for row, edge in enumerate(edges):
        role = "kernel" if edge.symbol in old else "now"
        y = row + 0.4
        add_mark(lines, x0=SPINE, x1=SPINE, y0=row - 0.6 if row else -0.2, y1=y, role=role)
        add_mark(lines, x0=SPINE, x1=DOT, y0=y, y1=y, role=role)
        add_mark(
            dots, x=DOT, y=y, shape=SHAPES[edge.kind], role=role,
            tip=f"{edge.symbol}: {edge.kind}, {edge.caller} in {edge.file or 'no kernel'}",
        )  # fmt: skip
        add_mark(words, x=TEXT, y=y - 0.2, text=edge.symbol, style="strong", role="ink")
        what = f"{edge.kind}, from {edge.caller}"
        add_mark(words, x=TEXT, y=y + 0.22, text=what, style="small", role="muted")
    new = len(edges) - sum(edge.symbol in old for edge in edges)
    return Picture(
        name="claim-path",
        title=f"{name}: {len(edges)} edges, {new} of them new",
        alt=f"What a claim takes and calls in {name}: "
        + "; ".join(f"{e.symbol} ({e.kind}, from {e.caller})" for e in edges),
        x=Axis("", 0, MIN_WIDTH - 2 * EDGE),
        y=Axis("", len(edges) + 0.1, -1),
        layers=(
            Layer("lines", "segment", lines),
            Layer("edges", "marker", dots),
            Layer("words", "text", words),
        ),
        height=60 + ROW * (len(edges) + 1),
        legend=(("kernel", "before v5.8"), ("now", "since")),
    )
