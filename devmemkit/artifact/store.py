"""A folder of results: one run in it at a time; what is put in is whole, and done once.

A job's files appear under their names only when all of them are written; its record, which comes
last, has their digests. So what a killed run left behind is never taken for done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from devmemkit.artifact.provenance import sha256

HIDDEN = ".devmemkit"


class UsageError(ValueError):
    """What was asked for does not exist or cannot be done."""


def write_text(path: Path, text: str) -> None:
    """Write a file, replacing an older one at once."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk, room for what says so
        raise


@dataclass(frozen=True)
class Job:
    """Something to do whose files' names begin with `name`; `inputs` are digests, by what of."""

    name: str
    work: str
    notebook: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @property
    def key(self) -> str:
        """The digest of everything that the job's files depend on."""
        told = json.dumps([self.name, self.work, self.parameters, self.inputs], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


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


class Store:
    """The folder, locked while it is entered; UsageError where that cannot be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hidden = folder / HIDDEN

    def __enter__(self) -> Store:
        try:
            (self.hidden / "records").mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=self.folder).close()
            # the lock is the kernel's, gone with its process: a file left behind locks nothing
            self._lock = (self.hidden / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"expected a folder to write to, got {self.folder}: {error.strerror}"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            user = self._lock.read().strip() or "another"
            self._lock.close()
            raise UsageError(
                f"expected a folder of its own for this run, got {self.folder}, which process "
                f"{user} writes to"
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        shutil.rmtree(self.hidden / "running", ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.hidden / "running", ignore_errors=True)
        self._lock.close()

    def staging(self, job: Job) -> Path:
        """A new folder for the job's files in the making, of this process alone."""
        folder = self.hidden / "running" / f"{os.getpid()}-{job.name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def record(self, name: str) -> Record | None:
        """What is known of a job, if anything readable is."""
        with suppress(OSError, ValueError, TypeError):
            return Record(**json.loads(self._record(name).read_text("utf-8")))
        return None

    def records(self) -> list[Record]:
        """All that is known, by name."""
        names = sorted(path.stem for path in (self.hidden / "records").glob("*.json"))
        return [record for name in names if (record := self.record(name))]

    def _record(self, name: str) -> Path:
        return self.hidden / "records" / f"{name}.json"

    def kept(self, job: Job) -> Record | None:
        """The record of a job that is done: from the same inputs, its files as it left them."""
        record = self.record(job.name)
        if record is None or record.key != job.key or record.error:
            return None
        with suppress(OSError):
            if all(sha256(self.folder / name) == d for name, d in record.outputs.items()):
                return record
        return None

    def place(self, job: Job, staging: Path, began: str, seconds: float, error: str) -> Record:
        """Put the job's files in their places and note how it ended.

        Files of the same job from an earlier run, under other names, go. OSError when the disk
        takes no more; the job then is not done.
        """
        made = sorted(path for path in staging.rglob("*") if path.is_file())
        outputs = {str(path.relative_to(staging)): sha256(path) for path in made}
        earlier = self.record(job.name)
        for name in earlier.outputs if earlier else ():
            if name not in outputs:
                (self.folder / name).unlink(missing_ok=True)
        for name in outputs:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(target)
        record = Record(
            job.name,
            job.key,
            job.work,
            job.notebook.name if job.notebook else None,
            dict(job.parameters),
            dict(job.inputs),
            began,
            round(seconds, 3),
            error,
            outputs,
        )
        write_text(self._record(job.name), json.dumps(asdict(record), indent=1))
        shutil.rmtree(staging, ignore_errors=True)
        return record
