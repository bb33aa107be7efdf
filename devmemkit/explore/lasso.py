"""Paths, cycles and strongly connected parts of a state graph: the shape of endless schedules."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

Graph = dict[int, list[tuple[int, int]]]
"""By state: the tasks that can take a step, by number, each with the state after its step."""
Path = list[tuple[int, int]]
"""Steps in order: the number of the task, and the state after its step."""
Test = Callable[[int, int], bool]
"""A test of a step: of the task, and of the state after it."""


def shortest(graph: Graph, start: int, inside: Container[int], is_end: Test) -> Path:
    """The shortest path `inside` whose last step passes `is_end`; AssertionError without one."""
    paths: dict[int, Path] = {start: []}
    level = [start]
    while level:
        next_level = []
        for state in level:
            for task, after in graph[state]:
                if after not in inside:
                    continue
                path = [*paths[state], (task, after)]
                if is_end(task, after):
                    return path
                if after not in paths:
                    paths[after] = path
                    next_level.append(after)
        level = next_level
    raise AssertionError("no path leads there")


def lasso(graph: Graph, start: int, part: set[int], wanted: list[Test]) -> tuple[Path, Path]:
    """A path into a strongly connected part, and a cycle in it with a step for each test."""
    prefix: Path = []
    if start not in part:
        prefix = shortest(graph, start, graph, lambda _, after: after in part)
    entry = state = prefix[-1][1] if prefix else start
    cycle: Path = []
    for test in wanted:
        if not any(test(*step) for step in cycle):
            cycle += shortest(graph, state, part, test)
            state = cycle[-1][1]
    if state != entry or not cycle:
        cycle += shortest(graph, state, part, lambda _, after: after == entry)
    return prefix, cycle


def strongly_connected(graph: Graph) -> Iterator[set[int]]:
    """The strongly connected parts of a graph, each after those that it leads to.

    Source: Kosaraju's algorithm (Sharir 1981).
    """
    before: dict[int, list[int]] = {state: [] for state in graph}
    for state, successors in graph.items():
        for _, after in successors:
            if after in graph:
                before[after].append(state)
    seen: set[int] = set()
    finished: list[int] = []  # in the order in which a search against the arrows leaves them
    todo = [(state, False) for state in graph]
    while todo:
        state, was_visited = todo.pop()
        if was_visited:
            finished.append(state)
        elif state not in seen:
            seen.add(state)
            todo += [(state, True), *((one, False) for one in before[state])]
    # `seen` has all states now; from here on it has those that are in no part yet
    for root in reversed(finished):
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
