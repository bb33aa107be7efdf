"""Jobs, how they ended, and the names of their files in a report."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEDGER = "findings"
"""The name of the job that weighs the findings."""
CRATE, INDEX, TABLE = "ro-crate-metadata.json", "index.html", "table.csv"
HIDDEN = ".devmemkit"
RUNNING, LOCK = f"{HIDDEN}/running", f"{HIDDEN}/lock"
RECORDS = f"{HIDDEN}/records"
"""Where devmemkit 0.1 recorded its jobs."""
FIGURES = "figures"
ENDINGS = (
    *(".ipynb", ".html", ".pdf", ".values.json", ".partial.ipynb", ".partial.html"),
    ".json",  # of a job that weighs the findings
)


class UsageError(ValueError):
    """The request names something that does not exist, or that cannot be done."""


@dataclass(frozen=True)
class Job:
    """Work whose files' names begin with `name`; `inputs` are digests of what it depends on."""

    name: str
    work: str
    notebook: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The digest of everything that the job's files depend on."""
        told = json.dumps([self.name, self.work, self.parameters, self.inputs], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """How a job ended: when it `began` (ISO 8601), its `error` or "", the SHA-256 of its files.

    `key` is that of the job, "" for one that could not be stored; `source` is the SHA-256 of its
    notebook; `parameters` has the defaults, too.
    """

    name: str
    key: str
    notebook: str = ""
    source: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    began: str = ""
    seconds: float = 0
    error: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


def makes(job: str, name: str) -> bool:
    """Whether a job may write, and therefore replace and delete, the file of that name."""
    figure = rf"{FIGURES}/{re.escape(job)}/[0-9]{{2,}}\.svg"
    return name in {f"{job}{ending}" for ending in ENDINGS} or bool(re.fullmatch(figure, name))


def result(job: str, work: str) -> str:
    """The name of the file that a finished job must have."""
    return f"{job}.ipynb" if work == "notebook" else f"{job}.json"
