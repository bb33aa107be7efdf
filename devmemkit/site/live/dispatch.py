"""The messages of the page: each a JSON object, answered by a JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from devmemkit.site.live.progress import told

HANDLERS = {"ask": "ask", "explorer": "explorers", "change": "explorers", "states": "states"}
"""The module of site/live that has the function of each message, imported when it is asked for."""


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
        with told(listener):
            return json.dumps(answers(**asked))
    except ValueError as error:
        return json.dumps({"error": str(error)})
