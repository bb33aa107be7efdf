"""Paths through a graph: the shortest inside a part, a cycle in which each task takes a step."""

from __future__ import annotations

import pytest

from devmemkit.explore.lasso import lasso, shortest

# state: [(task, state after its step)]
GRAPH = {
    0: [(0, 9), (1, 1)],
    1: [(0, 2), (1, 3)],
    2: [(1, 1)],
    3: [(0, 1)],
    9: [(0, 3)],
}


def test_the_shortest_path_stays_inside() -> None:
    everywhere = shortest(GRAPH, 0, GRAPH, lambda _, after: after == 3)
    assert everywhere == [(0, 9), (0, 3)]
    inside = shortest(GRAPH, 0, {0, 1, 2, 3}, lambda _, after: after == 3)
    assert inside == [(1, 1), (1, 3)]
    with pytest.raises(AssertionError, match="no path leads there"):
        shortest(GRAPH, 0, {0, 1}, lambda _, after: after == 3)


def test_a_cycle_in_which_each_task_takes_a_step() -> None:
    takes = [lambda task, _, one=one: task == one for one in (0, 1)]
    into, around = lasso(GRAPH, 0, {1, 2, 3}, takes)
    assert into == [(1, 1)]
    assert (len(around), {task for task, _ in around}) == (2, {0, 1})
    at = 1
    for task, after in around:
        assert dict(GRAPH[at])[task] == after
        at = after
    assert at == 1


def test_a_cycle_goes_through_a_state() -> None:
    for state in (2, 3):
        _, around = lasso(GRAPH, 0, {1, 2, 3}, [lambda _, after, state=state: after == state])
        assert state in {after for _, after in around}
