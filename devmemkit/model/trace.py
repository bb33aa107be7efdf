"""The event vocabulary: what happened, in the same words for model, explorer and real kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devmemkit.model.errors import Outcome


@dataclass(frozen=True, slots=True)
class Event:
    """One step: who took it, in which operation, what it read and replaced, how it ended.

    `outcome` is set on an operation's last step only.
    """

    actor: str
    operation: str
    step: str
    reads: frozenset[Any]
    changed: frozenset[Any]
    outcome: Outcome | None
