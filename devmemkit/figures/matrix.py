"""A table as a picture: one row a case, one column a question, a coloured word in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from devmemkit.figures.frame import EDGE, text_width
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture

LINE, CELL, ROW = 16, 22, 44
"""Heights in px: of a line of text, of a cell, of a row with its label above its cells."""

Cell = tuple[str, str]
"""The word in a cell and its role."""


def matrix(
    name: str, title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Cell]]
) -> Picture:
    """Picture `rows` (label to cells) under `columns`; a column's name may have two lines."""
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    texts = [line for column in columns for line in column.split("\n")]
    texts += [text for cells in rows.values() for text, _ in cells]
    width = max((text_width(text, "small") for text in texts), default=0) + 4
    narrowest = max(MIN_WIDTH, math.ceil(2 * EDGE + len(columns) * width))
    for index, column in enumerate(columns):
        for line, text in enumerate(column.split("\n")):
            _word(words, index + 0.5, line * LINE * 0.8 - LINE, text, "small")
    for number, (label, cells) in enumerate(rows.items()):
        y = number * ROW + 2 * LINE
        _word(words, 0.03, y - 0.6 * LINE, label, "strong", "left")
        # Where it scrolls, the label is there at the other end too.
        if narrowest > max(MIN_WIDTH, 2 * text_width(label, "strong") + 2 * EDGE):
            _word(words, len(columns) - 0.03, y - 0.6 * LINE, label, "small", "right")
        for index, (text, role) in enumerate(cells):
            where = columns[index].replace("\n", " ")
            quads["left"].append(index + 0.03)
            quads["right"].append(index + 0.97)
            quads["top"].append(y)
            quads["bottom"].append(y + CELL)
            quads["role"].append(role)
            quads["tip"].append(f"{label}, {where}: {text}")
            _word(words, index + 0.5, y + CELL / 2, text, "small")
    told = "; ".join(
        f"{label}: "
        + ", ".join(
            f"{c.replace(chr(10), ' ')} {t}" for c, (t, _) in zip(columns, cells, strict=True)
        )
        for label, cells in rows.items()
    )
    return Picture(
        name=name,
        title=title,
        alt=f"{title}. {told}.",
        x=Axis("", 0, max(1, len(columns))),
        y=Axis("", len(rows) * ROW + LINE, -1.5 * LINE),
        layers=(Layer("cells", "quad", quads), Layer("cell-words", "text", words)),
        height=int(24 + 2 * EDGE + len(rows) * ROW + 2.5 * LINE),
        min_width=narrowest,
    )


def _word(
    words: dict[str, list[Any]], x: float, y: float, text: str, style: str, anchor: str = "center"
) -> None:
    row = {"x": x, "y": y, "text": text, "style": style, "role": "ink", "anchor": anchor}
    for key, value in row.items():
        words[key].append(value)
