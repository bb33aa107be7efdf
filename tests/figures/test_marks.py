"""Pictures as data: what is refused, with which words, and what is replaced in names."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import address_map

from devmemkit.figures.marks import Axis, Marks, Picture, cleaned


@pytest.mark.parametrize(
    ("mark", "values", "message"),
    [
        ("marker", (0, 0, "circle", "purple"), "marker: expected one of ram, idle, .* in role"),
        ("marker", (0, 0, "star", "ok"), "in shape, got 'star'"),
        ("marker", (float("nan"), 0, "x", "ok"), "expected a finite number in x, got nan"),
        ("marker", (True, 0, "x", "ok"), "expected a finite number in x, got True"),
        ("marker", (0, 0, "x", "ok", 3), "expected a string in tip, got 3"),
        ("line", (0, 0, 1, 1, "grid", "wavy"), "line: expected one of solid, .* in dash"),
        ("text", (0, 0, "a", "loud"), "text: expected one of plain, .* in style, got 'loud'"),
    ],
)
def test_marks_refuse_in_one_sentence(mark, values, message):
    marks = Marks()
    with pytest.raises(ValueError, match=message) as error:
        getattr(marks, mark)(*values)
    assert "\n" not in str(error.value)
    assert not any(vars(marks).values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Address map"}, "expected a picture name of lower-case letters"),
        ({"alt": " "}, "expected a description in alt"),
        ({"legend": (("purple", "?"),)}, "expected a known role in legend, got 'purple'"),
    ],
)
def test_picture_refuses_in_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        replace(address_map(), **change)


def test_axis_refuses_equal_ends():
    with pytest.raises(ValueError, match="expected two different finite ends, got 1 and 1"):
        Axis("x", 1, 1)


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_a_cleaned_text_survives_utf8_and_stays_as_long(text):
    clean = cleaned(text)
    assert clean.encode().decode() == clean
    assert len(clean) == len(text)
    assert cleaned(clean) == clean
    assert not set("\x00\x1b\ufffe") & set(clean)


def test_names_are_cleaned_wherever_they_enter():
    marks = Marks()
    marks.text(0, 0, "\x1b")
    marks.rect(0, 1, 0, 1, "ok", "\x1b")
    axis = Axis("\x1b", 0, 1, ((0, "\x1b"),))
    picture = Picture("p", "\x1b", "\x1b.", axis, axis, marks, 9, (("ok", "\x1b"),))
    for text in (marks.texts[0].text, marks.rects[0].tip, axis.label, axis.ticks[0][1],
                 picture.title, picture.alt[0], picture.legend[0][1]):  # fmt: skip
        assert text == "\ufffd"
