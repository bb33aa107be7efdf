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
FootprintGrew is raised when a footprint grows by an access that a reduction assumed impossible, and
the search starts again with all footprints learned.

Some accesses are possible only after the owner's name has *escaped* to a shared component: a claim
finds page tables through the i_mmap, so a process's page table is private to the process until the
i_mmap names it.

An example: T0 fills its box in two steps, then writes its name on a board; T1 doubles the boxes of
all on the board. T0's second step is merged with the first, since T1 cannot find the box before T0
writes its name, and T0 writes it later. That is sound only while nobody but T0 can write T0's name:
when a task T2 does (`_others_let_escape`), or another component is seen to name a task, a search
that relied on it (`_assumed_private`) starts again.

>>> from devmemkit.model.kernel import KernelProfile
>>> from devmemkit.model.machine import Machine
>>> machine = Machine(KernelProfile("6.12"), {"count": 7, ("own", "A"): 1})
>>> known, before, step = Independence(("A", "B"), {}), View(machine), View(machine)
>>> step["own", "A"] = step["count"]
>>> known.is_persistent("A", before, step)  # nobody else was seen to replace the count
True
>>> known.learn(Space(machine), "B", Leaf({}, {"count": 1}, None, None))
Traceback (most recent call last):
    ...
devmemkit.explore.independence.FootprintGrew
>>> known.is_persistent("A", before, step)
False
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
    """A step made an access that an earlier reduction assumed impossible."""


class Independence:
    """The footprints learned so far, and the decision that a single step is persistent."""

    def __init__(self, tasks: tuple[str, ...], start: Mapping[Key, Any]) -> None:
        self.tasks = tasks
        # The tasks that make an access; the clock's is known: a search advances it without a tree.
        self._footprints = {Access("clock", replaces=True, by_name=False): {TIME}}
        self._assumed: dict[Access, set[str]] = {}  # the tasks that rely on no other making it
        self._naming = {
            key for key, value in start.items() if not owner(key, tasks) and tasks_in(value, tasks)
        }  # shared components that have named a task
        self._others_let_escape = False  # whether other tasks let a task's name escape
        self._assumed_private = False  # whether a reduction relied on the last two

    def restart(self) -> None:
        """Drop the assumptions of a search that starts again, but keep the footprints."""
        self._assumed.clear()
        self._assumed_private = False

    def learn(self, space: Space, task: str, leaf: Leaf) -> None:
        """Add a step of a task, or a PROPERTY, to its footprint; may raise FootprintGrew."""
        names: set[str] = set()  # read in shared components so far
        wrong = False
        for key, number in leaf.reads.items():
            wrong |= self._add(task, key, names, replaces=False)
            if owner(key, self.tasks) is None:
                names |= tasks_in(space.value(key, number), self.tasks)
        for key, number in leaf.writes.items():
            wrong |= self._add(task, key, names, replaces=True)
            if owner(key, self.tasks) is None:
                escaped = tasks_in(space.value(key, number), self.tasks)
                wrong |= self._note_names(key, escaped, names | {task})
        if wrong:
            raise FootprintGrew

    def _add(self, task: str, key: Key, names: set[str], *, replaces: bool) -> bool:
        """Add one access; True if another task's reduction assumed it impossible."""
        of = owner(key, self.tasks)
        if of == task:
            return False
        by_name = task != PROPERTY and of in names  # a property's accesses always count
        access = Access(kind(key), replaces, by_name)
        self._footprints.setdefault(access, set()).add(task)
        return bool(self._assumed.get(access, set()) - {task})

    def _note_names(self, key: Key, names: set[str], expected: set[str]) -> bool:
        """Record that a shared component names these tasks; True if a reduction assumed otherwise.

        `expected` are the task that wrote it and the tasks whose names that task had read.
        """
        before = len(self._naming), self._others_let_escape
        if names:
            self._naming.add(key)
        self._others_let_escape |= not names <= expected
        return self._assumed_private and before != (len(self._naming), self._others_let_escape)

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
        assumed = {Access(*access, by_name=False) for access in dependent}
        by_name = {Access(*access, by_name=True) for access in dependent}
        if self._others_make(task, assumed):
            return False
        if not self._others_make(task, by_name):
            assumed |= by_name
        elif self._others_let_escape or self._has_escaped(task, m):
            return False
        else:
            self._assumed_private = True  # only the task itself can let its name escape, later
        for access in assumed:
            self._assumed.setdefault(access, set()).add(task)
        return True

    def _others_make(self, task: str, accesses: set[Access]) -> bool:
        return any(self._footprints.get(access, set()) - {task} for access in accesses)

    def _has_escaped(self, task: str, m: View) -> bool:
        """Whether a shared component names the task."""
        keys = sorted(self._naming, key=str)
        return any(tasks_in(m.get(key), (task,)) for key in keys)
