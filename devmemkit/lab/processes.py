"""Worker processes that play the model: they leave interrupts to their parent and end with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from typing import Any


def cores() -> int:
    """The number of processes that can run here at a time."""
    return len(os.sched_getaffinity(0))


@contextmanager
def processes(
    workers: int, prepare: Callable[..., object], *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many processes, each of which begins with `prepare(*arguments)`.

    At the end they finish their present task and drop those that wait. When this process is
    killed, they end at once.
    """
    context = get_context("spawn")  # a fork would inherit threads and locks
    resource_tracker.ensure_running()  # now, as it unblocks the signal when it starts
    # No interrupt before the pool can be shut down: its semaphores would stay. The workers inherit
    # the mask, as an interrupt from the terminal is for this process alone.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with ProcessPoolExecutor(workers, context, _begin, (prepare, arguments)) as pool:
            for _ in range(workers):
                pool.submit(bool)  # starts a worker, while the mask is set
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, former)
                yield pool
            finally:
                # Never kill a worker: if it is sending an answer, the pool waits for the rest.
                pool.shutdown(cancel_futures=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _begin(prepare: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()  # returns when the parent is gone, however it ended
    os._exit(1)
