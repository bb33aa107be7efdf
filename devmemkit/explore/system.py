"""A concurrent scenario as a transition system: its tasks' steps and its properties, learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from devmemkit.explore.learn import Leaf, Took, Tree
from devmemkit.explore.names import kind, owner
from devmemkit.explore.pack import Relaid, Space
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.machine import Key, Machine, View, value_of
from devmemkit.model.step import step_in
from devmemkit.scenarios.concurrent import Concurrent, Property
from devmemkit.scenarios.program import Program, proceed

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

    With `merge`, a step that touches only what no other task ever touches, and replaces nothing
    that a property reads, is taken together with the step before it: it commutes with all steps of
    the others, so the orders that are left out end like one that is kept. What others touch is
    learned; Relaid is raised when that is more than was thought.
    """

    def __init__(self, scenario: Concurrent, space: Space, *, merge: bool = False) -> None:
        self.scenario = scenario
        self.space = space
        self.tasks = tuple(scenario.programs)
        self._public: set[str] | None = set() if merge else None
        self.relearn()

    def relearn(self) -> None:
        """Forget the steps, which a space with another layout does not number alike."""
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
            node = tree.root
            while node.__class__ is tuple:
                shift, mask, branches = node
                node = branches.get(state >> shift & mask)
            leaf = node if node is not None else tree.at(state)
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
            """A property, or another task, touches it: so it is nobody's own."""
            keys = leaf.reads + leaf.writes
            more = {kind(key) for key in keys if owner(key, self.tasks) not in (None, task)}
            if self._public is not None and not more <= self._public:
                self._public |= more
                raise Relaid

        return learned

    def _is_own(self, task: str, key: Key) -> bool:
        return owner(key, self.tasks) == task and kind(key) not in (self._public or ())

    def _taking(self, task: str, program: Program) -> Took:
        def take(m: View) -> Taken | None:
            if m.get(("stack", task)) is None:
                return None  # its program is over
            taken = _step(m, task, program)
            steps = 0
            while self._public is not None and m.get(("stack", task)) is not None:
                steps += 1
                if steps > MOST:
                    break  # it might go round for ever
                ahead = View(m.machine.with_(m.writes))
                try:
                    _step(ahead, task, program)
                except Blocked:
                    break
                if not all(self._is_own(task, key) for key in (*ahead.reads, *_replaced(ahead))):
                    break
                for key in ahead.reads:
                    m.get(key)
                m.writes |= ahead.writes
            return taken

        return take


def _replaced(m: View) -> list[Key]:
    """The components that a view has given another value."""
    before = m.machine.components
    return [k for k, part in m.writes.items() if value_of(part) != value_of(before.get(k))]


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
