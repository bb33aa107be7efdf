"""Breadth-first search of all states that the tasks' steps can lead to.

What is learned during a search can prove it wrong: a field too narrow for a new value, an access by
one task that forbids what was merged of another. It then starts again, with what was learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from devmemkit.explore.independence import FootprintGrew
from devmemkit.explore.lasso import Path
from devmemkit.explore.pack import LayoutChanged
from devmemkit.explore.symmetry import Symmetry
from devmemkit.explore.system import System
from devmemkit.scenarios.races.scenario import Concurrent

DEADLOCK = "deadlock"
"""The property that is broken where no task can continue and some task waits."""


Check = Literal["nothing", "first", "each"]
"""With "nothing" no property is evaluated; with "first" all are, until one is broken; with "each"
all are, in every state."""


@dataclass
class SearchResult:
    """The states found: `parent` maps each to the state from which it was first reached.

    `ends` are the states in which no task can continue. `broken` maps each broken property to the
    first state found in which it does not hold, `paths` to the transitions that lead there from the
    start; `witnessed` are the "sometimes" properties that held in some state. `bound` is the limit
    at which the search gave up, "" if it did not: the last `unvisited` states were found, but no
    property was evaluated there. With symmetry, each state is the representative of its class, but
    those of a path are not.
    """

    parent: dict[int, int] = field(default_factory=dict)
    unvisited: int = 0
    paths: dict[str, Path] = field(default_factory=dict)
    transitions: int = 0
    ends: list[int] = field(default_factory=list)
    witnessed: set[str] = field(default_factory=set)
    broken: dict[str, int] = field(default_factory=dict)
    bound: str = ""

    @property
    def states(self) -> int:
        """How many were visited; where check "first" ended the search, how many were found."""
        return len(self.parent) - self.unvisited


WATCHERS: list[Callable[[int], object]] = []
"""Each is called with the number of states found so far, after each level of a search: pages show
it. The number begins anew when the search does."""


def search(
    scenario: Concurrent,
    most: int | None = None,
    *,
    partial_order: bool = False,
    symmetry: bool = False,
    check: Check = "nothing",
) -> tuple[System, SearchResult]:
    """Search a scenario's states; start again whenever it learned what makes the search void.

    It gives up after the level in which it has found more than `most` states (None: never); those
    beyond stay unknown. With `check` "first" it ends in the first state in which a property is
    broken, or a deadlock; with "each" the properties are evaluated in all states.
    """
    if check == "nothing":
        scenario = replace(scenario, properties=())
    alike = tuple(group for group in scenario.alike if symmetry and len(group) > 1)
    system = System(scenario, alike, partial_order=partial_order)
    while True:
        try:
            return system, breadth_first(system, most, symmetry=symmetry, check=check)
        except (LayoutChanged, FootprintGrew):
            system.restart()


def breadth_first(
    system: System, most: int | None = None, *, symmetry: bool = False, check: Check = "nothing"
) -> SearchResult:
    """Visit states in breadth-first order; the arguments are those of search().

    LayoutChanged or FootprintGrew when the search must start again.
    """
    canonical = Symmetry(system.space).canonical if symmetry else None
    found = SearchResult()
    start = system.space.start
    start = canonical(start) if canonical else start
    parent = found.parent
    parent[start] = start
    level = [start]
    while level and not found.bound:
        next_level: list[int] = []
        for state in level:
            successors = system.successors(state)
            if check != "nothing":
                _check(system, state, not successors, found)
                if check == "first" and found.broken:
                    return _confirmed(system, found, canonical)
            if not successors:
                found.ends.append(state)
            if canonical is not None:
                successors = [(task, canonical(after)) for task, after in successors]
            found.transitions += len(successors)
            for _, after in successors:
                if after not in parent:
                    parent[after] = state
                    next_level.append(after)
        level = next_level
        for watcher in WATCHERS:
            watcher(len(parent))
        if level and most is not None and len(parent) > most:  # with no level left it is complete
            found.bound, found.unvisited = f"{most} states", len(level)
    return _confirmed(system, found, canonical)


def _confirmed(
    system: System, found: SearchResult, canonical: Callable[[int], int] | None
) -> SearchResult:
    """Add the paths to what is broken; LayoutChanged or FootprintGrew as in breadth_first()."""
    system.confirm()
    found.paths = {
        name: _path(system, found.parent, state, canonical) for name, state in found.broken.items()
    }
    system.confirm()  # again, since the paths can have learned steps: see _path()
    return found


def _path(
    system: System, parent: dict[int, int], state: int, canonical: Callable[[int], int] | None
) -> Path:
    """The transitions from the start to a state, or to one of its class.

    With symmetry they lead through states that were not visited, so steps may be learned here.
    ValueError if there is no path: tasks that are said to be alike are not, or a class has several
    representatives (Symmetry).
    """
    back = [state]
    while parent[back[-1]] != back[-1]:
        back.append(parent[back[-1]])
    path: Path = []
    at = system.space.start
    for wanted in back[-2::-1]:
        # with symmetry `wanted` is a representative: take the step that leads into its class
        taken = (
            (task, after)
            for task, after in system.successors(at)
            if (canonical(after) if canonical else after) == wanted
        )
        step = next(taken, None)
        if step is None:
            system.confirm()
            raise ValueError(f"{system.scenario.name}: expected tasks alike to differ only in name")
        path.append(step)
        at = step[1]
    return path


def _check(system: System, state: int, is_end: bool, found: SearchResult) -> None:
    broken = system.broken(state, "always")
    if is_end:
        broken += [DEADLOCK] if system.waits(state) else []
        broken += system.broken(state, "at end")
    for name in broken:
        found.broken.setdefault(name, state)
    for name, tree in system.properties["sometimes"].items():
        if name not in found.witnessed and tree.at(state).result:
            found.witnessed.add(name)
