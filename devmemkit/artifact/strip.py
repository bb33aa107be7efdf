"""Removes from an executed notebook what changes from run to run, so that it can be committed.

Widget state and views, timing, papermill's notes and the Python version are removed. UUIDs and
object addresses, which differ in each run, are numbered in the order in which they appear.
"""

from __future__ import annotations

import json
import re
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
INJECTED = "injected-parameters"
"""The tag of the cell that papermill adds, and the id that it gets in place of a random one."""

VOLATILE = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # UUID
    r"|(?<=IPY_MODEL_)[0-9a-f]{32}\b"  # ipywidgets' model
    r"|(?<= at 0x)[0-9a-f]{9,16}(?=>)"  # default repr; our own addresses never end in >
)

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"},
}


def strip(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy of a notebook that nbformat wrote, without what a second run would change."""
    notebook = json.loads(json.dumps(notebook))
    metadata = notebook["metadata"]
    for key in ("widgets", "papermill", "signature"):
        metadata.pop(key, None)
    metadata.update(METADATA)
    names: dict[str, str] = {}
    for cell in notebook["cells"]:
        for key in ("papermill", "execution", "collapsed", "scrolled", "trusted"):
            cell["metadata"].pop(key, None)
        if INJECTED in cell["metadata"].get("tags", ()):
            cell["id"] = INJECTED
        if not cell["metadata"].get("tags"):
            cell["metadata"].pop("tags", None)
        for output in cell.get("outputs", ()):
            for data in (output.get("data", {}), output.get("metadata", {})):
                data.pop(WIDGET_VIEW, None)
        if "outputs" in cell:
            cell["outputs"] = _numbered(cell["outputs"], names)
    return notebook


def _numbered(value: Any, names: dict[str, str]) -> Any:
    """The value with each volatile id in its text replaced by one that counts from 1."""

    def number(match: re.Match[str]) -> str:
        old = match[0]
        if old not in names:
            digits = str(len(names) + 1).zfill(sum(c != "-" for c in old))
            rest = iter(digits)
            names[old] = "".join("-" if c == "-" else next(rest) for c in old)
        return names[old]

    if isinstance(value, str):
        return VOLATILE.sub(number, value)
    if isinstance(value, list):
        return [_numbered(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _numbered(item, names) for key, item in value.items()}
    return value
