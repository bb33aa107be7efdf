"""A concurrent scenario as a transition system: its tasks' steps and its properties, learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from devmemkit.explore.independence import Independence
from devmemkit.explore.learn import Leaf, Took, Tree
from devmemkit.explore.pack import Space
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import step_in
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property, proceed

CLOCK = -1
"""The number of the task that lets time pass: it may, whenever somebody waits for a tick."""

MOST = 100
"""Steps that are taken together at most."""


class Taken(NamedTuple):
    """A step that a task took: its operation, its name, and how the operation ended if it did."""

    operation: str
    step: str
    outcome: Outcome | None


class System:
    """What a search asks: the `start` state, where each task goes from there, what holds.

    With `merge`, a step is taken together with the one before it when it reads nothing that another
    task ever replaces, and replaces nothing that another task or a property ever reads: it commutes
    with all steps of the others, so the orders that are left out end like one that is kept. What
    others touch is learned; Relaid is raised when that is more than was thought.
    """

    def __init__(self, scenario: Concurrent, space: Space, *, merge: bool = False) -> None:
        self.scenario = scenario
        self.space = space
        self.tasks = tuple(scenario.programs)
        start = space.machine.components
        self._independence = Independence(self.tasks, start) if merge else None
        self.relearn()

    def relearn(self) -> None:
        """Forget the steps, which a space with another layout does not number alike."""
        if self._independence is not None:
            self._independence.relearn()
        self.space.relay()
        self.start = self.space.start
        programs = self.scenario.programs.items()
        self.trees = [
            Tree(self.space, self._taking(task, program), self._learned(task))
            for task, program in programs
        ]
        self.ask(self.scenario.properties)

    def ask(self, properties: tuple[Property, ...]) -> None:
        """Ask these properties of the states, in place of those before."""
        self.asked = {
            kind: [
                (one.name, Tree(self.space, one.holds, self._learned("")))
                for one in properties
                if one.kind == kind
            ]
            for kind in ("always", "at end", "sometimes")
        }

    def moves(self, state: int) -> list[tuple[int, int]]:
        """The tasks that can take a step, by number, and the state that each leads to."""
        found = []
        until = None
        for task, tree in enumerate(self.trees):
            leaf = tree.known.get(state & tree.reach) or tree.at(state)
            if leaf.said is not None:
                found.append((task, state & leaf.keep | leaf.put))
            elif leaf.blocked is not None and leaf.blocked.until is not None:
                until = min(leaf.blocked.until, until or leaf.blocked.until)
        if until is not None:
            shift, mask = self.space.field("clock")
            tick = self.space.number("clock", until)
            found.append((CLOCK, state & ~(mask << shift) | tick << shift))
        return found

    def step_name(self, task: int, state: int) -> str:
        """The name of the step that a task takes from a state."""
        taken = None if task == CLOCK else self.trees[task].at(state).said
        return "passes" if taken is None else str(taken.step)

    def broken(self, state: int, kind: str) -> str:
        """The name of the first property of a kind that does not hold in a state, "" for none."""
        return next((name for name, tree in self.asked[kind] if not tree.at(state).said), "")

    def waiting(self, state: int) -> list[str]:
        """The tasks that are blocked."""
        trees = zip(self.tasks, self.trees, strict=True)
        return [task for task, tree in trees if tree.at(state).blocked is not None]

    def _learned(self, task: str) -> Callable[[Leaf], None]:
        def learned(leaf: Leaf) -> None:
            if self._independence is not None:
                self._independence.learn(self.space, task, leaf)

        return learned

    def _taking(self, task: str, program: Program) -> Took:
        def take(m: View) -> Taken | None:
            if m.get(("stack", task)) is None:
                return None  # its program is over
            taken = _step(m, task, program)
            if self._independence is not None:
                self._merge(m, task, program, self._independence)
            return taken

        return take

    @staticmethod
    def _merge(m: View, task: str, program: Program, independence: Independence) -> None:
        for _ in range(MOST):  # it might go round for ever
            if m.get(("stack", task)) is None:
                return
            ahead = View(m.machine.with_(m.writes))
            try:
                _step(ahead, task, program)
            except Blocked:
                return
            if not independence.commutes(task, m, ahead):
                return
            for key in ahead.reads:
                m.get(key)
            m.writes |= ahead.writes


def _step(m: View, task: str, program: Program) -> Taken:
    taken = Taken(*step_in(m, task))
    if m.get(("stack", task)) is None:
        proceed(m, task, program)
    return taken


def started(scenario: Concurrent) -> Machine:
    """The scenario's machine with each task at the first step of its first operation."""
    m = View(scenario.machine)
    for task, program in scenario.programs.items():
        proceed(m, task, program)
    return scenario.machine.with_(m.writes)
