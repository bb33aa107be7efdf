"""How a job ended, as a folder of results keeps it; what is read back, anyone may have written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import NoneType
from typing import Any, NoReturn

from devmemkit.artifact.folder import parts

LARGEST = 4 << 20  # bytes; a record has some thousands
ENDINGS = (
    *(".ipynb", ".html", ".pdf", ".values.json", ".partial.ipynb", ".partial.html"),
    ".json",  # of a job that weighs the findings
)
FIGURES = "figures"
DIGEST = re.compile("[0-9a-f]{64}")

VALUE = (str, int, float, bool, NoneType)
TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "key": (str,),
    "work": (str,),
    "notebook": (str, NoneType),
    "parameters": (dict,),
    "inputs": (dict,),
    "began": (str,),
    "seconds": (int, float),
    "error": (str,),
    "outputs": (dict,),
}


@dataclass(frozen=True)
class Record:
    """How a job ended: when it `began` (ISO 8601), the `error` or "", its files' SHA-256."""

    name: str
    key: str
    work: str
    notebook: str | None
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    began: str
    seconds: float
    error: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


def makes(job: str, name: str) -> bool:
    """Whether a job may leave, and therefore replace and delete, the file of that name."""
    figure = rf"{FIGURES}/{re.escape(job)}/[0-9]{{2,}}\.svg"
    return name in {f"{job}{ending}" for ending in ENDINGS} or bool(re.fullmatch(figure, name))


def result(job: str, work: str) -> str:
    """The name of the file without which a job is not done."""
    return f"{job}.ipynb" if work == "notebook" else f"{job}.json"


def parse(text: bytes, name: str) -> Record | None:
    """The record of the job of that name from its JSON; None for what no run has written."""
    try:
        told = json.loads(text, parse_constant=_refuse)
        return Record(**told) if _well_formed(told, name) else None
    except (ValueError, TypeError, RecursionError, OverflowError, OSError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _well_formed(told: Any, name: str) -> bool:
    """What the type of each field, and the names in it, must be; or one of the errors above."""
    if (
        not isinstance(told, dict)
        or told.keys() != TYPES.keys()
        or any(type(told[key]) not in TYPES[key] for key in TYPES)
    ):
        return False
    json.dumps(told, ensure_ascii=False, allow_nan=False).encode()  # no half of a surrogate pair
    outputs, inputs, notebook = told["outputs"], told["inputs"], told["notebook"]
    datetime.fromisoformat(told["began"]) + timedelta(seconds=told["seconds"])
    return (
        told["name"] == name
        and len(parts(name)) == 1
        and told["seconds"] >= 0
        and all(makes(name, file) and DIGEST.fullmatch(d) for file, d in outputs.items())
        and all(isinstance(digest, str) for digest in inputs.values())
        and all(type(value) in VALUE for value in told["parameters"].values())
        and (notebook is None or (len(parts(notebook)) == 1 and f"notebooks/{notebook}" in inputs))
    )
