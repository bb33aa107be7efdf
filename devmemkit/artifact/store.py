"""A folder of results, for one run at a time.

A job's files get their names only when all of them are written; the crate, written last, has their
digests. So a job that was killed half-way never counts as done.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile

from devmemkit.artifact import crate, record
from devmemkit.artifact.entities import earlier
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.parameters import defaults
from devmemkit.artifact.record import FIGURES, HIDDEN, Job, Record, UsageError


class Store:
    """The folder, locked while it is entered; UsageError if it cannot be locked or written to."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root

    def __enter__(self) -> Store:
        try:
            with suppress(FileExistsError):
                self.folder.mkdir(parents=True)
            with ExitStack() as opened:
                self.inside = opened.enter_context(Folder(self.folder))
                _check(self.inside)
                TemporaryFile(dir=self.folder).close()
                self._lock(opened)
                for name in (record.RUNNING, record.RECORDS):
                    self.inside.remove(name)
                self.records = earlier(self.inside)
                self._made_from = crate.made_from(self.root)
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
        with self.inside.at(record.LOCK, make=True) as (fd, name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            lock = os.open(name, flags, 0o666, dir_fd=fd)
        opened.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"expected a folder of its own for this run, got {self.folder}, which another run "
                "writes to"
            ) from None

    def kept(self, job: Job) -> Record | None:
        """The record of a job that is done: from the same state, its files unchanged since."""
        told = self.records.get(job.name)
        if told is None or told.error or told.key != job.key:
            return None
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
        self.inside.write(files)
        for name in self.records[job.name].outputs if job.name in self.records else ():
            if name not in files:
                self.inside.remove(name)
        path = job.notebook.name if job.notebook else ""
        told = Record(
            job.name,
            job.key,
            path,
            job.inputs.get(f"notebooks/{path}", ""),
            {**defaults(job.notebook), **job.parameters},
            began,
            round(seconds, 3),
            error,
            {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        )
        self.records[job.name] = told
        self.write_crate()
        return told

    def write_crate(self) -> None:
        """Describe what is in the folder, and the runs that made it."""
        crate.write(self.inside, self.records.values(), self._made_from)


def _check(inside: Folder) -> None:
    """UsageError if what should be a folder of the report is something else (a link)."""
    of_jobs = (name for name, _ in inside.walk(FIGURES) if name.count("/") == 1)
    for name in (HIDDEN, FIGURES, *of_jobs):
        if (kind := inside.kind(name)) not in ("folder", ""):
            raise UsageError(
                f"expected a folder of the report or nothing, got a {kind}: {inside.path / name}"
            )
