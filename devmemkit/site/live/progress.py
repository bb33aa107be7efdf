"""What the page says while Python works on an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devmemkit.explore.search import WATCHERS

_listeners: list[Callable[[str], object]] = []


def say(what: str) -> None:
    """Tell the page what is being done."""
    for listener in _listeners:
        listener(what)


@contextmanager
def told(listener: Callable[[str], object] | None) -> Iterator[None]:
    """Call the listener with what is said, and with the states that a search has found so far."""
    if listener is None:
        yield
        return

    def searched(states: int) -> None:
        say(f"searching: {states:,} states")

    _listeners.append(listener)
    WATCHERS.append(searched)
    try:
        yield
    finally:
        _listeners.remove(listener)
        WATCHERS.remove(searched)
