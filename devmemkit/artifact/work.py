"""One job done by a process of its own, on this machine or on a worker of a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from devmemkit.artifact.execute import package_path
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.record import Job
from devmemkit.host.scratch import scratch

# -P: do not import from the folder that the user is in
COMMAND = (sys.executable, "-P", "-m", "devmemkit.artifact.worker")

_INPUT, _OPEN = os.pipe()
"""Standard input of all processes that do jobs: it ends with `end_all`, or with this process."""


class Done(NamedTuple):
    """How a job ended: the content of its files by name, and the error, "" if there is none.

    It took `seconds` from `began` (ISO 8601) on.
    """

    files: Mapping[str, bytes]
    error: str
    began: str
    seconds: float


Submit = Callable[[Job], Future[Done]]


def do(job: Job, limit: int) -> Done:
    """Do a job whose cells may each take `limit` seconds.

    OSError for a file that is not a regular one, or where nothing can be written.
    """
    began, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    told = {"work": job.work, "name": job.name, "notebook": str(job.notebook or "")}
    task = {**told, "parameters": dict(job.parameters), "limit": limit}
    with scratch() as folder, tempfile.TemporaryFile() as log:
        results = folder / "results"
        results.mkdir()
        ended = subprocess.run(
            [*COMMAND, json.dumps(task), str(results)],
            env=os.environ | package_path(),
            stdin=_INPUT,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )
        error = ended.stdout.decode().strip()
        if ended.returncode:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().rpartition("\n")[2]
            error = f"its process ended with status {ended.returncode}: {last}"
        with Folder(results) as made:
            names = [name for name, kind in made.walk() if kind != "folder"]
            files = {name: made.read(name) for name in names}
    return Done(files, error, began, time.monotonic() - start)


def end_all() -> None:
    """End all processes that do jobs for this one, and each that is started later."""
    os.dup2(_INPUT, _OPEN)


@contextmanager
def here(parallel: int, limit: int) -> Iterator[Submit]:
    """Do jobs on this machine, `parallel` at a time."""
    with ThreadPoolExecutor(parallel) as pool:
        yield lambda job: pool.submit(do, job, limit)
