"""A picture as a standalone SVG: the same bytes for the same picture, no script, no other file."""

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


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"


def _text(x: float, y: float, text: str, style: str, role: str, more: str = "") -> str:
    at = f'x="{_n(x)}" y="{_n(y)}"{more}'
    return f'<text class="dk-t-{role} dk-{style}" {at}>{escape(text)}</text>'


def _marker(role: str, x: float, y: float, shape: str) -> str:
    if shape == "circle":
        return f'<circle class="dk-m-{role}" cx="{_n(x)}" cy="{_n(y)}" r="4.5"/>'
    kind = "x" if shape == "x" else "m"
    move = f'transform="translate({_n(x)} {_n(y)})"'
    return f'<path class="dk-{kind}-{role}" d="{_SHAPE[shape]}" {move}/>'


class _Canvas:
    """Axis units to px, and from there to elements."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        box = frame(picture)
        self.left, self.top = box.left, box.top
        self.right, self.bottom = WIDTH - box.right, picture.height - box.bottom

    def x(self, value: float) -> float:
        axis = self.picture.x
        share = (value - axis.start) / (axis.end - axis.start)
        return self.left + share * (self.right - self.left)

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
        for role, run in groupby(rows, key=itemgetter(0)):  # one path is smaller than many
            boxes = []
            for _, left, right, bottom, top in run:
                x0, x1 = sorted((self.x(left), self.x(right)))
                y0, y1 = sorted((self.y(bottom), self.y(top)))
                boxes.append(_box(x0, y0, x1 - x0, y1 - y0))
            yield f'<path class="dk-{layer.kind[0]}-{role}" d="{"".join(boxes)}"/>'

    def segments(self, layer: Layer) -> Iterator[str]:
        names = ("role", "dash", "x0", "y0", "x1", "y1")
        for role, dash, x0, y0, x1, y1 in zip(*(layer.column(n) for n in names), strict=True):
            start = f"{_n(self.x(x0))} {_n(self.y(y0))}"
            end = f"{_n(self.x(x1))} {_n(self.y(y1))}"
            yield f'<path class="dk-s-{role}" d="M{start}L{end}"{_DASH[dash]}/>'

    def texts(self, layer: Layer) -> Iterator[str]:
        names = ("role", "x", "y", "dx", "dy", "style", "anchor")
        rows = zip(*(layer.column(n) for n in names), fitted(self.picture, layer), strict=True)
        for role, x, y, dx, dy, style, anchor, text in rows:
            if text:
                yield _text(self.x(x) + dx, self.y(y) + dy, text, style, role, _ANCHOR[anchor])

    def markers(self, layer: Layer) -> Iterator[str]:
        names = ("role", "x", "y", "shape")
        for role, x, y, shape in zip(*(layer.column(n) for n in names), strict=True):
            yield _marker(role, self.x(x), self.y(y), shape)

    def swatch(self, entry: Entry, x: float, y: float) -> str:
        if entry.kind == "marker":
            return _marker(entry.role, x + SWATCH / 2, y, entry.shape)
        if entry.kind == "segment":
            return f'<path class="dk-s-{entry.role}" d="M{_n(x)} {_n(y)}h{SWATCH}"/>'
        box = _box(x, y - 7, SWATCH, SWATCH - 4)
        return f'<path class="dk-{entry.kind[0]}-{entry.role}" d="{box}"/>'

    def top_lines(self) -> Iterator[str]:
        y = EDGE
        if self.picture.title:
            yield _text(EDGE, y + 9, heading(self.picture), "title", "ink")
            y += 24
        widths = legend_columns(self.picture)
        for index, entry in enumerate(entries(self.picture)):
            row, column = divmod(index, len(widths))
            x, middle = EDGE + sum(widths[:column]), y + row * ROW + 10
            yield self.swatch(entry, x, middle)
            yield _text(x + SWATCH + 6, middle, entry.label, "small", "ink")

    def axes(self) -> Iterator[str]:
        x, y = self.picture.x, self.picture.y
        if y.ticks:
            notches = "".join(f"M{self.left} {_n(self.y(at))}h-4" for at, _ in y.ticks)
            line = f"M{self.left} {self.top}V{self.bottom}"
            yield f'<path class="dk-a-muted" d="{line}{notches}"/>'
            for at, label in ticks(y):
                yield _text(self.left - 8, self.y(at), label, "code", "muted", _ANCHOR["right"])
        if x.ticks:
            notches = "".join(f"M{_n(self.x(at))} {self.bottom}v4" for at, _ in x.ticks)
            line = f"M{self.left} {self.bottom}H{self.right}"
            yield f'<path class="dk-a-muted" d="{line}{notches}"/>'
            for at, label in ticks(x):
                px = self.x(at)
                yield _text(px, self.bottom + 14, label, "code", "muted", _ANCHOR["center"])
        if x.label:
            middle, low = (self.left + self.right) / 2, self.picture.height - 16
            yield _text(middle, low, x.label, "small", "muted", _ANCHOR["center"])
        if y.label:
            middle = (self.top + self.bottom) / 2
            turn = f'{_ANCHOR["center"]} transform="rotate(-90 16 {_n(middle)})"'
            yield _text(16, middle, y.label, "small", "muted", turn)


def to_svg(picture: Picture) -> str:
    """The picture as one SVG document, light or dark as the reader's system is."""
    canvas = _Canvas(picture)
    roles = {role for role, _ in picture.legend}
    roles |= {role for layer in picture.layers for role in layer.column("role")}
    marks = (element for layer in picture.layers for element in canvas.layer(layer))
    defs = f"<defs>{''.join(_patterns(roles))}</defs>"
    paper = '<rect class="dk-paper" width="100%" height="100%" rx="6"/>'
    body = "\n".join((defs, paper, *canvas.axes(), *canvas.top_lines(), *marks))
    size = f'width="{WIDTH}" height="{picture.height}" viewBox="0 0 {WIDTH} {picture.height}"'
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
