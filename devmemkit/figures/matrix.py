"""A table as a picture: one row a case, one column a question, a coloured word in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from devmemkit.figures.frame import EDGE, text_width, with_margins
from devmemkit.figures.marks import MIN_WIDTH, Axis, Marks, Picture
from devmemkit.figures.theme import MEANING, WISHES
from devmemkit.scenarios.play import Played
from devmemkit.scenarios.wish import as_wished
from devmemkit.scenarios.words import format_ending

LINE, CELL, ROW = 16, 22, 44
"""Heights in px: of a line of text, of a cell, of a row with its label above its cells."""

Cell = tuple[str, str]
"""The word in a cell and its role."""


def end_cell(played: Played, key: str) -> Cell:
    """The end of a story's act as a cell: a word ("works", "EPERM", "SIGBUS"), in its colour."""
    outcome = played.outcomes.get(key)
    word = "none" if outcome is None else format_ending(outcome, "works")
    return word, WISHES[as_wished(played, key)]


@with_margins
def matrix(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Mapping[str, Sequence[Cell]],
    legend: Sequence[tuple[str, str]] = MEANING,
    message: str = "",
) -> Picture:
    """Picture `rows` (label to cells) under `columns`; a column's name may have two lines.

    `legend` has the roles with their meaning; those that no cell has are left out. `message` says
    in a line what to see.
    """
    texts = [line for column in columns for line in column.split("\n")]
    texts += [text for cells in rows.values() for text, _ in cells]
    width = max((text_width(text, "small") for text in texts), default=0) + 4
    narrowest = max(MIN_WIDTH, math.ceil(2 * EDGE + len(columns) * width))
    marks = Marks()
    for index, column in enumerate(columns):
        for line, text in enumerate(column.split("\n")):
            marks.text(index + 0.5, LINE * (0.8 * line - 1), text, "small", anchor="center")
    told = []
    used = {role for cells in rows.values() for _, role in cells}
    for number, (label, cells) in enumerate(rows.items()):
        y = number * ROW + 2 * LINE
        marks.text(0.03, y - 0.6 * LINE, label, "strong")
        # Where the picture scrolls, the label is at the other end, too.
        wide = text_width(label, "strong")
        if narrowest > max(1.25 * MIN_WIDTH, 2 * wide + 2 * EDGE):
            marks.text(len(columns) - 0.03, y - 0.6 * LINE, label, "small", "muted", "right")
        said = []
        for index, (column, (text, role)) in enumerate(zip(columns, cells, strict=True)):
            question = column.replace("\n", " ")
            tip = f"{label}, {question}: {text}"
            marks.rect(index + 0.03, index + 0.97, y, y + CELL, role, tip)
            marks.text(index + 0.5, y + CELL / 2, text, "small", anchor="center")
            said.append(f"{question} {text}")
        told.append(f"{label}: {', '.join(said)}")
    return Picture(
        name=name,
        title=title,
        message=message,
        alt=f"{title}. {'; '.join(told)}.",
        x=Axis("", 0, max(1, len(columns))),
        y=Axis("", len(rows) * ROW + LINE, -1.5 * LINE),
        marks=marks,
        height=int(len(rows) * ROW + 2.5 * LINE),
        legend=tuple((role, text) for role, text in legend if role in used),
        min_width=narrowest,
    )
