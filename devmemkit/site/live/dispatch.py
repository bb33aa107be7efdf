"""The messages of the page: each a JSON object, answered by a JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

HANDLERS: dict[str, Callable[..., dict[str, Any]]] = {}
"""What answers a message, by its field "do"; its other fields are the arguments."""


def handle(message: str) -> str:
    """Answer a message; a ValueError's sentence is the answer's field "error"."""
    asked = json.loads(message)
    try:
        return json.dumps(HANDLERS[asked.pop("do")](**asked))
    except ValueError as error:
        return json.dumps({"error": str(error)})
