"""Recording many scenarios on many kernels: each in a process of its own, and resumable.

A journal in the cache says what a run has written. The next run of the same sources leaves that
out, as long as the files are what they were; a run that comes to its end removes the journal.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from devmemkit.host.child import ending_with_us
from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.kernels import cache
from devmemkit.lab.kernels.cache import cache_dir
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.lab.recordings import machine, manifest
from devmemkit.lab.recordings.record import record
from devmemkit.lab.recordings.recording import path_of
from devmemkit.scenarios.machines import LABS, label

SECONDS = {"machine": 15, "conform": 510, "mmap-vs-claim": 100, "explain": 90, "reproducers": 120}
SECONDS |= dict.fromkeys(manifest.REPAIR_RACES, 90)
"""What a scenario takes on two cores, measured on 6.12; others take OTHERS. For the estimate."""
OTHERS = 20
PACKAGE = Path(__file__).parents[2]
"""devmemkit itself, the sources of every recording."""
ALONE = ("mmap-vs-claim", *manifest.REPAIR_RACES, "reproducers")
"""Scenarios with races, whose timing another guest would change."""


class Job(NamedTuple):
    """A scenario, or "machine", to be recorded on a kernel and a machine of the lab."""

    scenario: str
    kernel: Kernel
    lab: str = "2g"

    @property
    def name(self) -> str:
        return f"{self.scenario} on {label(self.kernel.version, self.lab)}"

    @property
    def seconds(self) -> float:
        return SECONDS.get(self.scenario, OTHERS)


def do(job: Job, progress: Progress) -> tuple[Path, ...]:
    """Do a job; the files or the folder written. GuestError when a guest fails."""
    scenario, kernel, lab = job
    if scenario == "machine":
        return (machine.take(kernel, lab),)
    path = path_of(scenario, kernel.version, lab)
    return record(scenario, kernel, progress, lab).write(path)


def record_all(jobs: Sequence[Job], guests: int, *, anew: bool, progress: Progress) -> None:
    """Do all jobs, up to `guests` at a time, and keep data/SHA256SUMS up to date.

    What an interrupted run of the same sources has written is not done again, unless `anew`. One
    job alone is done in this process. GuestError names the jobs that failed, when all others are
    done.
    """
    if len(jobs) == 1:
        manifest.write(*do(jobs[0], progress))
        return
    journal = _Journal()
    if anew:
        journal.end()
    todo = [job for job in jobs if not journal.has(job)]
    if len(todo) < len(jobs):
        before = f"{len(jobs) - len(todo)} of {len(jobs)} recordings are there from the run before"
        progress(f"{before}, which did not come to its end (--anew records them again)")
    clock = _Clock(todo, guests)
    expected = max(1, round(clock.expected() / 60))
    progress(f"{len(todo)} recordings, about {expected} min on two cores at rest")
    failed = []
    for stage, width in _stages(todo, guests):
        for job, why, paths in _side_by_side(stage, width):
            if why:
                failed.append(f"{job.name}: {why}")
            else:
                manifest.write(*paths)
                journal.add(job, paths)
            progress(f"{job.name}: {why or 'written'}; {clock.after(job)}")
    if failed:
        raise GuestError("; ".join(failed))
    journal.end()


def _stages(jobs: list[Job], guests: int) -> Iterator[tuple[list[Job], int]]:
    """Machines first, on which all else rests; races last, one at a time; long jobs early."""
    machines = [job for job in jobs if job.scenario == "machine"]
    alone = [job for job in jobs if job.scenario in ALONE]
    others = [job for job in jobs if job not in machines and job not in alone]
    yield machines, guests
    yield sorted(others, key=lambda job: -job.seconds), guests
    yield alone, 1


def _side_by_side(jobs: list[Job], width: int) -> Iterator[tuple[Job, str, tuple[Path, ...]]]:
    """Each job as it ends, with what went wrong, or the files it wrote."""
    children: list[subprocess.Popen[str]] = []
    over = Event()
    with ThreadPoolExecutor(width) as pool:
        futures = {pool.submit(_child, job, children, over): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], *future.result()
        finally:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.kill()  # its guest ends with it


def _child(
    job: Job, children: list[subprocess.Popen[str]], over: Event
) -> tuple[str, tuple[Path, ...]]:
    kernel = job.kernel
    where = [kernel.version] if kernel.suite else [str(kernel.vmlinuz), str(kernel.modules)]
    command = ending_with_us(sys.executable, "-P", "-m", __name__, job.scenario, job.lab, *where)
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process, which ends the others
    ) as child:
        children.append(child)
        if over.is_set():
            child.kill()
        said, _ = child.communicate()
    try:
        told = json.loads(said)
    except ValueError:
        return f"its process ended with status {child.returncode}", ()
    return told["why"], tuple(map(Path, told["paths"]))


class _Clock:
    """How long the jobs that are left will take, as far as those that are done tell."""

    def __init__(self, jobs: list[Job], guests: int) -> None:
        self.left, self.guests = list(jobs), guests
        self.whole, self.began = self.expected(), time.monotonic()

    def expected(self) -> float:
        """Seconds, by SECONDS alone."""
        guests = {True: 1, False: self.guests}
        return sum(job.seconds / guests[job.scenario in ALONE] for job in self.left)

    def after(self, job: Job) -> str:
        self.left.remove(job)
        left = self.expected()
        pace = (time.monotonic() - self.began) / (self.whole - left)
        return f"{len(self.left)} left, about {max(1, round(left * pace / 60))} min"


class _Journal:
    """What a run has written: lines of [sources, [scenario, kernel, lab], {path: digest}]."""

    def __init__(self) -> None:
        self.path = cache_dir().parent / "recording.jsonl"
        self.sources = _sources()
        self.known: dict[tuple[str, ...], dict[str, str]] = {}
        with suppress(FileNotFoundError):
            for line in self.path.read_text().splitlines():
                sources, job, files = json.loads(line)
                if sources == self.sources:
                    self.known[tuple(job)] = files

    def has(self, job: Job) -> bool:
        """Whether the job is done, and its files are as it left them."""
        files = self.known.get(_key(job))
        return files is not None and all(
            Path(name).is_file() and manifest.digest(Path(name)) == known
            for name, known in files.items()
        )

    def add(self, job: Job, paths: Sequence[Path]) -> None:
        below = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
        files = {str(file.resolve()): manifest.digest(file) for file in below}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as out:
            out.write(json.dumps([self.sources, _key(job), files]) + "\n")

    def end(self) -> None:
        self.path.unlink(missing_ok=True)
        self.known.clear()


def _key(job: Job) -> tuple[str, ...]:
    return job.scenario, job.kernel.sha256, job.lab


def _sources() -> str:
    """A digest of this package: other sources may record otherwise."""
    found = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.[pc]*")):
        if path.suffix in (".py", ".c"):
            found.update(path.read_bytes())
    return found.hexdigest()


def main(scenario: str, lab: str, *where: str) -> None:
    """Do one job and say as JSON what went wrong, and which files were written."""
    told: dict[str, Any] = {"why": "", "paths": []}
    try:
        by_hand, of = len(where) > 1, LABS[lab].flavour
        kernel = cache.custom(*map(Path, where)) if by_hand else cache.get(where[0], flavour=of)
        job = Job(scenario, kernel, lab)
        paths = do(job, lambda line: print(line, file=sys.stderr, flush=True))
        told["paths"] = [str(path) for path in paths]
    except (GuestError, KernelError, ValueError, OSError) as error:
        told["why"] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
