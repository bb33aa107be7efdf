"""Typed parameters: what a notebook's `parameters` cell declares, and `NAME=VALUE` in its types.

papermill injects any name and value; this module refuses unknown names and wrong types before a
kernel starts. The notebook's own code checks which values make sense.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devmemkit.artifact.record import UsageError

Value = str | int | float | bool | None

EXPECTED = {
    "str": "text",
    "int": "an integer (such as 4096 or 0x1000)",
    "float": "a finite number",
    "bool": "true or false",
}


LONGEST = 4096
"""Characters of a value, which becomes an argument of a process, a name and a cell of tables."""

BITS = 1024


@dataclass(frozen=True, slots=True)
class Parameter:
    """One annotated assignment of the cell: its name, its type (a key of `EXPECTED`), or None."""

    name: str
    type: str
    optional: bool


def shown(text: str) -> str:
    """The beginning of a text, in quotes."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def declared(notebook: Mapping[str, Any], where: str) -> dict[str, Parameter]:
    """The parameters of a notebook (as parsed JSON), by name, in the order of the cell.

    UsageError when the cell tagged `parameters` is not Python, or annotates anything else
    than `str`, `int`, `float`, `bool`, or one of these `| None`.
    """
    return {
        node.target.id: _parameter(node.target.id, ast.unparse(node.annotation), where)
        for node in _assignments(notebook, where)
        if isinstance(node.target, ast.Name)
    }


def defaults(notebook: Path | None) -> dict[str, Value]:
    """The default values of a notebook's parameters, such as the seed; none if it has none."""
    if notebook:
        # one that is no notebook has failed; the others are described
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {
                ast.unparse(node.target): ast.literal_eval(node.value)
                for node in _assignments(json.loads(notebook.read_text("utf-8")), notebook.name)
                if node.value is not None
            }
    return {}


def _assignments(notebook: Mapping[str, Any], where: str) -> list[ast.AnnAssign]:
    cells = [
        cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", ())
    ]
    try:
        body = ast.parse(cells[0]).body if cells else []
    except SyntaxError as error:
        raise UsageError(
            f"{where}: expected Python in the parameters cell, got {error.msg} on its line "
            f"{error.lineno}"
        ) from None
    return [node for node in body if isinstance(node, ast.AnnAssign)]


def _parameter(name: str, annotation: str, where: str) -> Parameter:
    types = [part.strip() for part in annotation.split("|")]
    base = [part for part in types if part != "None"]
    if len(base) != 1 or base[0] not in EXPECTED:
        raise UsageError(
            f"{where}: expected {', '.join(EXPECTED)} (or one of them | None) as the type of "
            f"parameter {name}, got {annotation}"
        )
    return Parameter(name, base[0], "None" in types)


def convert(parameter: Parameter, text: str, where: str) -> Value:
    """The value that `text` denotes for this parameter; UsageError if it denotes none."""
    if parameter.optional and text.lower() == "none":
        return None
    expected = EXPECTED[parameter.type] + (" or none" if parameter.optional else "")
    with suppress(KeyError, ValueError):
        if len(text) > LONGEST or any("\ud800" <= one <= "\udfff" for one in text):
            expected = f"at most {LONGEST} characters of UTF-8"
        elif parameter.type == "str":
            return text
        elif parameter.type == "bool":
            return {"true": True, "false": False}[text.lower()]
        elif parameter.type == "float":
            if math.isfinite(number := float(text)):
                return number
        elif (whole := int(text, 0)).bit_length() <= BITS:
            return whole
        else:
            expected = f"an integer of at most {BITS} bits"
    raise UsageError(f"{where}: expected {expected} for {parameter.name}, got {shown(text)}")


def texts(given: Iterable[str], known: Mapping[str, Parameter], where: str) -> dict[str, str]:
    """`NAME=VALUE` strings by their names; UsageError naming what is known."""
    found: dict[str, str] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise UsageError(f"{where}: expected NAME=VALUE, got {shown(item)}")
        if name in found:
            raise UsageError(f"{where}: the parameter {shown(name)} is given twice")
        find(name, known, where)
        found[name] = text
    return found


def find(name: str, known: Mapping[str, Parameter], where: str) -> Parameter:
    """The parameter of that name; UsageError naming what is known."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    raise UsageError(
        f"{where}: no parameter {shown(name)}"
        + (f" (did you mean {near[0]!r}?)" if near else "")
        + (f"; it has {', '.join(known)}" if known else "; it has none")
    )


def parse(given: Iterable[str], known: Mapping[str, Parameter], where: str) -> dict[str, Value]:
    """`NAME=VALUE` strings as typed values for papermill; UsageError for others."""
    told = texts(given, known, where)
    return {name: convert(known[name], text, where) for name, text in told.items()}
