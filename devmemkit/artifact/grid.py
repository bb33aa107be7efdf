"""The grid of a sweep: every combination of the values in a TOML file and on the command line."""

from __future__ import annotations

import itertools
import math
import re
import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from devmemkit.artifact.parameters import convert, texts
from devmemkit.artifact.record import UsageError
from devmemkit.host.files import read

LARGEST = 1 << 18  # bytes of a file
PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
# a key of many dotted parts: tomllib takes quadratic time for it
DEEP = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{PART}[ \t]*+\.[ \t]*+){{32}}", re.MULTILINE)


def toml(file: Path, what: str) -> dict[str, Any]:
    """A file of parameters' values; UsageError for what is not one. A device stays unopened."""
    content = read(file, pipes=False, texts=(), most=LARGEST, what=f"TOML with {what}")
    try:
        text = content.decode()
        if not DEEP.search(text):
            return tomllib.loads(text)
        why = "values nested too deeply"
    except RecursionError:
        why = "values nested too deeply"
    except ValueError as error:  # not UTF-8, not TOML, a number of thousands of digits
        why = str(error)
    raise UsageError(f"{file}: expected TOML with {what}, got: {why}")


def _listed(file: Path, name: str, values: Any) -> list[str]:
    """The values of a parameter as texts; UsageError if there are none."""
    got = "numbers of thousands of digits"
    with suppress(ValueError):  # which their repr raises; TOML has such numbers in hexadecimal
        plain = isinstance(values, list) and all(isinstance(v, str | int | float) for v in values)
        if values and plain:
            return [str(value) for value in values]
        got = reprlib.repr(values)
    raise UsageError(f"{file}: expected a list of values for {name[:60]}, got {got}")


def cells(
    given: Sequence[str], file: Path | None, known: Mapping[str, str], where: str, most: int
) -> list[dict[str, Any]]:
    """Every combination of the values; UsageError for a value that is none.

    UsageError, too, for more than `most` combinations, before any is made.
    """
    told: dict[str, list[str]] = {}
    if file is not None:
        for name, values in toml(file, "NAME = [VALUE, ...]").items():
            told[name] = _listed(file, name, values)
    told |= {name: values.split(",") for name, values in texts(given, where).items()}
    if not told:
        raise UsageError("expected -p NAME=VALUE,VALUE,... or --grid FILE, got neither")
    columns = {
        name: [convert(name, value, known, where) for value in values]
        for name, values in told.items()
    }
    if (count := math.prod(map(len, columns.values()))) > most:
        raise UsageError(f"expected at most {most} cells, got {count}; --cells N allows N of them")
    return [dict(zip(columns, cell, strict=True)) for cell in itertools.product(*columns.values())]
