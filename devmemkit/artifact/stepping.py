"""The explorers of an executed notebook, made to step in its page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from devmemkit.artifact.strip import INJECTED
from devmemkit.site import embed
from devmemkit.site.live.catalogue import EXPLORERS

SHOWN = re.compile(r"\w+Explorer\((.*)\)", re.DOTALL)
"""An explorer as plain text, with its summary."""


def given(notebook: Any, opens_with: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a notebook ran with, where an explorer `opens_with` others."""
    found: dict[str, Any] = {}
    for tag in ("parameters", INJECTED):
        for cell in notebook.cells:
            if tag in cell.metadata.get("tags", ()):
                found |= _assigned(cell.source)
    return {name: value for name, value in found.items() if opens_with.get(name, ...) != value}


def _assigned(source: str) -> Iterator[tuple[str, Any]]:
    for one in ast.parse(source).body:
        if isinstance(one, ast.AnnAssign) and one.value is not None:
            yield ast.unparse(one.target), ast.literal_eval(one.value)
        elif isinstance(one, ast.Assign):
            yield ast.unparse(one.targets[0]), ast.literal_eval(one.value)


def explorers(notebook: Any, stem: str) -> bool:
    """Put its states around each explorer's picture in a notebook; whether there was one.

    The notebook is changed in place. An explorer stays a picture if the notebook's parameters do
    not make one with the same summary.
    """
    name = next((n for n, one in EXPLORERS.items() if one.notebook == f"{stem}.ipynb"), "")
    shown = list(_outputs(notebook)) if name else []
    if not shown:
        return False
    try:
        told = given(notebook, EXPLORERS[name].given)
    except (ValueError, SyntaxError):  # no plain values
        return False
    [packed] = embed.states([(name, told)])
    steps = False
    for data, summary in shown:
        if packed and summary == packed.summary:
            data["text/html"] = embed.place(name, told, packed, data["text/html"])
            steps = True
    return steps


def _outputs(notebook: Any) -> Iterator[tuple[Any, str]]:
    """The data of each output that is an explorer, and the explorer's summary."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data and (shown := SHOWN.fullmatch(data.get("text/plain", ""))):
                yield data, shown[1]
