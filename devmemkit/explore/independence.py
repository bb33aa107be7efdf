"""Partial-order reduction: which next step of a task may be merged into the step before it.

*Merged* means that the state between the two steps is not kept: no other task takes a step there.
Two conditions make that right for all states in which no task can continue, and for properties.

1. The step alone is a *persistent set*: nothing that other tasks can do before it interacts with
   it. So what they did before it they can do after it, and the same states in which no task can
   continue are reached (Godefroid, Partial-Order Methods for the Verification of Concurrent
   Systems, 1996, chapter 4).
2. The step is *invisible*: it replaces nothing that a property reads. All tasks take their steps
   from each state that is kept. So for each state there is a kept one, which differs from it only
   in merged steps that are taken already, and in which every property has the same value.

In components: the step replaces none that another task ever reads or replaces, or that a property
reads; it reads none that another task ever replaces; and none that it touches is another task's.

The *footprint* of a task is the set of accesses that its steps ever make to components that it does
not own, as far as known: learned from the steps seen so far, by kind of component. What a task does
to its own components is not needed, since no merged step of another task touches them. Tasks alike
have one footprint. A search in which a footprint grew goes on, to learn the others, but is void: it
starts again with them, so no reduction of the search that counts rests on a footprint that is too
small. Nor does it matter that what happens in states that are left out is never seen. A step of
another task, or a property, finds the same after the merged steps until it first reads what they
replace, so an access that forbids to merge them is seen there at the latest.

The clock is a task, too, whose step replaces the clock. Its next tick depends on who waits, which
no footprint says. But a merged step changes no other task's wait; behind it, its own task may wait
for an earlier tick. Say T1 waits for tick 5, and T0 waits for tick 3 behind a merged step. Without
merging the clock could go to 5 before that step, and T0 would find tick 3 past. With it the clock
stops at 3, where T0 need not go on, and then goes to 5: the same state. So no state is lost as long
as a step that waits for a tick waits for the same one at all earlier ones (errors.Blocked).

Some accesses are made only in cases that hold where a shared component, one that no task owns,
names the owner: a claim finds page tables through the i_mmap, so a process's page table is private
to the process until the i_mmap names it, until its name has *escaped*.

An example: T0 fills its box in two steps, then writes its name on a board; T1 doubles the boxes of
all on the board. T0's second step is merged with the first, since T1 cannot find the box before T0
writes its name, and T0 writes it later. That is sound only while nobody but T0 can write T0's name:
when a task T2 does (`_others_let_escape`), or another component is seen to name a task, the search
starts again, too. T1's access to the box is one *by name*: its case has read the name on the board.
An access can be taken for one by name although it does not depend on the name. That is safe: its
case has then read a name that a merged step wrote, and that read forbids to merge the step.

>>> from devmemkit.model.kernel import KernelProfile
>>> from devmemkit.model.machine import Machine
>>> machine = Machine(KernelProfile("6.12"), {"count": 7, ("own", "A"): 1})
>>> known, before, step = Independence(("A", "B"), {}), View(machine), View(machine)
>>> step["own", "A"] = step["count"]
>>> known.may_be_merged("A", before, step)  # nobody else was seen to replace the count
True
>>> known.learn(Space(machine), "B", Leaf({}, {"count": 1}, None, None))
>>> known.grew, known.may_be_merged("A", before, step)
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devmemkit.explore.learn import Leaf
from devmemkit.explore.names import kind, owner, tasks_in
from devmemkit.explore.pack import Group, Space
from devmemkit.model.machine import Key, View, value_of

PROPERTY = ""
"""Stands for the properties where a task is expected: they read, and own no component."""


TIME = "time"
"""The clock's name where a task is expected."""


class Access(NamedTuple):
    """A part of a footprint: the `kind` of component, and whether it is replaced or only read.

    `by_name` marks an access of a case that holds only where a shared component names the owner.
    """

    kind: str
    replaces: bool
    by_name: bool


class FootprintGrew(Exception):
    """A search merged steps before it knew of an access that forbids to, and is void."""


class Independence:
    """The footprints learned so far, and the decision whether a step may be merged.

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
        # whether a task has let a name escape that was neither its own nor there to be read
        self._others_let_escape = False

    def learn(self, space: Space, task: str, leaf: Leaf) -> None:
        """Add a step of a task, or a PROPERTY, to its footprint."""
        before = self._size()
        # in shared components read so far: stricter than Access, for which no order matters
        names: set[str] = set()
        alike = space.group.get(task, (task,))  # by symmetry they make its accesses, too
        for key, number in leaf.reads.items():
            self._add(alike, task, key, names, replaces=False)
            if owner(key, self.tasks) is None:
                names |= tasks_in(space.value(key, number), self.tasks)
        for key, number in leaf.writes.items():
            self._add(alike, task, key, names, replaces=True)
            if owner(key, self.tasks) is None:
                escaped = tasks_in(space.value(key, number), self.tasks)
                if escaped:
                    self._naming.add(key)
                if not escaped <= {*names, task}:
                    self._others_let_escape = True
        self.grew |= self._size() != before

    def _add(self, alike: Group, task: str, key: Key, names: set[str], *, replaces: bool) -> None:
        of = owner(key, self.tasks)
        if of != task:
            by_name = task != PROPERTY and of in names  # a property's accesses always count
            self._footprints.setdefault(Access(kind(key), replaces, by_name), set()).update(alike)

    def _size(self) -> int:
        """How much is known; this only grows."""
        known = sum(map(len, self._footprints.values()))
        return known + len(self._naming) + self._others_let_escape

    def may_be_merged(self, task: str, m: View, step: View) -> bool:
        """Whether a task's next step after `m`, taken in `step`, is persistent and invisible.

        The components that decide this are read through `m`, so the learned step depends on them.
        They count as read by the task. That forbids more to others. It can also turn an access of
        the task into one by name, rightly: its case then holds only where the owner is named.
        """
        old = step.machine.components
        replaced = [
            key
            for key, value in step.writes.items()
            # what is not read first may have another value the next time
            if key not in step.reads or value_of(value) != value_of(old.get(key))
        ]
        if any(owner(key, self.tasks) not in (task, None) for key in (*step.reads, *replaced)):
            return False  # footprints do not have what another task does to its own
        # nobody else may replace what the step reads or replaces, or read what it replaces
        forbidden = {(kind(key), True) for key in (*step.reads, *replaced)}
        forbidden |= {(kind(key), False) for key in replaced}
        if self._others_make(task, forbidden, by_name=False):
            return False
        if not self._others_make(task, forbidden, by_name=True):
            return True
        # if its name has not escaped yet, only the task itself can let it escape, later
        keys = sorted(self._naming, key=str)
        escaped = self._others_let_escape or any(tasks_in(m.get(key), (task,)) for key in keys)
        return not escaped

    def _others_make(self, task: str, accesses: set[tuple[str, bool]], *, by_name: bool) -> bool:
        """Whether another task, the clock or a property makes one of the accesses."""
        made = (self._footprints.get(Access(*one, by_name), set()) for one in accesses)
        return any(tasks - {task} for tasks in made)
