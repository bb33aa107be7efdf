"""The messages of the page: each a JSON object, answered by a JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from devmemkit.explore.search import WATCHERS

HANDLERS = {"ask": "ask", "explorer": "explorers", "change": "explorers", "states": "states"}
"""The module of site/live that has the function of each message, imported when it is asked for."""

_listeners: list[Callable[[str], object]] = []


def handle(message: str, listener: Callable[[str], object] | None = None) -> str:
    """Answer a message: its field "do" names the function, the others are its arguments.

    A ValueError's sentence is the answer's field "error". The `listener` is told what is done.
    """
    asked = json.loads(message)
    name = asked.pop("do")
    answers: Callable[..., Any] = getattr(
        import_module(f"devmemkit.site.live.{HANDLERS[name]}"), name
    )
    try:
        with _told(listener):
            return json.dumps(answers(**asked))
    except ValueError as error:
        return json.dumps({"error": str(error)})


def say(what: str) -> None:
    """Tell the page what is being done."""
    for listener in _listeners:
        listener(what)


@contextmanager
def _told(listener: Callable[[str], object] | None) -> Iterator[None]:
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
