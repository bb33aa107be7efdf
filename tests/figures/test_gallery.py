"""What a reader sees in every picture: no text on another, nothing cut off, all of it readable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import pytest

from devmemkit.figures.frame import (
    EDGE,
    SWATCH,
    fitted,
    frame,
    labels,
    legend_columns,
    looks,
    message,
    text_width,
    ticks,
    title,
)
from devmemkit.figures.marks import MIN_WIDTH, Picture, Rect, Text
from devmemkit.figures.svg import Canvas
from devmemkit.figures.theme import PAPER, ROLES, STYLES, tint
from tests.figures.gallery import KINDS, drawn, tables
from tests.figures.test_theme import VISION, contrast, distance
from tests.slow import slow_where

MARK = 5.5
"""Px from the centre of a marker to its edge."""


class Box(NamedTuple):
    """A text's place in px, in the narrowest figure."""

    text: str
    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def box_of(text: str, x: float, y: float, style: str, anchor: str, turned: bool = False) -> Box:
    width, half = text_width(text, style), STYLES[style].size / 2
    if turned:
        return Box(text, x - half, x + half, y - width, y)
    left = x - width * {"left": 0, "center": 0.5, "right": 1}[anchor]
    return Box(text, left, left + width, y - half, y + half)


def placed(picture: Picture) -> tuple[Canvas, float, float]:
    """The canvas, and the left edge and the width of the frame in the narrowest figure."""
    box = frame(picture)
    return Canvas(picture), box.left, picture.min_width - box.left - box.right


def boxes(picture: Picture) -> Iterator[Box]:
    """The texts among the marks and at the axes."""
    canvas, left, width = placed(picture)
    for mark, text in zip(picture.marks.texts, fitted(picture), strict=True):
        if text:
            x = left + canvas.share(mark.x) / 100 * width + mark.dx
            yield box_of(text, x, canvas.y(mark.y), mark.style, mark.anchor, mark.turned)
    for at, label in ticks(picture.x):
        x = left + canvas.share(at) / 100 * width
        yield box_of(label, x, canvas.bottom + 14, "code", "center")
    for at, label in ticks(picture.y):
        yield box_of(label, left - 8, canvas.y(at), "code", "right")


def holds(box: Rect, text: Text) -> bool:
    return box.left < text.x < box.right and box.top < text.y < box.bottom


@pytest.fixture(
    params=slow_where(lambda kind: kind is tables, KINDS), ids=lambda kind: kind.__name__
)
def pictures(request: pytest.FixtureRequest) -> dict[str, Picture]:
    """The pictures of a kind by name, drawn when a test asks: it takes seconds."""
    return drawn(request.param)


def test_no_text_lies_on_another_or_beyond_the_edge(pictures: dict[str, Picture]) -> None:
    for name, picture in pictures.items():
        found = list(boxes(picture))
        assert [(a.text, b.text) for a, b in combinations(found, 2) if a.meets(b)] == [], name
        edge = picture.min_width
        assert [box for box in found if box.left < 0 or box.right > edge] == [], name
        assert [box for box in found if box.top < 0 or box.bottom > picture.height] == [], name


def test_title_message_and_legend_are_whole_where_the_picture_scrolls(
    pictures: dict[str, Picture],
) -> None:
    """A picture may be wider than a small screen; its reader begins at the left."""
    for name, picture in pictures.items():
        room = min(MIN_WIDTH, picture.min_width) - 2 * EDGE
        assert " ".join(title(picture)) == picture.title, name
        assert labels(picture) == [label for _, label in picture.legend], name
        lines = [(line, "title") for line in title(picture)]
        lines += [(line, "plain") for line in message(picture)]
        assert [line for line, style in lines if text_width(line, style) > room] == [], name
        columns = legend_columns(picture)
        assert sum(columns) <= room or len(columns) == 1, name
        assert [
            one for one in labels(picture) if SWATCH + 6 + text_width(one, "small") > room
        ] == [], name


def test_no_name_or_value_of_the_models_own_is_cut(pictures: dict[str, Picture]) -> None:
    """A value read from memory may be; a cell too small for any of its word has "…" alone."""
    for name, picture in pictures.items():
        cut = [text for text in fitted(picture) if text.endswith("…") and len(text) > 1]
        assert [text for text in cut if not text.startswith("0x")] == [], name


def test_no_line_strikes_a_text_out(pictures: dict[str, Picture]) -> None:
    for name, picture in pictures.items():
        canvas, left, width = placed(picture)
        for line in picture.marks.lines:
            if line.y0 == line.y1:
                ends = sorted(left + canvas.share(x) / 100 * width for x in (line.x0, line.x1))
                stroke = Box("", *ends, canvas.y(line.y0) - 1, canvas.y(line.y0) + 1)
                assert [box.text for box in boxes(picture) if box.meets(stroke)] == [], name


def test_no_mark_is_cut_off_at_the_frame(pictures: dict[str, Picture]) -> None:
    for name, picture in pictures.items():
        canvas, _, width = placed(picture)
        for mark in picture.marks.markers:
            x, y = canvas.share(mark.x) / 100 * width, canvas.y(mark.y)
            assert MARK <= x <= width - MARK, (name, mark)
            assert canvas.top + MARK <= y <= canvas.bottom - MARK, (name, mark)
        for box in picture.marks.outlines:
            across = [canvas.share(x) / 100 * width for x in (box.left, box.right)]
            down = canvas.span(box.top, box.bottom)
            assert min(across) >= 1, (name, box)
            assert max(across) <= width - 1, (name, box)
            assert canvas.top + 1 <= down[0] <= down[1] <= canvas.bottom - 1, (name, box)


@pytest.mark.parametrize("theme", [0, 1])
def test_every_text_is_readable_on_what_lies_below_it(
    pictures: dict[str, Picture], theme: int
) -> None:
    for name, picture in pictures.items():
        for text in picture.marks.texts:
            below = PAPER[theme]
            for rect in picture.marks.rects:
                if holds(rect, text):
                    below = tint(rect.role)[theme]
            assert contrast(ROLES[text.role][theme], below) >= 4.5, (name, text)
            assert STYLES[text.style].size >= 11, name


def test_every_colour_has_a_meaning_in_the_legend(pictures: dict[str, Picture]) -> None:
    for name, picture in pictures.items():
        told = {role for role, _ in picture.legend}
        words = picture.marks.texts
        used = {mark.role for mark in picture.marks.markers}
        used |= {
            box.role for box in picture.marks.rects if not any(holds(box, one) for one in words)
        }
        used |= {box.role for box in picture.marks.outlines}
        assert used - told == set(), name


@pytest.mark.parametrize("theme", [0, 1])
def test_no_two_meanings_differ_by_a_colour_that_somebody_cannot_see(
    pictures: dict[str, Picture], theme: int
) -> None:
    for name, picture in pictures.items():
        shown = looks(picture)
        for (one, _), (other, _) in combinations(picture.legend, 2):
            kinds = [(shown.get(role), ROLES[role].hatch) for role in (one, other)]
            if kinds[0] == kinds[1]:
                colours = [ROLES[role][theme] for role in (one, other)]
                assert min(distance(*colours, vision) for vision in VISION) >= 0.08, (
                    name,
                    one,
                    other,
                )


@pytest.mark.parametrize("theme", [0, 1])
def test_every_mark_stands_out_from_the_paper(pictures: dict[str, Picture], theme: int) -> None:
    for name, picture in pictures.items():
        marks = picture.marks
        for mark in (*marks.rects, *marks.outlines, *marks.markers):
            assert contrast(ROLES[mark.role][theme], PAPER[theme]) >= 3, (name, mark)


def test_a_picture_is_told_in_words(pictures: dict[str, Picture]) -> None:
    for name, picture in pictures.items():
        assert len(picture.alt) > 30, name
        assert picture.title, name
