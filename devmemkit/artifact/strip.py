"""Removes from an executed notebook what changes from run to run, so that it can be committed.

Widget state and views, timing, papermill's notes and the Python version are removed. UUIDs and
object addresses, which differ in each run, are numbered in the order in which they appear.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

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
    """A copy of a notebook (parsed JSON, version 4) without what a second run would change."""
    notebook = json.loads(json.dumps(notebook))
    metadata = notebook["metadata"]
    for key in ("widgets", "papermill", "signature"):
        metadata.pop(key, None)
    metadata.update(METADATA)
    names: dict[str, str] = {}
    for cell in notebook["cells"]:
        for key in ("papermill", "execution", "collapsed", "scrolled", "trusted"):
            cell["metadata"].pop(key, None)
        if not cell["metadata"].get("tags"):
            cell["metadata"].pop("tags", None)
        cell["source"] = _lines(cell["source"])
        if cell["cell_type"] == "code":
            cell["outputs"] = [_output(output, names) for output in _merged(cell["outputs"])]
    return notebook


def _lines(text: str | list[str]) -> list[str]:
    return (text if isinstance(text, str) else "".join(text)).splitlines(keepends=True)


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream joined: where they part depends on timing."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        if output["output_type"] == "stream":
            output["text"] = _lines(output["text"])
            if merged and merged[-1].get("name") == output["name"]:
                merged[-1]["text"] = _lines("".join(merged[-1]["text"] + output["text"]))
                continue
        merged.append(output)
    return merged


def _output(output: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    for data in (output.get("data", {}), output.get("metadata", {})):
        data.pop(WIDGET_VIEW, None)
    for mime, value in output.get("data", {}).items():
        if isinstance(value, str | list) and not mime.endswith("json"):
            output["data"][mime] = _lines(value)
    stable: dict[str, Any] = _numbered(output, names)
    return stable


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


def write(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook as nbformat does (indent 1, sorted keys), replacing `path` at once."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
