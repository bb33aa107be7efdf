"""A recorded random run held against today's model: each sequence played anew, on every core."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from functools import cache, partial
from typing import NamedTuple

from devmemkit.lab.compare import Verdict, compare, divergence
from devmemkit.lab.fuzz.player import machine
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.processes import cores, processes
from devmemkit.lab.recordings.judge import unplayable
from devmemkit.lab.recordings.random_runs import (
    decode_performed,
    decode_sequence,
    ends_of,
    operations_of,
)
from devmemkit.lab.recordings.recording import Recording, RecordingError
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import play

CHUNK = 4
"""Sequences that a process takes at a time: about a tenth of a second."""
EVERY = 3.0
"""Seconds between two words about progress."""


class Chunk(NamedTuple):
    """Sequences of one kernel's run, `first` and those that follow: the acts, how they ended."""

    version: str
    first: int
    acts: tuple[bytes, ...]
    ends: tuple[bytes, ...]


class Judged(NamedTuple):
    """A chunk after the comparison: outcomes that were compared, what differs by sequence."""

    sequences: int
    compared: int
    differences: tuple[tuple[str, ...], ...]

    def and_(self, more: Judged) -> Judged:
        return Judged(
            self.sequences + more.sequences,
            self.compared + more.compared,
            self.differences + more.differences,
        )


def chunks(recording: Recording) -> list[Chunk]:
    """The run of a recording, in parts; RecordingError when its files are not what they say."""
    acts, ends = operations_of(recording).lines, ends_of(recording)
    if not 0 < len(ends) <= len(acts):
        raise RecordingError(
            f"conform/{recording.version}.json: expected ends of 1 to {len(acts)} sequences, "
            f"got {len(ends)}"
        )
    return [
        Chunk(recording.version, first, acts[first:end], tuple(ends[first:end]))
        for first in range(0, len(ends), CHUNK)
        for end in [min(first + CHUNK, len(ends))]
    ]


def judge_run(recording: Recording, progress: Progress, workers: int = 0) -> Judged:
    """Play all of a recorded run on the model, with so many processes (0: one a core).

    RecordingError when the recording is not what it says.
    """
    parts = chunks(recording)
    workers = min(workers or cores(), len(parts))
    total = Judged(0, 0, ())
    of, said = sum(len(part.acts) for part in parts), time.monotonic()
    for done in _judged(parts, workers):
        total = total.and_(done)
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            progress(
                f"Linux {recording.version}, random operations: {total.sequences} of {of} "
                f"sequences, {total.compared} outcomes compared"
            )
    kept = recording.content["conform"]["ops"]
    if not total.differences and total.compared != kept:
        raise RecordingError(
            f"conform/{recording.version}.json: expected {kept} outcomes to compare, as many as "
            f"when it was recorded, got {total.compared}"
        )
    return total


def _judged(parts: list[Chunk], workers: int) -> Iterator[Judged]:
    """Each part judged, in their order."""
    if workers == 1:
        yield from map(judge_chunk, parts)
        return
    with processes(workers, _prepare, parts[0].version) as pool:
        for coming in [pool.submit(judge_chunk, part) for part in parts]:
            yield coming.result()


def _prepare(version: str) -> None:
    _before(version)
    gc.freeze()  # what stays is not looked at again and again


@cache
def _before(version: str) -> Machine:
    return machine(KernelProfile(version))


def judge_chunk(chunk: Chunk) -> Judged:
    """Play a few sequences and compare each act's outcome with the kernel's."""
    compared, differences = 0, list[tuple[str, ...]]()
    on_model = partial(play, _before(chunk.version))
    for index, (acts, ends) in enumerate(zip(chunk.acts, chunk.ends, strict=True), chunk.first):
        where = f"conform/{chunk.version}.json: outcomes of sequence {index}"
        made = decode_sequence(index, acts).acts
        performed = decode_performed(made, ends, where)
        try:
            played = on_model(made)
        except Exception as error:  # a broken model can raise anything
            differences.append((f"sequence {index}: {unplayable(made, error, on_model)}",))
            continue
        found = compare(played, performed)
        count = found.count()
        compared += count[Verdict.PASSED] + count[Verdict.FAILED]
        if found.divergences:
            each = (f"sequence {index}: {divergence(row)}" for row in found.divergences)
            differences.append(tuple(each))
    return Judged(len(chunk.acts), compared, tuple(differences))
