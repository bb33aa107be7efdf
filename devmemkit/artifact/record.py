"""The record of how a job ended, kept in the results folder, where anyone may have edited it."""

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
    """How a job ended: when it `began` (ISO 8601), its `error` or "", the SHA-256 of its files."""

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
    """Whether a job may write, and therefore replace and delete, the file of that name."""
    figure = rf"{FIGURES}/{re.escape(job)}/[0-9]{{2,}}\.svg"
    return name in {f"{job}{ending}" for ending in ENDINGS} or bool(re.fullmatch(figure, name))


def result(job: str, work: str) -> str:
    """The name of the file that a finished job must have."""
    return f"{job}.ipynb" if work == "notebook" else f"{job}.json"


def parse(text: bytes, name: str) -> Record | None:
    """The record of the job of that name from its JSON; None if no run can have written it."""
    try:
        told = json.loads(text, parse_constant=_refuse)
        return Record(**told) if _well_formed(told, name) else None
    except (ValueError, TypeError, RecursionError, OverflowError, OSError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _well_formed(told: Any, name: str) -> bool:
    """Whether each field has its type and allowed names; may raise what `parse` catches."""
    if (
        not isinstance(told, dict)
        or told.keys() != TYPES.keys()
        or any(type(told[key]) not in TYPES[key] for key in TYPES)
    ):
        return False
    json.dumps(
        told, ensure_ascii=False, allow_nan=False
    ).encode()  # refuses half of a surrogate pair
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
