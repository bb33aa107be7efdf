"""The number of interleavings of a scenario, and of those that differ.

Two interleavings are equivalent when exchanging neighbouring independent steps turns one into the
other; steps of two tasks are independent when neither replaces a component that the other reads or
replaces. Sleep sets count one interleaving of each class (Godefroid, Partial-Order Methods for the
Verification of Concurrent Systems, 1996, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from devmemkit.explore.lasso import strongly_connected
from devmemkit.explore.learn import Leaf
from devmemkit.explore.search import search
from devmemkit.scenarios.races.scenario import Concurrent

MOST_STATES = 20_000
"""States up to which interleavings are counted."""


class Orders(NamedTuple):
    """All interleavings from the start until no task can continue, and those that differ."""

    all: int
    different: int


def orders(scenario: Concurrent) -> Orders | None:
    """Count; None for a scenario with a loop, with a clock, or of more than MOST_STATES states."""
    system, found = search(scenario, MOST_STATES)
    waits = (leaf.blocked for tree in system.trees for leaf in tree.leaves if leaf.blocked)
    if found.bound or any(blocked.until is not None for blocked in waits):
        return None
    graph = {state: system.successors(state) for state in found.parent}
    if any(len(part) > 1 for part in strongly_connected(graph)) or any(
        after == state for state, steps in graph.items() for _, after in steps
    ):
        return None

    def enabled(state: int) -> dict[int, Leaf]:
        leaves = ((task, tree.at(state)) for task, tree in enumerate(system.trees))
        return {task: leaf for task, leaf in leaves if leaf.result is not None}

    def count(independent: Callable[[Leaf, Leaf], bool]) -> int:
        # `asleep`: tasks whose step was taken from an earlier state, with only independent steps
        # since; these orders are counted there, and the step is the same here
        @cache
        def from_state(state: int, asleep: frozenset[int]) -> int:
            steps = enabled(state)
            if not steps:
                return 1
            total, done = 0, set(asleep)
            for task, leaf in steps.items():
                if task not in asleep:
                    still = frozenset(other for other in done if independent(leaf, steps[other]))
                    total += from_state(state & leaf.keep | leaf.put, still)
                    done.add(task)
            return total

        return from_state(system.space.start, frozenset())

    return Orders(count(lambda *_: False), count(cache(_independent)))


def _independent(one: Leaf, other: Leaf) -> bool:
    accesses, other_accesses = (leaf.reads.keys() | leaf.writes.keys() for leaf in (one, other))
    return not (one.writes.keys() & other_accesses or other.writes.keys() & accesses)
