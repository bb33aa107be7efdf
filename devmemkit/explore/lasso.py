"""Schedules that never end: a way to a part of the graph, and a way round in it for ever."""

from __future__ import annotations

from collections.abc import Callable, Container

Moves = list[tuple[int, int]]
"""The tasks that can take a step, by number, and the state that each leads to."""
Graph = dict[int, Moves]
Way = list[int]
"""The numbers of the tasks that take a step, one after the other."""


def shortest(
    graph: Graph, start: int, inside: Container[int], is_end: Callable[[int, int], bool]
) -> tuple[Way, int]:
    """The shortest way to a move (task, state behind it) that `is_end`, and where that leads.

    It stays `inside`. AssertionError when there is none.
    """
    ways: dict[int, Way] = {start: []}
    level = [start]
    while level:
        following = []
        for state in level:
            for task, after in graph[state]:
                if after not in inside:
                    continue
                if is_end(task, after):
                    return [*ways[state], task], after
                if after not in ways:
                    ways[after] = [*ways[state], task]
                    following.append(after)
        level = following
    raise AssertionError("no way leads there")


def lasso(graph: Graph, start: int, part: set[int], tasks: set[int]) -> tuple[Way, Way]:
    """The way into a strongly connected part, and one round in it in which each task has a turn."""
    into: Way = []
    at = start
    if start not in part:
        into, at = shortest(graph, start, graph, lambda _, after: after in part)
    anchor, around = at, list[int]()
    for turn in sorted(tasks):
        if turn not in around:
            way, at = shortest(graph, at, part, lambda task, _, turn=turn: task == turn)  # type: ignore[misc]
            around += way
    if at != anchor or not around:
        around += shortest(graph, at, part, lambda _, after: after == anchor)[0]
    return into, around
