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
from devmemkit.explore.counterexample import TIME, Counterexample, Step, replay
from devmemkit.explore.lasso import Graph, Way, lasso, shortest
from devmemkit.explore.learn import Tree
from devmemkit.explore.search import NOWHERE, Bounds
from devmemkit.explore.system import CLOCK, System
from devmemkit.scenarios.races.scenario import Concurrent, Predicate


@dataclass(frozen=True, slots=True)
class Progress:
    """`holds` unless a way round the goal was found, None when a bound was hit.

    `states` are those of the whole graph; `stuck` says how it is avoided: "for ever", or "ends".
    Then `into` are the steps up to there, `around` those of one round, of which there is no end.
    """

    holds: bool | None
    states: int
    stuck: str = ""
    into: tuple[Step, ...] = ()
    around: tuple[Step, ...] = ()

    def line(self) -> str:
        """The steps in one line: those of the round behind "for ever"; "" when it holds."""
        into, around = Counterexample("", self.into), Counterexample("", self.around)
        parts = [into.line(), *(["for ever", around.line()] if self.around else [])]
        return " ".join(part for part in parts if part)


def must_come(scenario: Concurrent, goal: Predicate, bounds: Bounds = NOWHERE) -> Progress:
    """Whether `goal` holds some time in every weakly fair schedule."""
    system, found = searched(scenario, bounds, partial_order=False, symmetry=False, asks=False)
    states = len(found.before)
    if found.bound:
        return Progress(None, states)
    reached = Tree(system.space, goal, lambda leaf: None)
    avoiding = _avoiding(system, reached)
    ends = {state for state, after in avoiding.items() if not after}
    if ends:
        into: Way = []
        if system.start not in ends:
            into, _ = shortest(avoiding, system.start, avoiding, lambda _, after: after in ends)
        return Progress(False, states, "ends", *_steps(system, into, []))
    for part in _components(avoiding):
        turns = _turns(system, part, avoiding)
        if turns:
            ways = lasso(avoiding, system.start, part, turns)
            return Progress(False, states, "for ever", *_steps(system, *ways))
    return Progress(True, states)


def _steps(system: System, into: Way, around: Way) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    names = [TIME if task == CLOCK else system.tasks[task] for task in into + around]
    steps = replay(system.scenario, names)
    return steps[: len(into)], steps[len(into) :]


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


def _turns(system: System, part: set[int], graph: Graph) -> set[int]:
    """The tasks that take steps when a schedule stays in a part for ever; none if it is unfair."""
    inside = {task for state in part for task, after in graph[state] if after in part}
    always = set(range(CLOCK, len(system.tasks)))
    for state in part:
        always &= {task for task, _ in graph[state]}
    return inside if always <= inside else set()


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
