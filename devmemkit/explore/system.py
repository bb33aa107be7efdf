"""A concurrent scenario as a transition system: the steps of its tasks and its properties."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from devmemkit.explore.independence import PROPERTY, TIME, FootprintGrew, Independence
from devmemkit.explore.learn import Tree
from devmemkit.explore.pack import Group, Space
from devmemkit.model.errors import Blocked
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Event, step_in
from devmemkit.scenarios.races.scenario import Concurrent, Program, proceed

CLOCK = -1
"""The task number of the clock: it can advance whenever a task waits for a tick."""

MOST_MERGED = 100
"""Steps merged into one transition at most: a task could loop for ever."""


class System:
    """The successors of each state, and the properties that hold there.

    With `partial_order`, a transition is a step and those of the same task that are merged into it
    (independence.py); the states between are not kept. Each task takes its step from every state
    that is kept. When LayoutChanged or FootprintGrew is raised, all states are void: call restart()
    and search again. The tasks of a group in `alike` share a layout (pack.py).
    """

    def __init__(
        self, scenario: Concurrent, alike: tuple[Group, ...] = (), *, partial_order: bool = False
    ) -> None:
        self.scenario = scenario
        self.space = Space(started(scenario), alike)
        self.tasks = tuple(scenario.programs)
        self.partial_order = partial_order
        start = self.space.machine.components
        self._independence = Independence(self.tasks, start) if partial_order else None
        self.restart()

    def restart(self) -> None:
        """Forget all learned steps, but not the numbers of values, nor the footprints."""
        if self._independence is not None:
            self._independence.grew = False
        self.space.lay_out()
        self.trees = [
            self._tree(task, self._step(task, program))
            for task, program in self.scenario.programs.items()
        ]
        self.properties: dict[str, dict[str, Tree]] = {"always": {}, "at end": {}, "sometimes": {}}
        for one in self.scenario.properties:
            self.properties[one.kind][one.name] = self._tree(PROPERTY, one.holds)

    def confirm(self) -> None:
        """FootprintGrew if steps were merged since restart() that may have to be kept apart."""
        if self._independence is not None and self._independence.grew:
            raise FootprintGrew

    def successors(self, state: int) -> list[tuple[int, int]]:
        """The tasks that can take a step, by number, each with the state after its step."""
        found = []
        ticks = []
        for task, tree in enumerate(self.trees):
            # the first half is what at() does: this is the innermost loop
            leaf = tree.cache.get(state & tree.reads_mask) or tree.at(state)
            if leaf.result is not None:  # else the task is blocked, or its program is over
                found.append((task, state & leaf.keep | leaf.put))
            elif leaf.blocked is not None and leaf.blocked.until is not None:
                ticks.append(leaf.blocked.until)
        if ticks:  # the clock goes on to the earliest tick that a task waits for
            shift, mask = self.space.field("clock")
            tick = self.space.number("clock", min(ticks))
            found.append((CLOCK, state & ~(mask << shift) | tick << shift))
        return found

    def task_name(self, task: int) -> str:
        """The name of a task, or of the clock."""
        return TIME if task == CLOCK else self.tasks[task]

    def step_name(self, task: int, state: int) -> str:
        """The name of the step that a task takes from a state; of merged steps, the first."""
        taken = None if task == CLOCK else self.trees[task].at(state).result
        return "passes" if taken is None else str(taken.step)

    def broken(self, state: int, kind: str) -> list[str]:
        """The names of the properties of a kind that do not hold in a state."""
        return [name for name, tree in self.properties[kind].items() if not tree.at(state).result]

    def waits(self, state: int) -> bool:
        """Whether a task is blocked."""
        return any(tree.at(state).blocked is not None for tree in self.trees)

    def _tree(self, task: str, function: Callable[[View], Any]) -> Tree:
        if self._independence is None:
            return Tree(self.space, function)
        return Tree(self.space, function, partial(self._independence.learn, self.space, task))

    def _step(self, task: str, program: Program) -> Callable[[View], Event | None]:
        """The function that takes a task's next step; None once its program is over."""

        def step(m: View) -> Event | None:
            if m.get(("stack", task)) is None:
                return None
            taken = take(m, task, program)
            if self._independence is not None:
                _merge(m, task, program, self._independence)
            return taken

        return step


def _merge(m: View, task: str, program: Program, independence: Independence) -> None:
    """Also take the task's following steps, as long as each may be merged by itself."""
    for _ in range(MOST_MERGED):
        if m.get(("stack", task)) is None:
            return
        following = View(m.machine.with_(m.writes))
        waits = False
        try:
            take(following, task, program)
        except Blocked:
            waits = True
        # noted first, and merged or not, so that what is read next depends on values read before
        for key in following.reads:
            m.get(key)
        if waits or not independence.may_be_merged(task, m, following):
            return  # where it can run it is a transition of its own
        m.writes |= following.writes


def take(m: View, task: str, program: Program) -> Event:
    """Take a task's next step in a view, and begin its next operation if one ended."""
    taken = step_in(m, task)
    if m.get(("stack", task)) is None:
        proceed(m, task, program)
    return taken


def started(scenario: Concurrent) -> Machine:
    """The scenario's machine with each task at the first step of its first operation."""
    m = View(scenario.machine)
    for task, program in scenario.programs.items():
        proceed(m, task, program)
    return scenario.machine.with_(m.writes)
