"""Breadth-first search of all states that the tasks' steps can lead to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from devmemkit.explore.symmetry import Symmetry
from devmemkit.explore.system import System

DEADLOCK = "deadlock"
"""The name of what is broken where nobody can go on and somebody waits."""

Canonical = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a search gives up, None: nowhere. What is beyond stays unknown."""

    states: int | None = None
    seconds: float | None = None


NOWHERE = Bounds()


@dataclass
class Searched:
    """What a search met: `before` has each state and the one from which it was reached first.

    `ends` are the states in which nobody can go on. `broken` names the first property that did not
    hold, in state `bad`; `seen` those "sometimes" that did. `bound` says which bound was hit.
    With `canonical` the states are representatives.
    """

    canonical: Canonical | None = None
    before: dict[int, int] = field(default_factory=dict)
    transitions: int = 0
    ends: list[int] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    broken: str = ""
    bad: int = 0
    bound: str = ""


def search(
    system: System,
    bounds: Bounds = NOWHERE,
    *,
    symmetry: bool = False,
    asks: bool = True,
) -> Searched:
    """Every state, breadth first, until a property does not hold or a bound is hit.

    Without `asks` nothing is a finding. With `symmetry` one state stands for all that differ in the
    names of tasks alike.
    """
    canonical = Symmetry(system.space).canonical if symmetry else None
    found = Searched(canonical)
    start = canonical(system.start) if canonical else system.start
    before = found.before
    before[start] = start
    level = [start]
    until = None if bounds.seconds is None else time.monotonic() + bounds.seconds
    while level and not found.bound:
        following: list[int] = []
        for state in level:
            moves = system.moves(state)
            if asks and _is_bad(system, state, bool(moves), found):
                return found
            if not moves:
                found.ends.append(state)
            if canonical is not None:
                moves = [(task, canonical(after)) for task, after in moves]
            found.transitions += len(moves)
            for _, after in moves:
                if after not in before:
                    before[after] = state
                    following.append(after)
        level = following
        if bounds.states is not None and len(before) > bounds.states:
            found.bound = f"{bounds.states} states"
        elif until is not None and time.monotonic() > until:
            found.bound = f"{bounds.seconds} seconds"
    return found


def _is_bad(system: System, state: int, goes_on: bool, found: Searched) -> bool:
    broken = system.broken(state, "always")
    if not goes_on and not broken:
        broken = DEADLOCK if system.waiting(state) else system.broken(state, "at end")
    if broken:
        found.broken, found.bad = broken, state
        return True
    for name, tree in system.asked["sometimes"]:
        if name not in found.seen and tree.at(state).said:
            found.seen.add(name)
    return False
