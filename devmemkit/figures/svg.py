"""A picture as a standalone SVG: the same bytes for the same picture, no script, no other file.

Across, marks stand at percentages of the frame, so that a renderer can lay out the same elements
at any width without scaling the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final

from devmemkit.figures.frame import (
    BELOW,
    EDGE,
    LINE,
    ROW,
    SWATCH,
    TITLE,
    WIDTH,
    fitted,
    frame,
    labels,
    legend_columns,
    looks,
    message,
    plate,
    text_width,
    ticks,
    title,
)
from devmemkit.figures.marks import Line, Marker, Picture, Rect, Text
from devmemkit.figures.theme import PAPER, ROLES, STYLES, tint

_ANCHOR = {"left": "", "center": ' text-anchor="middle"', "right": ' text-anchor="end"'}
_DASH = {"solid": "", "dashed": ' stroke-dasharray="6 4"', "dotted": ' stroke-dasharray="2 3"'}

# Each pattern's lines on a tile of 8 px.
_HATCH: Final = {
    "/": "M-1 1L1-1M0 8L8 0M7 9L9 7",
    "\\": "M-1 7L1 9M0 0L8 8M7-1L9 1",
    "x": "M0 0L8 8M8 0L0 8",
    ".": "M3 4H5",
    "|": "M4 0V8",
}

SHAPES: Final = {
    "circle": "",
    "dot": "",
    "square": "M-4-4H4V4H-4Z",
    "diamond": "M0-5.5L5 0 0 5.5-5 0Z",
    "triangle": "M0-5L5 4H-5Z",
    "inverted_triangle": "M0 5L5-4H-5Z",
    "x": "M-4-4L4 4M4-4L-4 4",
}


def _n(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _rule(kind: str, role: str, theme: int) -> str:
    """The CSS rule for a kind of mark ("q" rect, "o" outline, ...) and role on this paper."""
    line = ROLES[role][theme]
    area = f"url(#dk-{role})" if ROLES[role].hatch != " " else tint(role)[theme]
    css = {
        "q": f"fill:{area};stroke:{line};stroke-linejoin:round",
        "o": f"fill:none;stroke:{line};stroke-width:2;stroke-linejoin:round",
        "s": f"fill:none;stroke:{line};stroke-width:1.5",
        "a": f"fill:none;stroke:{line}",
        "m": f"fill:{line};stroke:{line}",
        "x": f"fill:none;stroke:{line};stroke-width:2.5",
        "t": f"fill:{line};dominant-baseline:central;pointer-events:none",
        "p": f"fill:{tint(role)[theme]}",
        "h": f"fill:none;stroke:{line};stroke-opacity:.4",
    }
    return f".dk-{kind}-{role}{{{css[kind]}}}"


def _style(body: str) -> str:
    """The CSS rules for the classes that the body uses."""
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
    dark = f"@media screen and (prefers-color-scheme:dark){{{dark}}}"  # paper stays white
    return f"<style>{''.join(fonts)}{light}{dark}</style>"


def _patterns(roles: set[str]) -> Iterator[str]:
    for role in sorted(roles):
        if ROLES[role].hatch != " ":
            yield (
                f'<pattern id="dk-{role}" width="8" height="8" patternUnits="userSpaceOnUse">'
                f'<path class="dk-p-{role}" d="M0 0H8V8H0Z"/>'
                f'<path class="dk-h-{role}" d="{_HATCH[ROLES[role].hatch]}"/></pattern>'
            )


def _group(look: str, elements: Iterable[str], more: str = "") -> str:
    return f'<g class="dk-{look}"{more}>{"".join(elements)}</g>'


def _box(x: str, y: float, width: str, height: float) -> str:
    return f'<rect x="{x}" y="{_n(y)}" width="{width}" height="{_n(height)}"/>'


def _line(x0: str, y0: float, x1: str, y1: float) -> str:
    return f'<line x1="{x0}" y1="{_n(y0)}" x2="{x1}" y2="{_n(y1)}"/>'


def _text(x: str, y: float, text: str, style: str, role: str, more: str = "") -> str:
    at = f'x="{x}" y="{_n(y)}"{more}'
    return f'<text class="dk-t-{role} dk-{style}" {at}>{escape(text)}</text>'


def _look(role: str, shape: str) -> str:
    """The class of a marker: one is drawn by its stroke alone."""
    return f"{'x' if shape == 'x' else 'm'}-{role}"


def _marker(x: str, y: float, shape: str) -> str:
    if shape in ("circle", "dot"):
        size = 4.5 if shape == "circle" else 2.5
        return f'<circle cx="{x}" cy="{_n(y)}" r="{size}"/>'
    path = f'<path d="{SHAPES[shape]}"/>'
    return f'<svg x="{x}" y="{_n(y)}" overflow="visible">{path}</svg>'


class Canvas:
    """Turns axis units into places in the frame, and marks into elements."""

    def __init__(self, picture: Picture, fluid: bool = False, natural: int = WIDTH) -> None:
        self.picture, self.fluid, self.natural = picture, fluid, natural
        self.box = frame(picture)
        self.top, self.bottom = self.box.top, picture.height - self.box.bottom

    @property
    def percent(self) -> float:
        """Width of the frame in a fluid SVG.

        It is exact in the narrowest figure; the right margin grows with the width.
        """
        return 100 - 100 * (self.box.left + self.box.right) / self.picture.min_width

    @property
    def place(self) -> dict[str, Any]:
        """Where the frame lies in a fluid SVG, in px and percent, and what its axes show."""
        return {
            "left": self.box.left,
            "percent": self.percent,
            "top": self.top,
            "bottom": self.bottom,
            "x": [self.picture.x.start, self.picture.x.end],
            "y": [self.picture.y.start, self.picture.y.end],
        }

    def share(self, value: float) -> float:
        axis = self.picture.x
        return 100 * (value - axis.start) / (axis.end - axis.start)

    def x(self, value: float) -> str:
        return f"{round(self.share(value), 2) + 0.0:g}%"

    def y(self, value: float) -> float:
        axis = self.picture.y
        share = (value - axis.start) / (axis.end - axis.start)
        return self.bottom - share * (self.bottom - self.top)

    def span(self, one: float, other: float) -> list[float]:
        """Two places on the y axis in px, the upper one first."""
        return sorted((self.y(one), self.y(other)))

    def rect(self, rect: Rect) -> str:
        start, end = sorted((rect.left, rect.right), key=self.share)
        y0, y1 = self.span(rect.bottom, rect.top)
        width = f"{round(self.share(end) - self.share(start), 2):g}%"
        return _box(self.x(start), y0, width, y1 - y0)

    def line(self, line: Line) -> str:
        ends = self.x(line.x0), self.y(line.y0), self.x(line.x1), self.y(line.y1)
        return self.tipped(_line(*ends), line.tip)

    def marker(self, mark: Marker) -> str:
        return self.tipped(_marker(self.x(mark.x), self.y(mark.y), mark.shape), mark.tip)

    def tipped(self, shape: str, tip: str) -> str:
        """Give an element a tip that a browser shows on hovering; an image needs none."""
        return shape if self.fluid or not tip else f"<g><title>{escape(tip)}</title>{shape}</g>"

    def rects(self, kind: str, rects: list[Rect]) -> Iterator[str]:
        for role, run in groupby(rects, key=attrgetter("role")):
            boxes = (self.tipped(self.rect(rect), rect.tip) for rect in run)
            yield _group(f"{kind}-{role}", boxes)

    def texts(self) -> Iterator[str]:
        rows = zip(self.picture.marks.texts, fitted(self.picture), strict=True)
        shown = [(mark, text) for mark, text in rows if text]
        plates = [(role, *row) for row in shown if (role := plate(self.picture, row[0]))]
        for role, some in groupby(plates, key=itemgetter(0)):
            yield _group(f"p-{role}", (self.plate(mark, text) for _, mark, text in some))
        for look, run in groupby(shown, key=lambda row: (row[0].role, row[0].style, row[0].anchor)):
            texts = []
            for mark, text in run:
                shift = f' dx="{_n(mark.dx)}"' if mark.dx else ""
                at = f'x="{self.x(mark.x)}" y="{_n(self.y(mark.y))}"'
                if mark.turned:
                    turn = f'<text transform="rotate(-90)">{escape(text)}</text>'
                    texts.append(f'<svg {at} overflow="visible">{turn}</svg>')
                else:
                    texts.append(f"<text {at}{shift}>{escape(text)}</text>")
            role, style, anchor = look
            yield _group(f"t-{role} dk-{style}", texts, _ANCHOR[anchor])

    def plate(self, mark: Text, text: str) -> str:
        """An area of a pattern's plain colour, for a text to be readable."""
        width = text_width(text, mark.style) + 4
        shift = mark.dx - {"left": 2, "center": width / 2, "right": width - 2}[mark.anchor]
        at = f'x="{self.x(mark.x)}" y="{_n(self.y(mark.y) - 7)}" transform="translate({_n(shift)})"'
        return f'<rect {at} width="{_n(width)}" height="14"/>'

    def marks(self) -> Iterator[str]:
        marks = self.picture.marks
        yield from self.rects("q", marks.rects)
        for (role, dash), run in groupby(marks.lines, key=attrgetter("role", "dash")):
            yield _group(f"s-{role}", map(self.line, run), _DASH[dash])
        yield from self.rects("o", marks.outlines)
        for (role, shape), some in groupby(marks.markers, key=attrgetter("role", "shape")):
            yield _group(_look(role, shape), map(self.marker, some))
        yield from self.texts()

    def x_axis(self) -> Iterator[str]:
        axis = self.picture.x
        if axis.ticks:
            bottom = self.bottom
            notches = [_line(self.x(at), bottom, self.x(at), bottom + 4) for at, _ in axis.ticks]
            yield _group("a-muted", (_line("0", bottom, "100%", bottom), *notches))
            for at, label in ticks(axis):
                yield _text(self.x(at), bottom + 14, label, "code", "muted", _ANCHOR["center"])
        if axis.label:
            low = self.picture.height - 16
            yield _text("50%", low, axis.label, "small", "muted", _ANCHOR["center"])

    def framed(self) -> str:
        """The marks and the axis across, in an element as wide as the frame."""
        inner = self.natural - self.box.left - self.box.right
        width = f"{self.percent:.4g}%" if self.fluid else inner
        size = f'x="{self.box.left}" width="{width}" height="{self.picture.height}"'
        opened = f'<svg {size} overflow="visible">'
        return "\n".join((opened, *self.x_axis(), *self.marks(), "</svg>"))

    def swatch(self, role: str, look: str, x: float, y: float) -> str:
        if look == "line":
            dash = next(line.dash for line in self.picture.marks.lines if line.role == role)
            return _group(f"s-{role}", [_line(_n(x), y, _n(x + SWATCH), y)], _DASH[dash])
        if kind := {"rect": "q", "outline": "o"}.get(look):
            return _group(f"{kind}-{role}", [_box(_n(x), y - 7, str(SWATCH), SWATCH - 4)])
        return _group(_look(role, look), [_marker(_n(x + SWATCH / 2), y, look)])

    def top_lines(self) -> Iterator[str]:
        y = EDGE
        for line in title(self.picture):
            yield _text(_n(EDGE), y + 9, line, "title", "ink")
            y += TITLE
        y += BELOW if self.picture.title else 0
        for line in message(self.picture):
            yield _text(_n(EDGE), y + 6, line, "plain", "ink")
            y += LINE
        widths, shown = legend_columns(self.picture), looks(self.picture)
        other = "rect" if self.picture.marks.rects else "circle"  # of a role without a mark yet
        entries = zip(self.picture.legend, labels(self.picture), strict=True)
        for index, ((role, _), label) in enumerate(entries):
            row, column = divmod(index, len(widths))
            x, middle = EDGE + sum(widths[:column]), y + row * ROW + 10
            yield self.swatch(role, shown.get(role, other), x, middle)
            yield _text(_n(x + SWATCH + 6), middle, label, "small", "ink")

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


def _document(canvas: Canvas, lines: Iterable[str]) -> str:
    picture, height = canvas.picture, canvas.picture.height
    roles = {role for role, _ in picture.legend} | {rect.role for rect in picture.marks.rects}
    defs = f"<defs>{''.join(_patterns(roles))}</defs>"
    paper = '<rect class="dk-paper" width="100%" height="100%" rx="6"/>'
    body = "\n".join((defs, paper, *lines))
    width = canvas.natural
    natural = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    size = f'width="100%" height="{height}"' if canvas.fluid else natural
    return f"""<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>
<title>{escape(picture.title or picture.name)}</title>
<desc>{escape(picture.alt)}</desc>
{_style(body)}
{body}
</svg>
"""


def to_svg(picture: Picture, *, fluid: bool = False, natural: int = WIDTH) -> str:
    """Draw the picture as one SVG document, light or dark as the reader's system is.

    The document has the natural width (px) and is scaled as a whole. A `fluid` one is as wide as
    its place, with text and height of the same size; it is for images, so it leaves out the tips.
    """
    canvas = Canvas(picture, fluid, natural)
    return _document(canvas, (*canvas.y_axis(), *canvas.top_lines(), canvas.framed()))


def backdrop(picture: Picture) -> str:
    """Draw the fluid document's paper, title and legend, for a live figure to lie on."""
    canvas = Canvas(picture, fluid=True)
    return _document(canvas, canvas.top_lines())


def stacked(pictures: Sequence[Picture]) -> str:
    """Draw pictures below one another in one SVG document."""
    body, y = "", 0
    for picture in pictures:
        body += to_svg(picture).replace("<svg ", f'<svg y="{y}" ', 1)
        y += picture.height
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}</svg>\n'
