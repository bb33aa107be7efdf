"""Paths, cycles and strongly connected parts of a state graph: the shape of endless schedules."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

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


def strongly_connected(graph: Graph) -> Iterator[set[int]]:
    """The strongly connected parts of a graph, the last first (Kosaraju; Sharir 1981)."""
    before: dict[int, list[int]] = {state: [] for state in graph}
    for state, successors in graph.items():
        for _, after in successors:
            if after in graph:
                before[after].append(state)
    seen: set[int] = set()
    left: list[int] = []  # in the order in which a search against the arrows leaves them
    todo = [(state, False) for state in graph]
    while todo:
        state, was_visited = todo.pop()
        if was_visited:
            left.append(state)
        elif state not in seen:
            seen.add(state)
            todo += [(state, True), *((one, False) for one in before[state])]
    for root in reversed(left):
        part: set[int] = set()
        states = [root]
        while states:
            state = states.pop()
            if state in seen:
                seen.remove(state)
                part.add(state)
                states += [after for _, after in graph[state] if after in graph]
        if part:
            yield part
