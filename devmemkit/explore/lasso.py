"""Schedules that never end: a path into a part of the graph, and a cycle inside that part."""

from __future__ import annotations

from collections.abc import Callable, Container

Graph = dict[int, list[tuple[int, int]]]
"""By state: the tasks that can take a step, by number, each with the state after its step."""
Path = list[int]
"""The numbers of the tasks that take a step, in order."""


def shortest(
    graph: Graph, start: int, inside: Container[int], is_end: Callable[[int, int], bool]
) -> tuple[Path, int]:
    """The shortest path `inside` whose last step (task, state after it) `is_end`, and that state.

    AssertionError when there is none.
    """
    paths: dict[int, Path] = {start: []}
    level = [start]
    while level:
        next_level = []
        for state in level:
            for task, after in graph[state]:
                if after not in inside:
                    continue
                if is_end(task, after):
                    return [*paths[state], task], after
                if after not in paths:
                    paths[after] = [*paths[state], task]
                    next_level.append(after)
        level = next_level
    raise AssertionError("no path leads there")


def lasso(graph: Graph, start: int, part: set[int], tasks: set[int]) -> tuple[Path, Path]:
    """A path into a strongly connected part, and a cycle in it in which each task takes a step."""
    prefix: Path = []
    state = start
    if start not in part:
        prefix, state = shortest(graph, start, graph, lambda _, after: after in part)
    entry, cycle = state, list[int]()
    for wanted in sorted(tasks):
        if wanted not in cycle:
            path, state = shortest(
                graph,
                state,
                part,
                lambda task, _, wanted=wanted: task == wanted,  # type: ignore[misc]
            )
            cycle += path
    if state != entry or not cycle:
        cycle += shortest(graph, state, part, lambda _, after: after == entry)[0]
    return prefix, cycle
