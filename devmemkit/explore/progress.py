"""Progress: whether every fair schedule reaches a goal.

A schedule is *weakly fair* if each task that can take a step in all states from some point on takes
one behind that point (Manna and Pnueli, The Temporal Logic of Reactive and Concurrent Systems,
1992, call it justice). The goal is missed when a weakly fair schedule avoids it forever, or when
the scenario ends without it. Both are found on the whole graph, without reductions. From some step
on, an endless schedule stays in one strongly connected part of the states before the goal. If it is
fair, then each task, the clock too, takes a step inside that part, or cannot take one in some state
of it. Where that is so, a cycle through all states and steps of the part is fair.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from devmemkit.explore.counterexample import Step, line, replay
from devmemkit.explore.lasso import Graph, Path, Test, lasso, shortest, strongly_connected
from devmemkit.explore.learn import Tree
from devmemkit.explore.search import search
from devmemkit.explore.system import System
from devmemkit.scenarios.races.scenario import Concurrent, Predicate


@dataclass(frozen=True, slots=True)
class Progress:
    """`holds` unless a schedule that misses the goal was found; None when a bound was reached.

    `states` were searched: all of them, unless a bound was reached. `stuck` says how the goal is
    missed: "ends" after the steps of `prefix`, or "for ever" with the steps of `cycle` repeated
    behind it.
    """

    holds: bool | None
    states: int
    stuck: str = ""
    prefix: tuple[Step, ...] = ()
    cycle: tuple[Step, ...] = ()

    def line(self) -> str:
        """The steps in one line, those of the cycle after "for ever"; "" when the goal is met."""
        parts = [line(self.prefix), *(["for ever", line(self.cycle)] if self.cycle else [])]
        return " ".join(part for part in parts if part)


def must_come(scenario: Concurrent, goal: Predicate, most: int | None = None) -> Progress:
    """Whether `goal` holds some time in every weakly fair schedule."""
    system, found = search(scenario, most)
    states = found.states
    if found.bound:
        return Progress(None, states)
    graph = _graph_before(system, Tree(system.space, goal))
    ends = {state for state, successors in graph.items() if not successors}
    if ends:
        path: Path = []
        if system.space.start not in ends:
            path = shortest(graph, system.space.start, graph, lambda _, after: after in ends)
        return Progress(False, states, "ends", *_steps(system, path, []))
    for part in strongly_connected(graph):
        wanted = _fairness(system, part, graph)
        if wanted:
            paths = lasso(graph, system.space.start, part, wanted)
            return Progress(False, states, "for ever", *_steps(system, *paths))
    return Progress(True, states)


def _steps(system: System, prefix: Path, cycle: Path) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    steps = replay(system.scenario, [system.task_name(task) for task, _ in prefix + cycle])
    return steps[: len(prefix)], steps[len(prefix) :]


def _graph_before(system: System, goal: Tree) -> Graph:
    """The states that are reached without meeting the goal, and all steps from them."""
    graph: Graph = {}
    todo = [system.space.start]
    while todo:
        state = todo.pop()
        if state not in graph and not goal.at(state).result:
            graph[state] = system.successors(state)
            todo += [after for _, after in graph[state]]
    return graph


def _fairness(system: System, part: set[int], graph: Graph) -> list[Test]:
    """What a cycle in a part must pass to be fair; nothing if the part has no fair cycle.

    Each task takes a step in it, or cannot take one in some state of it.
    """
    inside = {task for state in part for task, after in graph[state] if after in part}
    others = {task for state in part for task, _ in graph[state]} - inside
    blocked = {one: {s for s in part if one not in dict(graph[s])} for one in others}
    if not inside or not all(blocked.values()):
        return []
    steps: list[Test] = [partial(_takes_a_step, one) for one in sorted(inside)]
    return steps + [partial(_is_in, blocked[one]) for one in sorted(others)]


def _takes_a_step(wanted: int, task: int, _: int) -> bool:
    return task == wanted


def _is_in(states: set[int], _: int, after: int) -> bool:
    return after in states
