"""Progress: whether something must come about, however the tasks are scheduled.

A schedule counts if it is weakly fair: a task that can always go on does go on some time. What must
come about does not when a fair schedule avoids it for ever, or when all comes to an end before.
Found on the whole graph, without reductions: in the strongly connected part of it that avoids the
goal, and in which each task either takes a step or cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devmemkit.explore.check import searched
from devmemkit.explore.learn import Tree
from devmemkit.explore.search import NOWHERE, Bounds
from devmemkit.explore.system import CLOCK, System
from devmemkit.scenarios.concurrent import Concurrent, Predicate


@dataclass(frozen=True, slots=True)
class Progress:
    """`holds` unless a way round the goal was found, None when a bound was hit.

    `states` are those of the whole graph; `stuck` says how it is avoided: "for ever", or "ends".
    """

    holds: bool | None
    states: int
    stuck: str = ""


def must_come(scenario: Concurrent, goal: Predicate, bounds: Bounds = NOWHERE) -> Progress:
    """Whether `goal` holds some time in every weakly fair schedule."""
    system, found = searched(scenario, bounds, partial_order=False, symmetry=False, asks=False)
    states = len(found.before)
    if found.bound:
        return Progress(None, states)
    reached = Tree(system.space, goal, lambda leaf: None)
    avoiding = _avoiding(system, reached)
    if any(not after for after in avoiding.values()):
        return Progress(False, states, "ends")
    for part in _components(avoiding):
        if _is_fair(system, part, avoiding):
            return Progress(False, states, "for ever")
    return Progress(True, states)


Graph = dict[int, list[tuple[int, int]]]


def _avoiding(system: System, reached: Tree) -> Graph:
    """The states that are reached without the goal, and all moves from there."""
    graph: Graph = {}
    todo = [system.start]
    while todo:
        state = todo.pop()
        if state not in graph and not reached.at(state).said:
            graph[state] = system.moves(state)
            todo += [after for _, after in graph[state]]
    return graph


def _is_fair(system: System, part: set[int], graph: Graph) -> bool:
    """Whether a schedule can stay in a part for ever without putting anybody off."""
    inside = {task for state in part for task, after in graph[state] if after in part}
    always = set(range(CLOCK, len(system.tasks)))
    for state in part:
        always &= {task for task, _ in graph[state]}
    return bool(inside) and always <= inside


def _components(graph: Graph) -> Iterator[set[int]]:
    """The strongly connected parts (Tarjan 1972), without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in graph:
        work = [(root, iter(graph[root]))] if root not in order else []
        while work:
            state, moves = work[-1]
            if state not in order:
                order[state] = low[state] = len(order)
                stack.append(state)
                on_stack.add(state)
            for _, after in moves:
                if after not in graph:
                    continue  # the goal
                if after not in order:
                    work.append((after, iter(graph[after])))
                    break
                if after in on_stack:
                    low[state] = min(low[state], order[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[state])
                if low[state] == order[state]:
                    part = set()
                    while state not in part:
                        part.add(stack.pop())
                    on_stack -= part
                    yield part
