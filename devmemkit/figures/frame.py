"""Where things go, in px: margins, legend rows, and how much text fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Final, NamedTuple, ParamSpec

from devmemkit.figures.marks import MIN_WIDTH, Axis, Picture, Text
from devmemkit.figures.theme import MONO, ROLES, STYLES

Values = ParamSpec("Values")

WIDTH: Final = 680  # px, natural width of a figure
MAX_WIDTH: Final = 760

ROW: Final = 20  # height of a legend row
LINE: Final = 16  # height of a line of the message
TITLE: Final = 18  # height of a line of the title
BELOW: Final = 6  # free space below the title
SWATCH: Final = 18  # width of a legend entry's sample
EDGE: Final = 12  # free space around everything
INNER: Final = MIN_WIDTH - 2 * EDGE  # between the edges of the narrowest figure
_GAP = 14  # between two legend entries
_LABEL = 200  # the widest label in the legend
_TICK = 110  # the widest tick label
_NARROW = frozenset("iljtfrI.,:;|'!()[]/ \u2009")
_WIDE = frozenset("mwMW@%\u2014\u2026\u2192\u2190")


def text_width(text: str, style: str) -> float:
    """Estimate the text's width in px; rather too wide than too narrow."""
    family, size, weight = STYLES[style]
    if family == MONO:
        return 0.61 * size * len(text)
    ems = 0.0
    for char in text:
        if char in _NARROW:
            ems += 0.35
        elif char in _WIDE:
            ems += 0.95
        elif char.isupper():
            ems += 0.69
        else:
            ems += 0.58 if ord(char) < 0x2E80 else 1.0
    return ems * size * (1.13 if weight == "bold" else 1.0)


def elide(text: str, style: str, room: float) -> str:
    """Cut the text to `room` px: all of it, its beginning with an ellipsis, or nothing."""
    if text_width(text, style) <= room:
        return text
    for length in range(len(text) - 1, 0, -1):
        shorter = text[:length].rstrip() + "\u2026"
        if text_width(shorter, style) <= room:
            return shorter
    return ""


def wrapped(text: str, style: str, room: float) -> list[str]:
    """Wrap the text into lines of at most `room` px; a longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", style) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Frame(NamedTuple):
    """Px between the figure's edges and the frame that the axes span."""

    left: int
    right: int
    top: int
    bottom: int


def ticks(axis: Axis) -> list[tuple[float, str]]:
    """The axis's ticks with labels that leave the frame its room."""
    return [(at, elide(label, "code", _TICK)) for at, label in axis.ticks]


def head_room(picture: Picture) -> float:
    """Px for title, message and legend across."""
    return min(picture.min_width, picture.head) - 2 * EDGE


def title(picture: Picture) -> list[str]:
    """The title in at most two lines; only a name from a dump can be longer."""
    room = head_room(picture)
    first, *rest = wrapped(picture.title, "title", room) or [""]
    lines = (first, " ".join(rest))
    return [elide(line, "title", room) for line in lines if line]


def message(picture: Picture) -> list[str]:
    """The lines of a picture's message."""
    return wrapped(picture.message, "plain", head_room(picture))


def looks(picture: Picture) -> dict[str, str]:
    """What stands for a role in the legend: a kind of mark, or the shape of its first marker."""
    marks = picture.marks
    shown = {mark.role: "outline" for mark in marks.outlines}
    shown |= {mark.role: "line" for mark in marks.lines}
    shown |= {mark.role: mark.shape for mark in reversed(marks.markers)}
    return shown | {mark.role: "rect" for mark in marks.rects}


def plate(picture: Picture, text: Text) -> str:
    """The role of the hatched area that a text stands on, or ""; there it needs a plate."""
    for rect in reversed(picture.marks.rects):
        top, bottom = sorted((rect.top, rect.bottom))
        left, right = sorted((rect.left, rect.right))
        if left < text.x < right and top < text.y < bottom:
            return "" if ROLES[rect.role].hatch == " " else rect.role
    return ""


def labels(picture: Picture) -> list[str]:
    """The legend's labels in order, each cut to its room."""
    return [elide(label, "small", _LABEL) for _, label in picture.legend]


def legend_columns(picture: Picture) -> list[float]:
    """Widths in px of the legend's columns: as many as fit the narrowest figure."""
    widths = [SWATCH + 6 + text_width(label, "small") + _GAP for label in labels(picture)]
    for count in range(len(widths), 1, -1):
        columns = [max(widths[i::count]) for i in range(count)]
        if sum(columns) <= head_room(picture):
            return columns
    return widths[:1]


def frame(picture: Picture) -> Frame:
    """The margins that leave room for title, legend, tick labels and axis labels."""
    widest = max((text_width(label, "code") for _, label in ticks(picture.y)), default=0)
    left = EDGE + (round(widest) + 8 if widest else 0) + (18 if picture.y.label else 0)
    rows = math.ceil(len(picture.legend) / (len(legend_columns(picture)) or 1))
    named = title(picture)
    top = EDGE + (TITLE * len(named) + BELOW if named else 0) + ROW * rows
    top += LINE * len(message(picture))
    bottom = EDGE + (22 if picture.x.ticks else 0) + (18 if picture.x.label else 0)
    return Frame(left, EDGE, top + (6 if picture.legend else 0), bottom)


def with_margins(draw: Callable[Values, Picture]) -> Callable[Values, Picture]:
    """Make a function whose picture is as high as its marks add the room around them."""

    @wraps(draw)
    def drawn(*args: Values.args, **kwargs: Values.kwargs) -> Picture:
        picture = draw(*args, **kwargs)
        box = frame(picture)
        return replace(picture, height=math.ceil(picture.height + box.top + box.bottom))

    return drawn


@with_margins
def retold(picture: Picture, title: str, said: str, width: int) -> Picture:
    """The picture with another title and message, for a place at least `width` px wide."""
    box = frame(picture)
    marks = picture.height - box.top - box.bottom
    wide = max(width, picture.min_width)
    return replace(picture, title=title, message=said, height=marks, min_width=wide, head=wide)


def fitted(picture: Picture) -> list[str]:
    """The strings of the texts, each cut to its room in the narrowest figure."""
    box = frame(picture)
    px = (picture.min_width - box.left - box.right) / abs(picture.x.end - picture.x.start)
    return [
        text.text if text.room is None else elide(text.text, text.style, text.room * px)
        for text in picture.marks.texts
    ]
