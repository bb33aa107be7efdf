"""Partial-order reduction: which next step of a task forms a persistent set by itself.

A set of steps is *persistent* in a state if nothing that the other steps can lead to from there
interacts with it. From such a state it is enough to take the steps of the set: every state in which
no task can continue is still reached (Godefroid, Partial-Order Methods for the Verification of
Concurrent Systems, 1996, chapter 4). Here the set is one step, and it is merged into the step
before it; the state from which the textbook would take it alone is never kept. It is persistent if

- it replaces no component that another task ever reads or replaces, or that a property reads;
- it reads no component that another task ever replaces.

The *footprint* of a task is the set of accesses that its steps ever make to components that it does
not own, as far as known: learned from the steps seen so far, by kind of component, whoever owns it.
A search in which a footprint grew goes on, to learn the others, but is void: it starts again with
them, so no reduction of the search that counts rests on a footprint that is too small.

Some accesses are possible only after the owner's name has *escaped* to a shared component: a claim
finds page tables through the i_mmap, so a process's page table is private to the process until the
i_mmap names it.

An example: T0 fills its box in two steps, then writes its name on a board; T1 doubles the boxes of
all on the board. T0's second step is merged with the first, since T1 cannot find the box before T0
writes its name, and T0 writes it later. That is sound only while nobody but T0 can write T0's name:
when a task T2 does (`_others_let_escape`), or another component is seen to name a task, the search
starts again, too.

>>> from devmemkit.model.kernel import KernelProfile
>>> from devmemkit.model.machine import Machine
>>> machine = Machine(KernelProfile("6.12"), {"count": 7, ("own", "A"): 1})
>>> known, before, step = Independence(("A", "B"), {}), View(machine), View(machine)
>>> step["own", "A"] = step["count"]
>>> known.is_persistent("A", before, step)  # nobody else was seen to replace the count
True
>>> known.learn(Space(machine), "B", Leaf({}, {"count": 1}, None, None))
>>> known.grew, known.is_persistent("A", before, step)
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devmemkit.explore.learn import Leaf
from devmemkit.explore.names import kind, owner, tasks_in
from devmemkit.explore.pack import Space
from devmemkit.model.machine import Key, View, value_of

PROPERTY = ""
"""Stands for the properties where a task is expected: they read, and own no component."""


TIME = "time"
"""The clock's name where a task is expected."""


class Access(NamedTuple):
    """A part of a footprint: the `kind` of component, and whether it is replaced or only read.

    `by_name` marks an access made after reading the owner's name in a shared component.
    """

    kind: str
    replaces: bool
    by_name: bool


class FootprintGrew(Exception):
    """A search merged steps before it knew of an access that forbids to, and is void."""


class Independence:
    """The footprints learned so far, and the decision that a single step is persistent.

    `grew` is set when a footprint grows: earlier decisions may be wrong.
    """

    def __init__(self, tasks: tuple[str, ...], start: Mapping[Key, Any]) -> None:
        self.tasks = tasks
        self.grew = False
        # The tasks that make an access; the clock's is known: a search advances it without a tree.
        self._footprints = {Access("clock", replaces=True, by_name=False): {TIME}}
        self._naming = {
            key for key, value in start.items() if not owner(key, tasks) and tasks_in(value, tasks)
        }  # shared components that have named a task
        self._others_let_escape = False  # whether other tasks let a task's name escape

    def learn(self, space: Space, task: str, leaf: Leaf) -> None:
        """Add a step of a task, or a PROPERTY, to its footprint."""
        before = self._size()
        names: set[str] = set()  # read in shared components so far
        for key, number in leaf.reads.items():
            self._add(task, key, names, replaces=False)
            if owner(key, self.tasks) is None:
                names |= tasks_in(space.value(key, number), self.tasks)
        for key, number in leaf.writes.items():
            self._add(task, key, names, replaces=True)
            if owner(key, self.tasks) is None:
                escaped = tasks_in(space.value(key, number), self.tasks)
                self._naming |= {key} if escaped else set()
                self._others_let_escape |= not escaped <= names | {task}
        self.grew |= self._size() != before

    def _add(self, task: str, key: Key, names: set[str], *, replaces: bool) -> None:
        of = owner(key, self.tasks)
        if of != task:
            by_name = task != PROPERTY and of in names  # a property's accesses always count
            self._footprints.setdefault(Access(kind(key), replaces, by_name), set()).add(task)

    def _size(self) -> int:
        """How much is known; this only grows."""
        known = sum(map(len, self._footprints.values()))
        return known + len(self._naming) + self._others_let_escape

    def is_persistent(self, task: str, m: View, step: View) -> bool:
        """Whether the next step of a task after `m`, taken in the view `step`, is persistent alone.

        The components that decide this are read through `m`, so the learned step depends on them.
        """
        old = step.machine.components
        replaced = [
            key for key, value in step.writes.items() if value_of(value) != value_of(old.get(key))
        ]
        if any(owner(key, self.tasks) not in (task, None) for key in replaced):
            return False  # it changes a component of another task
        dependent = {(kind(key), True) for key in (*step.reads, *replaced)}
        dependent |= {(kind(key), False) for key in replaced}
        if self._others_make(task, dependent, by_name=False):
            return False
        if not self._others_make(task, dependent, by_name=True):
            return True
        # if its name has not escaped yet, only the task itself can let it escape, later
        keys = sorted(self._naming, key=str)
        escaped = self._others_let_escape or any(tasks_in(m.get(key), (task,)) for key in keys)
        return not escaped

    def _others_make(self, task: str, accesses: set[tuple[str, bool]], *, by_name: bool) -> bool:
        made = (self._footprints.get(Access(*one, by_name), set()) for one in accesses)
        return any(tasks - {task} for tasks in made)
