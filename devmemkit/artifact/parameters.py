"""Typed parameters: what a notebook's `parameters` cell declares, and `NAME=VALUE` in its types.

papermill injects any name and value; this module refuses unknown names and wrong types before a
kernel starts. The notebook's own code checks which values make sense.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from devmemkit.artifact.record import UsageError
from devmemkit.host import files

Value = str | int | float | bool | None

EXPECTED = {
    "str": "text",
    "int": "an integer (such as 4096 or 0x1000)",
    "float": "a finite number",
    "bool": "true or false",
}
"""The types that a parameter may have, in words; with ` | None` behind it may be none, too."""

LONGEST = 1024
"""Characters of a value, which becomes an argument of a process, a name and a cell of tables."""


def text_of(notebook: Path) -> bytes:
    """The text of a notebook; ValueError if the file cannot be read."""
    return files.read(notebook, pipes=False, texts=(), what="a notebook")


def read(notebook: Path) -> dict[str, Any]:
    """A notebook, the source of each cell in one piece; ValueError if it is none of format 4."""
    text = text_of(notebook)
    try:
        told: dict[str, Any] = json.loads(text)
        if told["nbformat"] == 4:
            for cell in told["cells"]:
                cell["source"] = "".join(cell["source"])
                cell["tags"] = list(cell["metadata"].get("tags", ()))
            return told
        reason = f"format {told['nbformat']}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise UsageError(f"{notebook}: expected a notebook of format 4, got {reason}")


def declared(notebook: Path) -> dict[str, str]:
    """The types of a notebook's parameters by name, such as "int | None", in the cell's order.

    UsageError for what is no notebook, and when its cell tagged `parameters` is not Python, or
    annotates anything else than a type of EXPECTED.
    """
    found = {ast.unparse(one.target): ast.unparse(one.annotation) for one in _assigned(notebook)}
    for name, type in found.items():
        if type.removesuffix(" | None") not in EXPECTED:
            raise UsageError(
                f"{notebook.name}: expected {', '.join(EXPECTED)} (or one of them | None) as the "
                f"type of parameter {name}, got {type}"
            )
    return found


def defaults(notebook: Path | None) -> dict[str, Value]:
    """The default values of a notebook's parameters, such as the seed; none if it has none."""
    with suppress(ValueError):  # one that is no notebook has failed; the others are described
        return {
            ast.unparse(one.target): ast.literal_eval(one.value)
            for one in (_assigned(notebook) if notebook else ())
            if one.value is not None
        }
    return {}


def _assigned(notebook: Path) -> list[ast.AnnAssign]:
    cells = (one for one in read(notebook)["cells"] if one.get("cell_type") == "code")
    source = next((one["source"] for one in cells if "parameters" in one["tags"]), "")
    try:
        return [one for one in ast.parse(source).body if isinstance(one, ast.AnnAssign)]
    except SyntaxError as error:
        raise UsageError(
            f"{notebook.name}: expected Python in the parameters cell, got {error.msg} on its line "
            f"{error.lineno}"
        ) from None


def convert(name: str, text: str, known: Mapping[str, str], where: str) -> Value:
    """The value that `text` denotes for a parameter; UsageError if it denotes none.

    UsageError, too, for a name that is not `known`, which has the types by name.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise UsageError(
            f"{where}: no parameter {reprlib.repr(name)}"
            + (f" (did you mean {near[0]!r}?)" if near else "")
            + (f"; it has {', '.join(known)}" if known else "; it has none")
        )
    type, optional, _ = known[name].partition(" | ")
    if optional and text.lower() == "none":
        return None
    expected = EXPECTED[type] + (" or none" if optional else "")
    with suppress(KeyError, ValueError):
        if len(text) > LONGEST or any("\ud800" <= one <= "\udfff" for one in text):
            expected = f"at most {LONGEST} characters of UTF-8"
        elif type == "str":
            return text
        elif type == "bool":
            return {"true": True, "false": False}[text.lower()]
        elif type == "int":
            return int(text, 0)
        elif math.isfinite(number := float(text)):
            return number
    raise UsageError(f"{where}: expected {expected} for {name}, got {reprlib.repr(text)}")


def texts(given: Iterable[str], where: str) -> dict[str, str]:
    """`NAME=VALUE` strings by their names."""
    found: dict[str, str] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise UsageError(f"{where}: expected NAME=VALUE, got {reprlib.repr(item)}")
        if name in found:
            raise UsageError(f"{where}: the parameter {reprlib.repr(name)} is given twice")
        found[name] = text
    return found


def parse(given: Iterable[str], known: Mapping[str, str], where: str) -> dict[str, Value]:
    """`NAME=VALUE` strings as typed values for papermill; UsageError for others."""
    told = texts(given, where)
    return {name: convert(name, text, known, where) for name, text in told.items()}
