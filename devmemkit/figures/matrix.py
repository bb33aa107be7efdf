"""A table as a picture: one row a case, one column a question, a coloured word in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devmemkit.figures.marks import Axis, Layer, Picture

LABEL, CELL = 5.0, 1.3
"""Widths, in axis units, of the row labels and of a cell."""

Cell = tuple[str, str]
"""The word in a cell and its role."""


def matrix(
    name: str, title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Cell]]
) -> Picture:
    """Picture `rows` (label to cells) under `columns`; a column's name may have two lines."""
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    words: dict[str, list[Any]] = {
        k: [] for k in ("x", "y", "text", "style", "role", "anchor", "room")
    }
    for index, column in enumerate(columns):
        for line, text in enumerate(column.split("\n")):
            _word(words, LABEL + (index + 0.5) * CELL, line * 0.6 - 1.6, text, "small")
    for y, (label, cells) in enumerate(rows.items()):
        _word(words, 0, y, label, "plain", anchor="left", room=LABEL - 0.1)
        for index, (text, role) in enumerate(cells):
            left = LABEL + index * CELL
            where = columns[index].replace("\n", " ")
            quads["left"].append(left + 0.04)
            quads["right"].append(left + CELL - 0.04)
            quads["top"].append(y - 0.44)
            quads["bottom"].append(y + 0.44)
            quads["role"].append(role)
            quads["tip"].append(f"{label}, {where}: {text}")
            _word(words, left + CELL / 2, y, text, "small", room=CELL - 0.1)
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
        x=Axis("", 0, LABEL + len(columns) * CELL),
        y=Axis("", len(rows) - 0.4, -2.2),
        layers=(Layer("cells", "quad", quads), Layer("cell-words", "text", words)),
        height=int(46 + 27 * (len(rows) + 1.6)),
    )


def _word(
    words: dict[str, list[Any]], x: float, y: float, text: str, style: str,
    *, anchor: str = "center", room: float | None = None,
) -> None:  # fmt: skip
    row = {"x": x, "y": y, "text": text, "style": style, "role": "ink", "anchor": anchor}
    for key, value in {**row, "room": room}.items():
        words[key].append(value)
