"""Events: one vocabulary for the model, the explorer and real kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devmemkit.model.errors import Outcome


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an actor in an operation, with the keys of the components it read and changed.

    `outcome` is None except after an operation's last step.
    """

    actor: str
    operation: str
    step: str
    reads: frozenset[Any]
    changed: frozenset[Any]
    outcome: Outcome | None
