"""Typed parameters: what the cell declares and which texts its types take."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.artifact.parameters import convert, declared, parse
from devmemkit.artifact.record import UsageError


def cell(source, tags=("parameters",)):
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}


def read(tmp_path, *cells):
    path = tmp_path / "n"
    path.write_text(json.dumps({"nbformat": 4, "cells": cells}))
    return declared(path)


def test_declared_reads_annotations_in_order_and_ignores_other_cells(tmp_path):
    source = ["# a comment\n", 'kernel: str = "6.12"\n', "claim: int | None = 0x10\n", "x = 1\n"]
    found = read(tmp_path, cell("y: int = 1", ()), cell(source))
    assert list(found.items()) == [("kernel", "str"), ("claim", "int | None")]


def test_a_notebook_without_the_cell_declares_nothing(tmp_path):
    assert read(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: tuple[int, int] = (1, 2)", "n: expected str, int, float, bool .* of parameter a, got"),
        ("a: int = (", "n: expected Python in the parameters cell, got .* on its line 1"),
    ],
)
def test_declared_refuses(tmp_path, source, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, cell(source))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "0x1000", 4096),
        ("int", "-12", -12),
        ("int", "1_000", 1000),
        ("float", "1e3", 1000.0),
        ("bool", "True", True),
        ("bool", "false", False),
        ("str", "0x10", "0x10"),
        ("str", "", ""),
        ("str", "none", "none"),
    ],
)
def test_convert(kind, text, value):
    got = convert("a", text, {"a": kind}, "n")
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("int", "1.5", "an integer"),
        ("int", "", "an integer"),
        ("int", "none", "an integer"),
        ("float", "nan", "a finite number"),
        ("float", "1e999", "a finite number"),
        ("bool", "1", "true or false"),
    ],
)
def test_convert_says_expected_got_and_where(kind, text, expected):
    with pytest.raises(UsageError, match=f"n: expected {expected}.* for a, got '{text}'"):
        convert("a", text, {"a": kind}, "n")


@pytest.mark.parametrize("kind", ["str", "int", "float", "bool"])
def test_optional_takes_none(kind):
    assert convert("a", "None", {"a": f"{kind} | None"}, "n") is None


@given(st.integers())
def test_every_integer_survives_in_decimal_and_hexadecimal(number):
    for text in (str(number), hex(number)):
        assert convert("a", text, {"a": "int"}, "n") == number


@given(st.sampled_from(["int", "float", "bool"]), st.text())
def test_only_parameter_errors(kind, text):
    try:
        value = convert("a", text, {"a": kind}, "n")
    except UsageError:
        return
    assert type(value).__name__ == kind


def test_a_text_is_split_at_the_first_equals_sign_and_an_unknown_name_gets_the_known_ones():
    known = {"claim": "int", "kernel": "str"}
    assert parse(["kernel=b=c"], known, "n") == {"kernel": "b=c"}
    with pytest.raises(UsageError, match=r"^n: no parameter 'zzz'; it has claim, kernel$"):
        parse(["zzz=1"], known, "n")
