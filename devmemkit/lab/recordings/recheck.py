"""A recorded random run compared with today's model, on every core."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from functools import cache, partial
from typing import NamedTuple

from devmemkit.lab.compare import Finding
from devmemkit.lab.fuzz.generate import PROCESSES
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.processes import cores, processes
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.judge import judge_acts
from devmemkit.lab.recordings.recording import Recording, RecordingError
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import label
from devmemkit.scenarios.play import play

CHUNK = 4
"""Sequences that a worker takes at a time: about a tenth of a second."""
EVERY = 3.0
"""Seconds between two lines of progress."""


class Part(NamedTuple):
    """One sequence of a kernel's run: its number, its acts and how they ended, a line each."""

    version: str
    lab: str
    number: int
    acts: bytes
    ends: bytes


def parts(recording: Recording) -> list[Part]:
    """The sequences of a recorded run; RecordingError when the files do not fit together."""
    acts, ends = runs.operations_of(recording), runs.ends_of(recording)
    if not 0 < len(ends) <= len(acts):
        raise RecordingError(
            f"conform/{recording.label}.json: expected ends of 1 to {len(acts)} sequences, "
            f"got {len(ends)}"
        )
    lines = enumerate(zip(acts, ends, strict=False))  # another kernel may have needed more acts
    return [Part(recording.version, recording.lab, number, *both) for number, both in lines]


def judge_run(recording: Recording, progress: Progress, workers: int = 0) -> Finding:
    """Play a whole recorded run on the model, with so many processes (0: one a core).

    The first difference of each sequence comes first: the others may follow from it.
    RecordingError when the recording is not what it says.
    """
    found = parts(recording)
    judged: list[Finding] = []
    compared, said = 0, time.monotonic()
    for one in _judged(found, min(workers or cores(), -(-len(found) // CHUNK))):
        judged.append(one)
        compared += one.compared
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            progress(
                f"Linux {recording.label}, random operations: {len(judged)} of {len(found)} "
                f"sequences, {compared} outcomes compared"
            )
    first = [one.differences[0] for one in judged if one.differences]
    more = [difference for one in judged for difference in one.differences[1:]]
    kept = recording.content["conform"]["ops"]
    if not first and compared != kept:
        raise RecordingError(
            f"conform/{recording.label}.json: expected {kept} outcomes to compare, as many as "
            f"when it was recorded, got {compared}"
        )
    return Finding.of("random operations", compared, (*first, *more))


def _judged(found: list[Part], workers: int) -> Iterator[Finding]:
    if workers == 1:
        yield from map(judge_part, found)
    else:
        with processes(workers, _prepare, found[0].version, found[0].lab) as pool:
            yield from pool.map(judge_part, found, chunksize=CHUNK)


def _prepare(version: str, lab: str) -> None:
    _before(version, lab)
    gc.freeze()  # the garbage collector need not look at what stays


@cache
def _before(version: str, lab: str) -> Machine:
    return before(PROCESSES, KernelProfile(version), lab)


def judge_part(part: Part) -> Finding:
    """Play a sequence on the model and compare each act's outcome with the kernel's."""
    acts = runs.decode_sequence(part.number, part.acts, part.lab).acts
    of = label(part.version, part.lab)
    where = f"conform/{of}.json: outcomes of sequence {part.number}"
    performed = runs.decode_performed(acts, part.ends, where)
    found = judge_acts(
        f"sequence {part.number}", acts, performed, partial(play, _before(part.version, part.lab))
    )
    differences = tuple(f"{found.name}: {difference}" for difference in found.differences)
    return found._replace(differences=differences)
