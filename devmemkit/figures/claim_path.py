"""The locks, subsystems and initcalls that a claim reaches, one row each; new ones are marked."""

from __future__ import annotations

from collections.abc import Sequence

from devmemkit.figures.frame import INNER, with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.scenarios.claim_path import Edge

ROW, SPINE, DOT, TEXT = 36, 8, 26, 40
"""Px: height of a row; places of the line that the rows hang on, their markers, their words."""
SHAPES = {"lock": "square", "subsystem": "circle", "initcall": "diamond", "proposal": "triangle"}


@with_margins
def claim_path(name: str, now: Sequence[Edge], before: Sequence[Edge]) -> Picture:
    """Picture the edges of kernel `name`; those that a kernel `before` lacks are marked."""
    old = {edge.symbol for edge in before}
    edges = sorted(now, key=lambda edge: edge.symbol not in old)
    marks = Marks()
    marks.text(0, -0.5, "__request_region", "code")
    for row, edge in enumerate(edges):
        role = "kernel" if edge.symbol in old else "now"
        y = row + 0.4
        marks.line(SPINE, row - 0.6 if row else -0.2, SPINE, y, role)
        marks.line(SPINE, y, DOT, y, role)
        tip = f"{edge.symbol}: {edge.kind}, {edge.caller} in {edge.file or 'no kernel'}"
        marks.marker(DOT, y, SHAPES[edge.kind], role, tip)
        marks.text(TEXT, y - 0.2, edge.symbol, "strong")
        marks.text(TEXT, y + 0.22, f"{edge.kind}, from {edge.caller}", "small", "muted")
    return Picture(
        name="claim-path",
        title=f"What a claim takes and calls in {name}",
        alt=f"What a claim takes and calls in {name}: "
        + "; ".join(f"{e.symbol} ({e.kind}, from {e.caller})" for e in edges),
        x=Axis("", 0, INNER),
        y=Axis("", len(edges) + 0.1, -1),
        marks=marks,
        height=int(ROW * (len(edges) + 1.1)),
        legend=(("kernel", "before v5.8"), ("now", "since")),
    )
