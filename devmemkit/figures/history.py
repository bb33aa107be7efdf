"""The history: one row a release, what it changed; the releases up to one of them set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devmemkit.figures.frame import EDGE, wrapped
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.model.kernel import FEATURES, Row, is_between

WIDTH, DOT, NAME, TEXT = MIN_WIDTH - 2 * EDGE, 8, 22, 66
LINE, GAP = 15, 9
"""Heights in px: of a line of text, between two releases."""

TOLD = {
    "policy": "claims and mappings",
    "attribute_mapping": "resourceN",
    "sysram_rule": "excluded ranges",
    "memtype_lives": "cache types",
    "devmem_mmap": "mmap of /dev/mem",
    "resource_files": "resource files",
}
"""The features whose changes make the history of the question, and what they are about."""


def milestones() -> list[Row]:
    """What changed, oldest first; one row a release."""
    rows = [row for row in FEATURES if row.feature in TOLD and row.version != "0"]
    rows = [row for row in rows if (row.version, row.feature) != ("5.12", "attribute_mapping")]
    return sorted(rows, key=lambda row: [int(part) for part in row.version.split(".")])


def history(rows: Sequence[Row], now: str) -> Picture:
    """Picture releases from top to bottom; those after release `now` are subdued."""
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role")}
    y = 0.0
    ys = []
    for row in rows:
        there = is_between(now, row.version, "")
        ink = "ink" if there else "muted"
        lines = wrapped(f"{TOLD[row.feature]}: {row.what}", "plain", WIDTH - TEXT)
        add_mark(
            dots, x=DOT, y=y, shape="circle", role="now" if there else "grid",
            tip=f"v{row.version}: {row.what}\n{row.commit or 'seen in measurements'}",
        )  # fmt: skip
        add_mark(words, x=NAME, y=y, text=f"v{row.version}", style="strong", role=ink)
        for number, line in enumerate(lines):
            add_mark(words, x=TEXT, y=y + number * LINE, text=line, style="plain", role=ink)
        ys.append(y)
        y += len(lines) * LINE + GAP
    told = "; ".join(f"v{row.version}: {row.what}" for row in rows)
    return Picture(
        name="history",
        title="What each release changed",
        alt=f"What each release changed, up to Linux {now} in force: {told}.",
        x=Axis("", 0, WIDTH),
        y=Axis("", y, -LINE),
        layers=(
            Layer(
                "line", "segment",
                {"x0": [DOT], "x1": [DOT], "y0": [ys[0]], "y1": [ys[-1]], "role": ["grid"]},
            ),
            Layer("releases", "marker", dots),
            Layer("words", "text", words),
        ),
        height=int(y + 60),
    )  # fmt: skip
