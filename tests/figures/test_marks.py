"""Pictures as data: what is refused, with which words, and what is made printable."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import address_map

from devmemkit.figures.marks import Axis, Layer, printable

POINT = {"x": [0], "y": [0], "shape": ["circle"], "role": ["ok"]}


@pytest.mark.parametrize(
    ("kind", "columns", "message"),
    [
        ("blob", POINT, "layer 'marks': expected a kind among quad, outline"),
        ("marker", {"x": [0], "y": [0], "role": ["ok"]}, "expected a column 'shape'"),
        ("marker", POINT | {"x": [0, 1]}, "expected 1 values in column 'x' as in 'role', got 2"),
        ("marker", POINT | {"role": ["purple"]}, "expected one of ram, idle"),
        ("marker", POINT | {"shape": ["star"]}, r"in shape\[0\], got 'star'"),
        ("marker", POINT | {"size": [3]}, "expected columns among .*, got 'size'"),
        ("marker", POINT | {"x": [float("nan")]}, r"expected a finite number in x\[0\], got nan"),
        ("marker", POINT | {"x": [True]}, r"expected a finite number in x\[0\], got True"),
        ("marker", POINT | {"tip": [3]}, r"expected a string in tip\[0\], got 3"),
    ],
)
def test_layer_refuses_in_one_sentence(kind, columns, message):
    with pytest.raises(ValueError, match=message) as error:
        Layer("marks", kind, columns)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Address map"}, "expected a picture name of lower-case letters"),
        ({"alt": " "}, "expected a description in alt"),
        ({"legend": (("purple", "?"),)}, "expected a known role in legend, got 'purple'"),
        ({"layers": (Layer("a", "marker", POINT),) * 2}, "expected a different name for each"),
    ],
)
def test_picture_refuses_in_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        replace(address_map(), **change)


def test_axis_refuses_equal_ends():
    with pytest.raises(ValueError, match="expected two different finite ends, got 1 and 1"):
        Axis("x", 1, 1)


def test_columns_are_copied_and_defaults_filled_in():
    shapes = ["circle"]
    layer = Layer("marks", "marker", POINT | {"shape": shapes})
    shapes.append("x")
    assert layer.column("shape") == ("circle",)
    text = Layer("t", "text", {"x": [1], "y": [2], "text": ["a"], "role": ["ink"]})
    assert (text.column("anchor"), text.column("room")) == (("left",), (None,))


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_printable_text_survives_utf8_and_stays_as_long(text):
    clean = printable(text)
    assert clean.encode().decode() == clean
    assert len(clean) == len(text)
    assert printable(clean) == clean
    assert not set("\x00\x1b\ufffe") & set(clean)
