"""Worker processes for the model's plays: an interrupt is the caller's, and none outlives it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


def cores() -> int:
    """As many processes as can run here at a time."""
    return len(os.sched_getaffinity(0))


@contextmanager
def processes(
    workers: int, prepare: Callable[..., object], *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many processes, each of which begins with `prepare(*arguments)`.

    At the end they finish what they are at, and nothing that waits. They end at once when this
    process does, in whatever way.
    """
    context = get_context("spawn")  # a fork would inherit threads and a guest's port
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _begin, (theirs, prepare, arguments))
    with theirs, pool, ours:
        # inherited: an interrupt of the terminal is for this process alone, from their start on
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(workers):
                pool.submit(bool)  # starts one; later there would be no mask
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
        try:
            yield pool
        finally:
            # `ours` closes after that: one that is killed in the middle of an answer would leave
            # us waiting for the rest. A second interrupt does not wait.
            pool.shutdown(cancel_futures=True)


def _begin(port: Connection, prepare: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with, args=(port,), daemon=True).start()
    prepare(*arguments)


def _end_with(port: Connection) -> None:
    """Nothing ever comes; the pipe ends when the other end closes, as when its process is gone."""
    try:
        port.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
