"""The model's side of a live comparison: sequences played ahead, in a process of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from devmemkit.lab.fuzz.generate import Sequence, sequence
from devmemkit.lab.processes import processes
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.play import play

AHEAD = 16
"""Sequences that the model may be in front of the guest."""


class Expected(NamedTuple):
    """A sequence and what the model says of it, by key."""

    sequence: Sequence
    outcomes: dict[str, Outcome]


def machine(profile: KernelProfile) -> Machine:
    """The lab's machine with the two processes that every sequence begins with."""
    return before("PQ", profile)


_before: list[Machine] = []  # the worker's; set once by _prepare


def _prepare(profile: KernelProfile) -> None:
    _before[:] = [machine(profile)]


def _expect(seed: int, index: int, recorded: Sequence | None) -> Expected:
    made = recorded or sequence(seed, index)
    return Expected(made, play(_before[0], made.acts).outcomes)


@contextmanager
def expected(
    profile: KernelProfile, seed: int, recorded: tuple[Sequence, ...] = ()
) -> Iterator[Iterator[Expected]]:
    """All sequences of a seed, without end, played on the model of `profile` in the background.

    Those that were `recorded` stand for the seed's first.
    """
    with processes(1, _prepare, profile) as pool:

        def each() -> Iterator[Expected]:
            waiting: deque[Future[Expected]] = deque()
            for index in count():
                known = recorded[index] if index < len(recorded) else None
                waiting.append(pool.submit(_expect, seed, index, known))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()

        yield each()
