"""A picture as a standalone SVG: the same bytes for the same picture, no script, no other file.

Across, marks stand at percentages of the frame, so that a renderer can lay out the same elements
at any width without scaling the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from devmemkit.figures.frame import (
    EDGE,
    ROW,
    SWATCH,
    WIDTH,
    Entry,
    entries,
    fitted,
    frame,
    heading,
    legend_columns,
    ticks,
)
from devmemkit.figures.marks import Layer, Picture
from devmemkit.figures.theme import PAPER, ROLES, STYLES, tint

_ANCHOR = {"left": "", "center": ' text-anchor="middle"', "right": ' text-anchor="end"'}
_DASH = {"solid": "", "dashed": ' stroke-dasharray="6 4"', "dotted": ' stroke-dasharray="2 3"'}

# Each pattern's lines on a tile of 8 px.
_HATCH: Final = {
    "/": "M-1 1L1-1M0 8L8 0M7 9L9 7",
    "x": "M0 0L8 8M8 0L0 8",
    ".": "M3 4H5",
    "|": "M4 0V8",
}

_SHAPE: Final = {
    "square": "M-4-4H4V4H-4Z",
    "diamond": "M0-5.5L5 0 0 5.5-5 0Z",
    "triangle": "M0-5L5 4H-5Z",
    "inverted_triangle": "M0 5L5-4H-5Z",
    "x": "M-4-4L4 4M4-4L-4 4",
}


def escape(text: str) -> str:
    """The text as XML character data, also fit for a double-quoted attribute."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text


def _n(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _rule(kind: str, role: str, theme: int) -> str:
    """How a mark of this kind ("q" quad, "o" outline, ...) and role looks on this paper."""
    line = ROLES[role][theme]
    area = f"url(#dk-{role})" if ROLES[role].hatch != " " else tint(role)[theme]
    return (
        f".dk-{kind}-{role}{{"
        + {
            "q": f"fill:{area};stroke:{line};stroke-linejoin:round",
            "o": f"fill:none;stroke:{line};stroke-width:2;stroke-linejoin:round",
            "s": f"fill:none;stroke:{line};stroke-width:1.5",
            "a": f"fill:none;stroke:{line}",
            "m": f"fill:{line};stroke:{line}",
            "x": f"fill:none;stroke:{line};stroke-width:2.5",
            "t": f"fill:{line};dominant-baseline:central",
            "p": f"fill:{tint(role)[theme]}",
            "h": f"fill:none;stroke:{line};stroke-opacity:.4",
        }[kind]
        + "}"
    )


def _style(body: str) -> str:
    """The rules for the classes that the body uses."""
    used = sorted(set(re.findall('class="dk-([a-z])-([a-z]+)', body)))
    fonts = []
    for name, (family, size, weight) in STYLES.items():
        if f" dk-{name}" in body:
            bold = "bold " if weight == "bold" else ""
            fonts.append(f".dk-{name}{{font:{bold}{size}px {family}}}")
    light, dark = (
        f".dk-paper{{fill:{PAPER[theme]}}}"
        + "".join(_rule(kind, role, theme) for kind, role in used)
        for theme in (0, 1)
    )
    return f"<style>{''.join(fonts)}{light}@media(prefers-color-scheme:dark){{{dark}}}</style>"


def _patterns(roles: set[str]) -> Iterator[str]:
    for role in sorted(roles):
        if ROLES[role].hatch != " ":
            yield (
                f'<pattern id="dk-{role}" width="8" height="8" patternUnits="userSpaceOnUse">'
                f'<path class="dk-p-{role}" d="M0 0H8V8H0Z"/>'
                f'<path class="dk-h-{role}" d="{_HATCH[ROLES[role].hatch]}"/></pattern>'
            )


def _group(look: str, elements: list[str], more: str = "") -> str:
    return f'<g class="dk-{look}"{more}>{"".join(elements)}</g>'


def _box(x: str, y: float, width: str, height: float) -> str:
    return f'<rect x="{x}" y="{_n(y)}" width="{width}" height="{_n(height)}"/>'


def _line(look: str, x0: str, y0: float, x1: str, y1: float, dash: str = "") -> str:
    ends = f'x1="{x0}" y1="{_n(y0)}" x2="{x1}" y2="{_n(y1)}"'
    return f'<line class="dk-{look}" {ends}{dash}/>'


def _text(x: str, y: float, text: str, style: str, role: str, more: str = "") -> str:
    at = f'x="{x}" y="{_n(y)}"{more}'
    return f'<text class="dk-t-{role} dk-{style}" {at}>{escape(text)}</text>'


def _marker(role: str, x: str, y: float, shape: str) -> str:
    if shape == "circle":
        return f'<circle class="dk-m-{role}" cx="{x}" cy="{_n(y)}" r="4.5"/>'
    kind = "x" if shape == "x" else "m"
    path = f'<path class="dk-{kind}-{role}" d="{_SHAPE[shape]}"/>'
    return f'<svg x="{x}" y="{_n(y)}" overflow="visible">{path}</svg>'


class _Canvas:
    """Axis units to places in the frame, and from there to elements."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.box = frame(picture)
        self.top, self.bottom = self.box.top, picture.height - self.box.bottom

    def share(self, value: float) -> float:
        axis = self.picture.x
        return 100 * (value - axis.start) / (axis.end - axis.start)

    def x(self, value: float) -> str:
        return f"{round(self.share(value), 2) + 0.0:g}%"

    def y(self, value: float) -> float:
        axis = self.picture.y
        share = (value - axis.start) / (axis.end - axis.start)
        return self.bottom - share * (self.bottom - self.top)

    def layer(self, layer: Layer) -> Iterator[str]:
        draw = {"quad": self.quads, "outline": self.quads, "segment": self.segments}
        draw |= {"text": self.texts, "marker": self.markers}
        return draw[layer.kind](layer)

    def quads(self, layer: Layer) -> Iterator[str]:
        names = ("role", "left", "right", "bottom", "top")
        rows = zip(*(layer.column(name) for name in names), strict=True)
        for role, run in groupby(rows, key=itemgetter(0)):
            boxes = []
            for _, left, right, bottom, top in run:
                start, end = sorted((left, right), key=self.share)
                y0, y1 = sorted((self.y(bottom), self.y(top)))
                width = f"{round(self.share(end) - self.share(start), 2):g}%"
                boxes.append(_box(self.x(start), y0, width, y1 - y0))
            yield _group(f"{layer.kind[0]}-{role}", boxes)

    def segments(self, layer: Layer) -> Iterator[str]:
        names = ("role", "dash", "x0", "y0", "x1", "y1")
        for role, dash, x0, y0, x1, y1 in zip(*(layer.column(n) for n in names), strict=True):
            yield _line(
                f"s-{role}", self.x(x0), self.y(y0), self.x(x1), self.y(y1), _DASH[dash]
            )  # fmt: skip

    def texts(self, layer: Layer) -> Iterator[str]:
        names = ("role", "style", "anchor", "x", "y", "dx", "dy")
        rows = zip(*(layer.column(n) for n in names), fitted(self.picture, layer), strict=True)
        for (role, style, anchor), run in groupby(rows, key=itemgetter(0, 1, 2)):
            texts = []
            for _, _, _, x, y, dx, dy, text in run:
                if text:
                    shift = f' dx="{_n(dx)}"' if dx else ""
                    at = f'x="{self.x(x)}" y="{_n(self.y(y) + dy)}"{shift}'
                    texts.append(f"<text {at}>{escape(text)}</text>")
            if texts:
                yield _group(f"t-{role} dk-{style}", texts, _ANCHOR[anchor])

    def markers(self, layer: Layer) -> Iterator[str]:
        names = ("role", "x", "y", "shape")
        for role, x, y, shape in zip(*(layer.column(n) for n in names), strict=True):
            yield _marker(role, self.x(x), self.y(y), shape)

    def x_axis(self) -> Iterator[str]:
        axis = self.picture.x
        if axis.ticks:
            yield _line("a-muted", "0", self.bottom, "100%", self.bottom)
            for at, label in ticks(axis):
                x = self.x(at)
                yield _line("a-muted", x, self.bottom, x, self.bottom + 4)
                yield _text(x, self.bottom + 14, label, "code", "muted", _ANCHOR["center"])
        if axis.label:
            low = self.picture.height - 16
            yield _text("50%", low, axis.label, "small", "muted", _ANCHOR["center"])

    def inside(self, fluid: bool) -> str:
        """What stands in the frame, in an element as wide as the frame."""
        left, margins = self.box.left, self.box.left + self.box.right
        width = f'width="{WIDTH - margins}"'
        if fluid:  # exact in the narrowest figure; in wider ones the right margin grows with it
            width = f'width="{100 - 100 * margins / self.picture.min_width:.4g}%"'
        marks = (element for layer in self.picture.layers for element in self.layer(layer))
        parts = "\n".join((*self.x_axis(), *marks))
        size = f'x="{left}" {width} height="{self.picture.height}"'
        return f'<svg {size} overflow="visible">\n{parts}\n</svg>'

    def swatch(self, entry: Entry, x: float, y: float) -> str:
        if entry.kind == "marker":
            return _marker(entry.role, _n(x + SWATCH / 2), y, entry.shape)
        if entry.kind == "segment":
            return _line(f"s-{entry.role}", _n(x), y, _n(x + SWATCH), y)
        box = _box(_n(x), y - 7, str(SWATCH), SWATCH - 4)
        return _group(f"{entry.kind[0]}-{entry.role}", [box])

    def top_lines(self) -> Iterator[str]:
        y = EDGE
        if self.picture.title:
            yield _text(_n(EDGE), y + 9, heading(self.picture), "title", "ink")
            y += 24
        widths = legend_columns(self.picture)
        for index, entry in enumerate(entries(self.picture)):
            row, column = divmod(index, len(widths))
            x, middle = EDGE + sum(widths[:column]), y + row * ROW + 10
            yield self.swatch(entry, x, middle)
            yield _text(_n(x + SWATCH + 6), middle, entry.label, "small", "ink")

    def y_axis(self) -> Iterator[str]:
        axis, left = self.picture.y, self.box.left
        if axis.ticks:
            notches = "".join(f"M{left} {_n(self.y(at))}h-4" for at, _ in axis.ticks)
            line = f"M{left} {self.top}V{self.bottom}"
            yield f'<path class="dk-a-muted" d="{line}{notches}"/>'
            for at, label in ticks(axis):
                yield _text(_n(left - 8), self.y(at), label, "code", "muted", _ANCHOR["right"])
        if axis.label:
            middle = (self.top + self.bottom) / 2
            turn = f'{_ANCHOR["center"]} transform="rotate(-90 16 {_n(middle)})"'
            yield _text("16", middle, axis.label, "small", "muted", turn)


def to_svg(picture: Picture, *, fluid: bool = False) -> str:
    """The picture as one SVG document, light or dark as the reader's system is.

    A fluid one is as wide as the place it is put into, with text and height of the same size; the
    other one has the natural width and is scaled as a whole.
    """
    canvas = _Canvas(picture)
    roles = {role for role, _ in picture.legend}
    roles |= {role for layer in picture.layers for role in layer.column("role")}
    defs = f"<defs>{''.join(_patterns(roles))}</defs>"
    paper = '<rect class="dk-paper" width="100%" height="100%" rx="6"/>'
    body = "\n".join((defs, paper, *canvas.y_axis(), *canvas.top_lines(), canvas.inside(fluid)))
    natural = f'width="{WIDTH}" height="{picture.height}" viewBox="0 0 {WIDTH} {picture.height}"'
    size = f'width="100%" height="{picture.height}"' if fluid else natural
    return f"""<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>
<title>{escape(picture.title or picture.name)}</title>
<desc>{escape(picture.alt)}</desc>
{_style(body)}
{body}
</svg>
"""


def stacked(pictures: Sequence[Picture]) -> str:
    """Pictures below one another in one SVG document."""
    body, y = "", 0
    for picture in pictures:
        body += to_svg(picture).replace("<svg ", f'<svg y="{y}" ', 1)
        y += picture.height
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}</svg>\n'
