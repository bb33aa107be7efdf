"""A picture as data: marks, two axes, a legend; drawn by `svg` and by `bokeh_figure`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from devmemkit.figures.theme import ROLES, STYLES

MIN_WIDTH: Final = 350  # px: a narrower figure scrolls instead of shrinking

ANCHORS: Final = ("left", "center", "right")
SHAPES: Final = ("circle", "square", "diamond", "triangle", "inverted_triangle", "x")
DASHES: Final = ("solid", "dashed", "dotted")

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
    """A straight line; `dash` is a name in `DASHES`."""

    x0: float
    y0: float
    x1: float
    y1: float
    role: str
    dash: str = "solid"
    tip: str = ""


class Marker(NamedTuple):
    """A symbol of a fixed size; `shape` is a name in `SHAPES`."""

    x: float
    y: float
    shape: str
    role: str
    tip: str = ""


class Text(NamedTuple):
    """A line of text, centred on y; `anchor` puts it right of x ("left"), around it or left of it.

    `style` is a name in `theme.STYLES`; `dx` moves the text to the right, in px. A text longer than
    `room` (in axis units) ends in an ellipsis.
    """

    x: float
    y: float
    text: str
    style: str = "plain"
    role: str = "ink"
    anchor: str = "left"
    dx: float = 0
    room: float | None = None


Mark = TypeVar("Mark", Rect, Line, Marker, Text)
Values = ParamSpec("Values")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    **{
        field: (f"one of {', '.join(names)}", names.__contains__)
        for field, names in (
            ("role", (*ROLES,)),
            ("shape", SHAPES),
            ("dash", DASHES),
            ("anchor", ANCHORS),
            ("style", (*STYLES,)),
        )
    },
    "text": ("a string", lambda v: isinstance(v, str)),
    "tip": ("a string", lambda v: isinstance(v, str)),
    "room": ("a width or None", lambda v: v is None or _is_number(v)),
}


def _checked(mark: Mark) -> Mark:
    for field, value in zip(mark._fields, mark, strict=True):
        expected, check = _CHECKS.get(field, ("a finite number", _is_number))
        if not check(value):
            kind = type(mark).__name__.lower()
            raise ValueError(f"{kind}: expected {expected} in {field}, got {value!r}")
    values: list[Any] = [cleaned(v) if isinstance(v, str) else v for v in mark]
    return type(mark)(*values)


def _adds(kind: Callable[Values, Mark], name: str) -> Callable[Concatenate[Marks, Values], None]:
    """Make a method that adds a mark of a kind, with the values of its fields, to a list."""

    def add(self: Marks, /, *args: Values.args, **kwargs: Values.kwargs) -> None:
        getattr(self, name).append(_checked(kind(*args, **kwargs)))

    return add


class Marks:
    """The marks of a picture, added by one method a kind.

    Rects are lowest, then lines, outlines, markers and texts; within a kind, a later mark covers
    an earlier one. Places are in units of the axes. `role` is a name in `theme.ROLES`, `tip` the
    text shown on hovering. ValueError for an unknown name or a number that is not finite.
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
        if not (_is_number(self.start) and _is_number(self.end) and self.start != self.end):
            raise ValueError(
                f"axis {self.label!r}: expected two different finite ends, "
                f"got {self.start!r} and {self.end!r}"
            )
        object.__setattr__(self, "label", cleaned(self.label))
        object.__setattr__(self, "ticks", tuple((p, cleaned(t)) for p, t in self.ticks))


@dataclass(frozen=True)
class Picture:
    """Marks between two axes.

    `name` identifies the picture in a page (lower case, digits, hyphens); `alt` describes it in
    words; `height` is in px at every width; `legend` lists (role, label). Texts are cut to fit at
    `min_width` px; in less room the picture scrolls.
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

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9-]*", self.name):
            raise ValueError(
                f"expected a picture name of lower-case letters, digits and hyphens, "
                f"got {self.name!r}"
            )
        where = f"picture {self.name!r}"
        if not self.alt.strip():
            raise ValueError(f"{where}: expected a description in alt, got none")
        for role, _ in self.legend:
            if role not in ROLES:
                raise ValueError(f"{where}: expected a known role in legend, got {role!r}")
        object.__setattr__(self, "title", cleaned(self.title))
        object.__setattr__(self, "alt", cleaned(self.alt))
        object.__setattr__(self, "legend", tuple((r, cleaned(t)) for r, t in self.legend))
