"""Typed parameters: what the cell declares and which texts its types take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.artifact.parameters import Parameter, convert, declared, parse
from devmemkit.artifact.record import UsageError


def cell(source, tags=("parameters",)):
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}


def test_declared_reads_annotations_in_order_and_ignores_other_cells():
    source = ["# a comment\n", 'kernel: str = "6.12"\n', "claim: int | None = 0x10\n", "x = 1\n"]
    notebook = {"cells": [cell("y: int = 1", ()), cell(source)]}
    assert declared(notebook, "n") == {
        "kernel": Parameter("kernel", "str", False),
        "claim": Parameter("claim", "int", True),
    }


def test_a_notebook_without_the_cell_declares_nothing():
    assert declared({"cells": []}, "n") == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: tuple[int, int] = (1, 2)", "n: expected str, int, float, bool .* of parameter a, got"),
        ("a: int = (", "n: expected Python in the parameters cell, got .* on its line 1"),
    ],
)
def test_declared_refuses(source, message):
    with pytest.raises(UsageError, match=message):
        declared({"cells": [cell(source)]}, "n")


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
    got = convert(Parameter("a", kind, False), text, "n")
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
        convert(Parameter("a", kind, False), text, "n")


@pytest.mark.parametrize("kind", ["str", "int", "float", "bool"])
def test_optional_takes_none(kind):
    assert convert(Parameter("a", kind, True), "None", "n") is None


@given(st.integers())
def test_every_integer_survives_in_decimal_and_hexadecimal(number):
    parameter = Parameter("a", "int", False)
    assert convert(parameter, str(number), "n") == convert(parameter, hex(number), "n") == number


@given(st.sampled_from(["int", "float", "bool"]), st.text())
def test_only_parameter_errors(kind, text):
    try:
        value = convert(Parameter("a", kind, False), text, "n")
    except UsageError:
        return
    assert type(value).__name__ == kind


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("claim", "n: expected NAME=VALUE, got 'claim'"),
        ("clam=1", "n: no parameter 'clam' \\(did you mean 'claim'\\?\\); it has claim, kernel"),
        ("zzz=1", "n: no parameter 'zzz'; it has claim, kernel"),
    ],
)
def test_parse_refuses(given, message):
    known = {"claim": Parameter("claim", "int", False), "kernel": Parameter("kernel", "str", False)}
    with pytest.raises(UsageError, match=message):
        parse([given], known, "n")


def test_parse_refuses_a_second_value_and_splits_at_the_first_equals_sign():
    known = {"a": Parameter("a", "str", False)}
    assert parse(["a=b=c"], known, "n") == {"a": "b=c"}
    with pytest.raises(UsageError, match="n: the parameter 'a' is given twice"):
        parse(["a=1", "a=2"], known, "n")
