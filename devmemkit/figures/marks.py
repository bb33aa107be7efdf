"""A picture as data: layers of marks, two axes, a legend; drawn by `svg` and by `bokeh_figure`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devmemkit.figures.theme import ROLES, STYLES

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "quad": ("left", "right", "bottom", "top"),
    "outline": ("left", "right", "bottom", "top"),
    "segment": ("x0", "y0", "x1", "y1"),
    "text": ("x", "y", "text"),
    "marker": ("x", "y", "shape"),
}
MIN_WIDTH: Final = 350  # px: narrower, a figure scrolls instead of shrinking

ANCHORS: Final = ("left", "center", "right")
SHAPES: Final = ("circle", "square", "diamond", "triangle", "inverted_triangle", "x")
DASHES: Final = ("solid", "dashed", "dotted")

# Optional columns with what a mark without them gets.
OPTIONAL: Final[dict[str, dict[str, Any]]] = {
    "quad": {},
    "outline": {},
    "segment": {"dash": "solid"},
    "text": {"anchor": "left", "style": "plain", "dx": 0, "dy": 0, "room": None},
    "marker": {},
}

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """The text with what neither XML nor JSON can carry (controls, lone surrogates) as U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "role": (f"one of {', '.join(ROLES)}", lambda v: v in ROLES),
    "shape": (f"one of {', '.join(SHAPES)}", lambda v: v in SHAPES),
    "dash": (f"one of {', '.join(DASHES)}", lambda v: v in DASHES),
    "anchor": (f"one of {', '.join(ANCHORS)}", lambda v: v in ANCHORS),
    "style": (f"one of {', '.join(STYLES)}", lambda v: v in STYLES),
    "text": ("a string", lambda v: isinstance(v, str)),
    "tip": ("a string", lambda v: isinstance(v, str)),
    "room": ("a width or None", lambda v: v is None or _is_number(v)),
}


def add_mark(columns: dict[str, list[Any]], **values: Any) -> None:
    """Append one mark to the columns of a layer in the making; KeyError for an unknown column."""
    for name, value in values.items():
        columns[name].append(value)


@dataclass(frozen=True)
class Layer:
    """Marks of one kind, in columns of equal length; row i of every column is mark i.

    Kinds and their columns (x to the right, y as the axis runs, both in axis units):

    - "quad", "outline" (not filled): left, right, bottom, top
    - "segment": x0, y0, x1, y1; may have dash
    - "text": x, y, text, vertically centred on y; may have anchor ("left" means that the text
      starts at x), style (a name in `theme.STYLES`), dx and dy (px, to the right and down) and
      room (axis units: a longer text ends in an ellipsis)
    - "marker": x, y, shape

    Every kind needs role (a name in `theme.ROLES`) and may have tip (shown on hovering).
    Anything else is a ValueError of one sentence.
    """

    name: str
    kind: str
    columns: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        if self.kind not in REQUIRED:
            kinds = ", ".join(REQUIRED)
            raise ValueError(f"{where}: expected a kind among {kinds}, got {self.kind!r}")
        required = (*REQUIRED[self.kind], "role")
        known = {*required, *OPTIONAL[self.kind], "tip"}
        for column in required:
            if column not in self.columns:
                raise ValueError(f"{where}: expected a column {column!r} in a {self.kind} layer")
        length = len(self.columns["role"])
        clean = {}
        for column, values in self.columns.items():
            if column not in known:
                expected = ", ".join(sorted(known))
                raise ValueError(f"{where}: expected columns among {expected}, got {column!r}")
            if len(values) != length:
                raise ValueError(
                    f"{where}: expected {length} values in column {column!r} as in 'role', "
                    f"got {len(values)}"
                )
            expected, check = _CHECKS.get(column, ("a finite number", _is_number))
            for row, value in enumerate(values):
                if not check(value):
                    raise ValueError(
                        f"{where}: expected {expected} in {column}[{row}], got {value!r}"
                    )
            clean[column] = tuple(printable(v) if isinstance(v, str) else v for v in values)
        object.__setattr__(self, "columns", clean)

    def __len__(self) -> int:
        return len(self.columns["role"])

    def column(self, name: str) -> tuple[Any, ...]:
        """The column, or as many defaults as there are marks if the layer has none."""
        if name in self.columns:
            return tuple(self.columns[name])
        return (OPTIONAL[self.kind][name],) * len(self)


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
        object.__setattr__(self, "label", printable(self.label))
        object.__setattr__(self, "ticks", tuple((p, printable(t)) for p, t in self.ticks))


@dataclass(frozen=True)
class Picture:
    """Layers (the first lowest) between two axes.

    `name` identifies it in a page (lower case, digits, hyphens); `alt` says in words what it
    shows; `height` is in px at every width; `legend` lists (role, label). Texts are cut to what
    fits at `min_width` px; in less room the picture scrolls.
    """

    name: str
    title: str
    alt: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
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
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise ValueError(f"{where}: expected a different name for each layer, got {names}")
        if not self.alt.strip():
            raise ValueError(f"{where}: expected a description in alt, got none")
        for role, _ in self.legend:
            if role not in ROLES:
                raise ValueError(f"{where}: expected a known role in legend, got {role!r}")
        object.__setattr__(self, "title", printable(self.title))
        object.__setattr__(self, "alt", printable(self.alt))
        object.__setattr__(self, "legend", tuple((r, printable(t)) for r, t in self.legend))
