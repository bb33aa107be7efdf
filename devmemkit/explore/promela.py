"""A searched scenario in Promela, so that SPIN can check the same model.

The learned steps are printed unchanged: one process that never ends, with one option for each leaf
of each task's tree. SPIN must store exactly as many states as the search found.
"""

from __future__ import annotations

from collections.abc import Mapping

from devmemkit.explore.learn import Leaf, Tree
from devmemkit.explore.names import key_text
from devmemkit.explore.system import System
from devmemkit.model.machine import Key


def promela(system: System, always: Mapping[str, Tree] | None = None) -> str:
    """The steps that `system` learned in a complete search without partial order.

    `always` are properties that were evaluated in every state: an assertion fails where one is
    broken. ValueError for a scenario with a clock, whose steps belong to no task.
    """
    space = system.space
    names = {key: f"c{number}" for number, key in enumerate(space.fields)}
    lines = [f"/* {system.scenario.name} on {system.scenario.machine.kernel} */"]
    for key, name in names.items():
        _, mask = space.field(key)
        kind = "byte" if mask < 1 << 8 else "short" if mask < 1 << 15 else "int"
        start = space.number_in(space.start, key)
        lines.append(f"{kind} {name} = {start}; /* {key_text(key)} */")
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
