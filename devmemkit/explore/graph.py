"""The whole state graph as JSON: every state by its components, every step, all predecessors."""

from __future__ import annotations

from typing import Any

from devmemkit.explore.names import key_text
from devmemkit.explore.search import search
from devmemkit.model.machine import value_of
from devmemkit.scenarios.races.scenario import Concurrent


def graph(scenario: Concurrent, most: int | None = None) -> dict[str, Any]:
    """All states and steps, without reductions.

    "components" are names; "values" has the values of each as text; "states" has, for each state,
    the number of each component's value, the start first; "steps" are [from, to, task, step];
    "before" has the predecessors of each state; "broken" has, by "always" property, the states in
    which it is broken; "bound" is "" for a complete graph.
    """
    system, found = search(scenario, most, check="each")
    index = {state: at for at, state in enumerate(found.parent)}
    steps: list[list[Any]] = []
    before: list[list[int]] = [[] for _ in index]
    broken: dict[str, list[int]] = {}
    for state, at in index.items():
        for name in system.broken(state, "always"):
            broken.setdefault(name, []).append(at)
        for task, after in system.successors(state):
            if after in index:  # else it is beyond the bound
                taken = system.step_name(task, state)
                steps.append([at, index[after], system.task_name(task), taken])
                before[index[after]].append(at)
    space = system.space
    keys = list(space.fields)
    return {
        "scenario": scenario.name,
        "kernel": str(scenario.machine.kernel),
        "components": [key_text(key) for key in keys],
        "values": [
            [None if value is None else str(value_of(value)) for value in values]
            for values in (space.values.get(key, [None]) for key in keys)
        ],
        "states": [[space.number_in(state, key) for key in keys] for state in index],
        "steps": steps,
        "before": before,
        "broken": broken,
        "bound": found.bound,
    }
