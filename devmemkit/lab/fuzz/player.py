"""The model's side of a live comparison: sequences played ahead, in a process of their own."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from typing import NamedTuple

from devmemkit.lab.fuzz.generate import Sequence, sequence
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.story import play

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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the one who plays
    _before[:] = [machine(profile)]


def _expect(seed: int, index: int) -> Expected:
    made = sequence(seed, index)
    return Expected(made, play(_before[0], made.acts).outcomes)


@contextmanager
def expected(profile: KernelProfile, seed: int) -> Iterator[Iterator[Expected]]:
    """All sequences of a seed, without end, played on the model of `profile` in the background."""
    # spawned: a fork would inherit threads and the guest's port
    with ProcessPoolExecutor(1, get_context("spawn"), _prepare, (profile,)) as pool:

        def each() -> Iterator[Expected]:
            waiting: deque[Future[Expected]] = deque()
            for index in count():
                waiting.append(pool.submit(_expect, seed, index))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()

        try:
            yield each()
        finally:
            pool.shutdown(cancel_futures=True)
