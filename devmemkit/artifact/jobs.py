"""Jobs done side by side into one folder: those that are done are kept, the rest is run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from devmemkit.artifact.progress import Progress
from devmemkit.artifact.record import Record
from devmemkit.artifact.store import Job, Store

GRACE = 10  # seconds that a worker gets to end its kernel


class Runner(Protocol):
    """Who does jobs: processes here (`workers`), or those of a cluster (`cluster`)."""

    def events(self, job: Job, staging: Path) -> Iterator[dict[str, Any]]:
        """Do the job into `staging`: {"cell", "cells"}, {"stage"}, and {"error"} if it failed."""
        ...

    def stop(self) -> None:
        """Ask all that is running to end."""
        ...

    def kill(self) -> None:
        """End what did not listen."""
        ...


def run(
    jobs: Sequence[Job], store: Store, runner: Runner, parallel: int
) -> dict[str, Record] | None:
    """Do the jobs, `parallel` at a time, and tell of it; their records by name.

    None when it was interrupted: what is done stays done. A job that cannot be put in its place
    (a full disk) fails like one whose notebook raises, and the others go on.
    """
    found = {job.name: record for job in jobs if (record := store.kept(job))}
    due = [job for job in jobs if job.name not in found]
    former = {job.name: record.seconds for job in due if (record := store.record(job.name))}
    progress = Progress([job.name for job in due], former, parallel, sys.stdout)
    if found:
        progress.say(f"{len(found)} of {len(jobs)} are done already")
    stopping = False

    def one(job: Job) -> Record | None:
        if stopping:
            return None
        progress.update(job.name, "started", started=True)
        began, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        error, cells = "", 0
        try:
            staging = store.staging(job)
            for event in runner.events(job, staging):
                if "cells" in event:
                    cells = event["cells"]
                    progress.update(job.name, f"cell {event['cell']} of {cells}")
                elif "stage" in event:
                    progress.update(job.name, event["stage"])
                else:
                    error = event["error"]
            if stopping:
                return None
            seconds = time.monotonic() - start
            record = store.place(job, staging, began, seconds, error)
        except BrokenPipeError:  # nobody reads what is told: no fault of the job
            raise
        except OSError as failure:
            seconds = time.monotonic() - start
            error = error or f"cannot write: {failure.strerror or failure}"
            record = Record(job.name, "", job.work, None, {}, {}, began, seconds, error)
        done = f"done, {cells} cells" if cells else "done"
        state = f"failed at {error}" if error else done
        progress.finish(job.name, f"{state}, {seconds:.1f} s", seconds)
        return record

    with ThreadPoolExecutor(parallel) as pool:
        runs: list[Future[Record | None]] = []
        try:
            for job in due:
                runs.append(pool.submit(one, job))
            for done in as_completed(runs):
                done.result()
        except BaseException as error:
            stopping = True
            runner.stop()
            wait(runs, GRACE)
            runner.kill()
            if isinstance(error, KeyboardInterrupt):
                return None
            raise
    for job, done in zip(due, runs, strict=True):
        if record := done.result():
            found[job.name] = record
    return {job.name: found[job.name] for job in jobs if job.name in found}
