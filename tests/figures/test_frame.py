"""Margins, legend columns and how text is cut to its room."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from devmemkit.figures.frame import (
    EDGE,
    elide,
    fitted,
    frame,
    legend_columns,
    looks,
    text_width,
    wrapped,
)
from devmemkit.figures.theme import STYLES
from tests.figures.pictures import address_map, timeline

STYLE = st.sampled_from(sorted(STYLES))


@given(st.text(), STYLE, st.floats(0, 500))
def test_elided_text_fits_or_is_empty(text, style, room):
    cut = elide(text, style, room)
    assert cut == text or text_width(cut, style) <= room
    assert cut in (text, "") or (text.startswith(cut[:-1].rstrip()) and cut[-1] == "…")


@given(st.text(), STYLE, st.floats(0, 500))
def test_wrapping_keeps_the_words_and_only_a_long_word_sticks_out(text, style, room):
    lines = wrapped(text, style, room)
    assert " ".join(lines).split() == text.split()
    assert all(text_width(line, style) <= room or len(line.split()) == 1 for line in lines)


@given(st.text(), st.text(), STYLE)
def test_more_text_is_wider(text, more, style):
    assert text_width(text + more, style) >= text_width(text, style)


def test_only_texts_with_a_room_are_cut():
    name, page, address = fitted(address_map())
    assert name.endswith("…")
    assert (page, address) == ("page", "fe800000")


def test_legend_shows_what_the_marks_look_like():
    shown = looks(timeline())
    assert (shown["ok"], shown["error"], shown["grid"], shown["driver"]) == (
        "circle", "x", "line", "rect",
    )  # fmt: skip


def test_legend_wraps_into_the_narrowest_figure():
    many = replace(timeline(), legend=tuple(("ok", "a rather long label") for _ in range(9)))
    columns = legend_columns(many)
    assert 1 < len(columns) < 9
    assert sum(columns) <= many.min_width - 2 * EDGE
    assert frame(many).top > frame(timeline()).top


def test_margins_grow_with_what_stands_in_them():
    bare = replace(timeline(), title="", legend=(), y=replace(timeline().y, ticks=()))
    assert frame(bare).top == EDGE
    assert frame(bare).left == EDGE
    assert frame(timeline()).left > text_width("process", "code")
