"""How many orders a scenario's steps have, and how many of them differ.

Two orders do not differ when one becomes the other by exchanging neighbours that commute: steps of
two tasks of which neither replaces what the other touches. Of such orders exactly one is counted
(sleep sets: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, 1996).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from devmemkit.explore.check import searched
from devmemkit.explore.learn import Leaf
from devmemkit.explore.search import Bounds
from devmemkit.scenarios.races.scenario import Concurrent

MOST = 20_000
"""States up to which orders are counted."""


class Orders(NamedTuple):
    """All orders of the steps from the start until nobody can go on, and those that differ."""

    all: int
    different: int


def orders(scenario: Concurrent) -> Orders | None:
    """Count the orders; None for a scenario with loops or a clock, or of more than MOST states."""
    bounds = Bounds(states=MOST)
    system, found = searched(scenario, bounds, partial_order=False, symmetry=False, asks=False)
    if scenario.loops or found.bound:
        return None
    trees = system.trees

    def leaves(state: int) -> dict[int, Leaf]:
        both = ((task, tree.at(state)) for task, tree in enumerate(trees))
        return {task: leaf for task, leaf in both if leaf.said is not None}

    if any(
        leaf.blocked is not None and leaf.blocked.until is not None
        for tree in trees
        for leaf in tree.leaves
    ):
        return None  # fmt: skip

    @cache
    def every(state: int) -> int:
        ways = [every(state & leaf.keep | leaf.put) for leaf in leaves(state).values()]
        return sum(ways) if ways else 1

    @cache
    def apart(state: int, asleep: frozenset[int]) -> int:
        steps = leaves(state)
        if not steps:
            return 1
        total, done = 0, set(asleep)
        for task, leaf in steps.items():
            if task not in asleep:
                still = (other for other in done if _commute(leaf, steps[other]))
                total += apart(state & leaf.keep | leaf.put, frozenset(still))
                done.add(task)
        return total

    return Orders(every(system.start), apart(system.start, frozenset()))


@cache
def _touches(leaf: Leaf) -> tuple[frozenset[object], frozenset[object]]:
    return frozenset(leaf.reads) | frozenset(leaf.writes), frozenset(leaf.writes)


def _commute(one: Leaf, other: Leaf) -> bool:
    (touches, writes), (others, other_writes) = _touches(one), _touches(other)
    return not (writes & others or other_writes & touches)
