"""A cause of a symptom, and a candidate for one with its rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from devmemkit.explain.advice import Advice
from devmemkit.explain.calls import Calls
from devmemkit.model.machine import Machine

UNKNOWN = "(not known)"
"""The function behind a rule of an architecture that the model has not got."""


@dataclass(frozen=True)
class Cause:
    """`what` gives the symptom, how to `tell` whether it happened, and the kernel function.

    `as_described` says whether the description alone leads to the symptom, `played` whether the
    model does: the other causes are known, and outside of it. `advice` is about the likeliest one.
    """

    what: str
    tell: str
    function: str
    as_described: bool = False
    played: bool = True
    advice: tuple[Advice, ...] = ()


NAMED, LIKELY, EXPECTED, USUAL, UNLIKELY = range(5)
"""How far up a cause is: the symptom names it, its words hint at it, the place makes it likely,
nothing does, the kernel lacks it."""


class Candidate(NamedTuple):
    """A cause, its rank (NAMED and so on), and its calls on a machine; `do` is what helps."""

    rank: float
    cause: Cause
    machine: Machine | None = None
    calls: Calls = ()
    do: str = ""
