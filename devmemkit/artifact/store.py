"""A folder of results, for one run at a time.

A job's files get their names only when all of them are written; its record, written last, has their
digests. So a job that was killed half-way never counts as done.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import json
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from devmemkit.artifact import record
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.record import FIGURES, Record

LEDGER = "findings"
"""The name of the job that weighs the findings."""
INDEX, TABLE = "index.html", "table.csv"
HIDDEN = ".devmemkit"
RECORDS, RUNNING, LOCK = f"{HIDDEN}/records", f"{HIDDEN}/running", f"{HIDDEN}/lock"
SUFFIXES = (".html", ".ipynb", ".json", ".svg", ".csv", ".pdf", ".new")
"""Suffixes of the files of a report, including unfinished ones."""


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


class Store:
    """The folder, locked while it is entered; UsageError if it cannot be locked or written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Store:
        try:
            with suppress(FileExistsError):
                self.folder.mkdir(parents=True)
            with ExitStack() as opened:
                self.inside = opened.enter_context(Folder(self.folder))
                _check(self.inside)
                TemporaryFile(dir=self.folder).close()
                self._lock(opened)
                self.inside.remove(RUNNING)
                self._opened = opened.pop_all()
        except OSError as error:
            raise UsageError(
                f"expected a folder to write to, got {self.folder}: {error.strerror}"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _lock(self, opened: ExitStack) -> None:
        """Take the lock. The kernel holds it, so a lock file left by a killed run locks nothing."""
        with self.inside.at(LOCK, make=True) as (fd, name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(name, flags, 0o666, dir_fd=fd)
        lock = opened.enter_context(os.fdopen(file, "r+b", buffering=0))
        if os.fstat(file).st_nlink != 1:  # the only file that is written without being replaced
            raise UsageError(
                "expected a lock of this folder alone, got a file with another name elsewhere "
                f"(a hard link): {self.folder / LOCK}"
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = re.fullmatch(rb"([0-9]{1,10})\n", lock.read(20))
            raise UsageError(
                f"expected a folder of its own for this run, got {self.folder}, which process "
                f"{told[1].decode() if told else 'another'} writes to"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n".encode())

    def record(self, name: str) -> Record | None:
        """The record of a job, None if there is no well-formed one."""
        with suppress(OSError):
            return record.parse(self.inside.read(_record(name), record.LARGEST), name)
        return None

    def records(self) -> list[Record]:
        """All well-formed records, by name."""
        names = [name for name, _ in self.inside.content(RECORDS) if name.endswith(".json")]
        told = (self.record(name[len(RECORDS) + 1 : -len(".json")]) for name in names)
        return [record for record in told if record]

    def kept(self, job: Job) -> Record | None:
        """The record of a job that is done: with the same inputs, its files unchanged since."""
        told = self.record(job.name)
        if told is None or told.error or told.key != job.key:
            return None
        if (told.work, told.parameters, told.inputs) != (job.work, job.parameters, job.inputs):
            return None  # only its key matched
        with suppress(OSError):
            whole = record.result(job.name, job.work) in told.outputs
            if whole and all(self.inside.digest(name) == d for name, d in told.outputs.items()):
                return told
        return None

    def place(
        self, job: Job, files: Mapping[str, bytes], began: str, seconds: float, error: str
    ) -> Record:
        """Put the job's files in their places and record how it ended.

        The job's files of an earlier run go. OSError when the disk is full, or for a file that is
        not one of such a job; the job then is not done.
        """
        if foreign := [name for name in files if not record.makes(job.name, name)]:
            raise OSError(errno.EINVAL, f"not a file of {job.name}: {foreign[0]}")
        try:
            for name, content in files.items():
                self.inside.write(f"{RUNNING}/{name}", content)
            earlier = self.record(job.name)
            for name in earlier.outputs if earlier else ():
                if name not in files:
                    self.inside.remove(name)
            for name in files:
                self.inside.move(f"{RUNNING}/{name}", name)
        finally:
            self.inside.remove(RUNNING)
        told = Record(
            job.name,
            job.key,
            job.work,
            job.notebook.name if job.notebook else None,
            dict(job.parameters),
            dict(job.inputs),
            began,
            round(seconds, 3),
            error,
            {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        )
        self.inside.write(_record(job.name), json.dumps(asdict(told), indent=1))
        return told


def _record(name: str) -> str:
    return f"{RECORDS}/{name}.json"


def _check(inside: Folder) -> None:
    """UsageError if a name that a run reads or writes is of another kind (a link, a FIFO)."""
    at_top = (entry for entry in inside.content() if _expected(entry[0]))
    for name, kind in itertools.chain(at_top, inside.walk(HIDDEN), inside.walk(FIGURES)):
        expected = _expected(name) or (kind if kind in ("file", "folder") else "file")
        if kind != expected:
            raise UsageError(
                f"expected a {expected} of the report or nothing, got a {kind}: "
                f"{inside.path / name}"
            )


def _expected(name: str) -> str:
    """The kind a name must have, "file" or "folder"; "" if the name does not belong to a report."""
    if name in (HIDDEN, RECORDS, RUNNING, FIGURES) or os.path.dirname(name) == FIGURES:
        return "folder"
    if name.startswith(f"{RUNNING}/"):
        return ""
    return "file" if name == LOCK or name.endswith(SUFFIXES) else ""
