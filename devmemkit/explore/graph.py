"""The whole state graph as JSON: every state by its components, every step, all predecessors."""

from __future__ import annotations

from typing import Any

from devmemkit.explore.check import searched
from devmemkit.explore.search import NOWHERE, Bounds
from devmemkit.explore.system import CLOCK
from devmemkit.model.machine import Key, value_of
from devmemkit.scenarios.races.scenario import Concurrent


def graph(scenario: Concurrent, bounds: Bounds = NOWHERE) -> dict[str, Any]:
    """All states and steps, without reductions.

    "components" are names; "values" has the values of each as text; "states" the number of each
    component's value, state by state, the start first; "steps" are [from, to, task, step];
    "before" has all predecessors of each state; "broken" the states in which an "always" property
    does not hold, by its name; "bound" is "" for a graph that is whole.
    """
    system, found = searched(scenario, bounds, partial_order=False, symmetry=False, asks=False)
    system.ask(scenario.properties)
    number = {state: at for at, state in enumerate(found.before)}
    steps: list[list[Any]] = []
    before: list[list[int]] = [[] for _ in number]
    broken: dict[str, list[int]] = {}
    for state, at in number.items():
        if name := system.broken(state, "always"):
            broken.setdefault(name, []).append(at)
        for task, after in system.moves(state):
            if after in number:  # else it is beyond the bound
                name = "time" if task == CLOCK else system.tasks[task]
                steps.append([at, number[after], name, system.step_name(task, state)])
                before[number[after]].append(at)
    space = system.space
    fields = [(key, *space.field(key)) for key in space.shift]
    return {
        "scenario": scenario.name,
        "kernel": str(scenario.machine.kernel),
        "components": [_name(key) for key, _, _ in fields],
        "values": [[_text(part) for part in space.parts.get(key, [None])] for key, _, _ in fields],
        "states": [[state >> shift & mask for _, shift, mask in fields] for state in number],
        "steps": steps,
        "before": before,
        "broken": broken,
        "bound": found.bound,
    }


def _name(key: Key) -> str:
    return key if isinstance(key, str) else " ".join(map(str, key))


def _text(part: Any) -> str | None:
    return None if part is None else str(value_of(part))
