"""All states of a scenario for other tools: the graph as JSON, and a model in Promela.

In Promela the learned steps are printed unchanged: one process that never ends, with one option for
each leaf that changes the state, of each task's tree. SPIN must store exactly as many states as the
search found.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from devmemkit.explore.learn import Leaf, Tree
from devmemkit.explore.names import key_text
from devmemkit.explore.search import search
from devmemkit.explore.system import System
from devmemkit.model.machine import Key, value_of
from devmemkit.scenarios.races.scenario import Concurrent


def graph(scenario: Concurrent, most: int | None = None) -> dict[str, Any]:
    """All states and steps, without reductions.

    "components" are names; "values" has the values of each as text; "states" has, for each state,
    the number of each component's value, the start first; "steps" are [from, to, task, step];
    "before" has the predecessors of each state; "broken" has, by "always" property, the states in
    which it is broken; "bound" is "" for a complete graph.
    """
    system, found = search(scenario, most, check="each")  # "nothing" would drop the properties
    index = {state: at for at, state in enumerate(islice(found.parent, found.states))}
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


def promela(system: System, always: Mapping[str, Tree] | None = None) -> str:
    """The steps that `system` learned in a complete search without reductions.

    `always` are properties that were evaluated in every state: an assertion fails where one is
    broken. ValueError for a scenario with a clock, whose steps belong to no task, and after a
    search with a reduction.
    """
    space = system.space
    if space.group or system.partial_order:
        raise ValueError("system: expected a search without reductions")
    names = {key: f"c{number}" for number, key in enumerate(space.fields)}
    lines = [f"/* {system.scenario.name} on {system.scenario.machine.kernel} */"]
    for key, name in names.items():
        _, mask = space.field(key)
        width = "byte" if mask < 1 << 8 else "int"
        start = space.number_in(space.start, key)
        lines.append(f"{width} {name} = {start}; /* {key_text(key)} */")
    lines += ["", "active proctype steps() {", "end:", "  do"]
    for task, tree in zip(system.tasks, system.trees, strict=True):
        for leaf in tree.leaves:
            if leaf.blocked is not None and leaf.blocked.until is not None:
                raise ValueError(f"{task}: expected a scenario without a clock")
            if leaf.result is not None and leaf.writes:
                puts = [f"{names[key]} = {number}" for key, number in leaf.writes.items()]
                step = f"{_guard(leaf, names)} -> {'; '.join(puts)}"
                lines.append(f"  :: d_step {{ {step} }} /* {task}:{leaf.result.step} */")
    for name, tree in (always or {}).items():
        for leaf in tree.leaves:
            if not leaf.result:
                asked = f"{_guard(leaf, names)} -> assert(false)"
                lines.append(f"  :: d_step {{ {asked} }} /* {name} */")
    return "\n".join([*lines, "  od", "}", ""])


def _guard(leaf: Leaf, names: dict[Key, str]) -> str:
    return " && ".join(f"{names[key]} == {n}" for key, n in leaf.reads.items()) or "true"
