"""Jobs done side by side into one folder, each by a process of its own; those done are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from devmemkit.artifact.execute import package_path
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.record import Job, Record
from devmemkit.artifact.store import Store
from devmemkit.host.scratch import scratch
from devmemkit.model.printable import printable

# -P: do not import from the folder that the user is in
COMMAND = (sys.executable, "-P", "-m", "devmemkit.artifact.worker")

_INPUT, _OPEN = os.pipe()
"""Standard input of all processes that do jobs: it ends with this process, or an interrupt."""
LOOK = 0.2
"""Seconds between two looks at which jobs have started."""


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


@contextmanager
def here(parallel: int, limit: int) -> Iterator[Submit]:
    """Do jobs on this machine, `parallel` at a time."""
    with ThreadPoolExecutor(parallel) as pool:
        yield lambda job: pool.submit(do, job, limit)


def say(line: str) -> None:
    """Print a line at once, whatever is in it."""
    print(printable(line), flush=True)


def run(
    jobs: Sequence[Job], store: Store, submit: Submit, parallel: int
) -> dict[str, Record] | None:
    """Do the jobs and print progress; their records by name.

    None when interrupted: finished jobs stay done. A job that cannot be stored (the disk is full)
    counts as failed; the others continue. `parallel` is for the estimate of the time left.
    """
    found = {job.name: record for job in jobs if (record := store.kept(job))}
    if found:
        say(f"{len(found)} of {len(jobs)} are done already")
    due = [job for job in jobs if job.name not in found]
    former = {job.name: store.records[job.name].seconds for job in due if job.name in store.records}
    took: list[float] = []
    futures: dict[Future[Done], Job] = {}
    try:
        for job in due:
            futures[submit(job)] = job
        started: set[Future[Done]] = set()
        while futures:
            for future, job in futures.items():
                if future.running() and future not in started:
                    started.add(future)
                    say(f"{job.name}: started")
            for future in wait(futures, LOOK, FIRST_COMPLETED).done:
                job = futures.pop(future)
                found[job.name], said = _stored(job, future, store)
                took.append(found[job.name].seconds)
                say(f"{job.name}: {said}, {took[-1]:.1f} s")
                if futures:
                    # what each took before, else what the others took now
                    usual, total = sum(took) / len(took), len(took) + len(futures)
                    left = sum(former.get(job.name, usual) for job in futures.values())
                    say(f"{len(took)} of {total} done, about {max(left / parallel, 1):.0f} s left")
    except BaseException as error:
        for future in futures:
            future.cancel()
        os.dup2(_INPUT, _OPEN)
        if not isinstance(error, KeyboardInterrupt):
            raise
        where = printable(str(store.folder))
        print(f"interrupted; finished jobs are in {where}", file=sys.stderr)
        return None
    return {job.name: found[job.name] for job in jobs}


def _stored(job: Job, future: Future[Done], store: Store) -> tuple[Record, str]:
    """The record of a job that ended, its files in their places, and how it ended in words."""
    try:
        done = future.result()
        record = store.place(job, done.files, done.began, done.seconds, done.error)
        return record, f"failed at {done.error}" if done.error else "done"
    except Exception as error:  # whatever became of a disk or a cluster, the other jobs continue
        reason = getattr(error, "strerror", None)
        said = f"cannot write: {reason}" if reason else f"{type(error).__name__}: {error}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        # what is there of an earlier run stays its own, to go with the next one's
        there = store.records[job.name].outputs if job.name in store.records else {}
        record = Record(job.name, "", began=now, error=said, outputs=there)
        store.records[job.name] = record
        return record, f"failed at {said}"
