"""A picture as data: marks, two axes, a legend; drawn by `svg` and by `bokeh_figure`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

MIN_WIDTH: Final = 350  # px: a narrower figure scrolls instead of shrinking

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cleaned(text: str) -> str:
    """Replace what neither XML nor JSON can carry (controls, lone surrogates) by U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


class Rect(NamedTuple):
    """An area, filled or, as an outline, its edge alone."""

    left: float
    right: float
    top: float
    bottom: float
    role: str
    tip: str = ""


class Line(NamedTuple):
    """A straight line; `dash` is "solid", "dashed" or "dotted"."""

    x0: float
    y0: float
    x1: float
    y1: float
    role: str
    dash: str = "solid"
    tip: str = ""


class Marker(NamedTuple):
    """A symbol of a fixed size; `shape` is "circle" or a name in `svg.SHAPES`."""

    x: float
    y: float
    shape: str
    role: str
    tip: str = ""


class Text(NamedTuple):
    """A line of text, centred on y; `anchor` puts it right of x ("left"), around it or left of it.

    `style` is a name in `theme.STYLES`; `dx` moves the text to the right, in px. A text longer than
    `room` (in axis units) ends in an ellipsis. A `turned` one reads upwards from its place.
    """

    x: float
    y: float
    text: str
    style: str = "plain"
    role: str = "ink"
    anchor: str = "left"
    dx: float = 0
    room: float | None = None
    turned: bool = False


Mark = TypeVar("Mark", Rect, Line, Marker, Text)
Values = ParamSpec("Values")


def _adds(kind: Callable[Values, Mark], name: str) -> Callable[Concatenate[Marks, Values], None]:
    """Make a method that adds a mark of a kind, with the values of its fields, to a list."""

    def add(self: Marks, /, *args: Values.args, **kwargs: Values.kwargs) -> None:
        mark = kind(*args, **kwargs)
        values: list[Any] = [cleaned(v) if isinstance(v, str) else v for v in mark]
        getattr(self, name).append(type(mark)(*values))

    return add


class Marks:
    """The marks of a picture, added by one method a kind.

    Rects are lowest, then lines, outlines, markers and texts; within a kind, a later mark covers
    an earlier one. Places are in units of the axes. `role` is a name in `theme.ROLES`, `tip` the
    text shown on hovering.
    """

    def __init__(self) -> None:
        self.rects: list[Rect] = []
        self.lines: list[Line] = []
        self.outlines: list[Rect] = []
        self.markers: list[Marker] = []
        self.texts: list[Text] = []

    rect = _adds(Rect, "rects")
    line = _adds(Line, "lines")
    outline = _adds(Rect, "outlines")
    marker = _adds(Marker, "markers")
    text = _adds(Text, "texts")


@dataclass(frozen=True)
class Axis:
    """A linear axis from `start` (left, or bottom) to `end`; ticks are (position, label).

    `end` may be the smaller one. Without ticks and label nothing of the axis is drawn.
    """

    label: str
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", cleaned(self.label))
        object.__setattr__(self, "ticks", tuple((p, cleaned(t)) for p, t in self.ticks))


@dataclass(frozen=True)
class Picture:
    """Marks between two axes.

    `name` identifies the picture in a page (lower case, digits, hyphens); `alt` describes it in
    words; `message` says below the title what to see; `height` is in px at every width; `legend`
    lists (role, label). Texts are cut to fit at `min_width` px; in less room the picture scrolls.
    Title, message and legend are at most `head` px wide, to be seen before a reader scrolls.
    """

    name: str
    title: str
    alt: str
    x: Axis
    y: Axis
    marks: Marks
    height: int
    legend: tuple[tuple[str, str], ...] = ()
    min_width: int = MIN_WIDTH
    message: str = ""
    head: int = MIN_WIDTH

    def __post_init__(self) -> None:
        for name in ("title", "alt", "message"):
            object.__setattr__(self, name, cleaned(getattr(self, name)))
        object.__setattr__(self, "legend", tuple((r, cleaned(t)) for r, t in self.legend))
