"""A searched scenario in Promela, for SPIN to be asked the same question.

The learned steps are printed as they are: one process that never ends, whose every option is one
leaf of one task's tree. Nothing is translated, so SPIN must store as many states as were found.
"""

from __future__ import annotations

from devmemkit.explore.learn import Leaf
from devmemkit.explore.system import System
from devmemkit.model.machine import Key


def promela(system: System, *, check: bool = False) -> str:
    """The steps that `system` has learned in a complete search, without merging.

    With `check` an assertion fails in each state in which an "always" property does not hold.
    ValueError for a scenario in which time passes: that is no task's step.
    """
    space = system.space
    names = {key: f"c{number}" for number, key in enumerate(space.shift)}
    lines = [f"/* {system.scenario.name} on {system.scenario.machine.kernel} */"]
    for key, name in names.items():
        shift, mask = space.field(key)
        kind = "byte" if mask < 1 << 8 else "short" if mask < 1 << 15 else "int"
        lines.append(f"{kind} {name} = {system.start >> shift & mask}; /* {_shown(key)} */")
    lines += ["", "active proctype steps() {", "end:", "  do"]
    for task, tree in zip(system.tasks, system.trees, strict=True):
        for leaf in tree.leaves:
            if leaf.blocked is not None and leaf.blocked.until is not None:
                raise ValueError(f"{task}: expected a scenario without a clock")
            if leaf.said is not None and leaf.writes:
                step = f"{_guard(leaf, names)} -> {_puts(system, leaf, names)}"
                lines.append(f"  :: d_step {{ {step} }} /* {task}:{leaf.said.step} */")
    for name, tree in system.asked["always"] if check else ():
        for leaf in tree.leaves:
            if not leaf.said:
                asked = f"{_guard(leaf, names)} -> assert(false)"
                lines.append(f"  :: d_step {{ {asked} }} /* {name} */")
    return "\n".join([*lines, "  od", "}", ""])


def _shown(key: Key) -> str:
    return key if isinstance(key, str) else " ".join(map(str, key))


def _guard(leaf: Leaf, names: dict[Key, str]) -> str:
    pairs = zip(leaf.reads, leaf.path, strict=True)
    return " && ".join(f"{names[key]} == {number}" for key, number in pairs) or "true"


def _puts(system: System, leaf: Leaf, names: dict[Key, str]) -> str:
    fields = ((key, *system.space.field(key)) for key in leaf.writes)
    return "; ".join(f"{names[key]} = {leaf.put >> shift & mask}" for key, shift, mask in fields)
