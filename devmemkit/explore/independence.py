"""Partial order: which steps commute with all that other tasks may do meanwhile.

A task's own component counts as its own where nobody else touches it. Some are touched by others
only through a shared component that names the owner (a claim finds page tables through the i_mmap):
those are its own for as long as no shared component does. What others touch, and how they come to
it, is learned from the steps that are watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devmemkit.explore.learn import Leaf
from devmemkit.explore.names import kind, mentions, owner
from devmemkit.explore.pack import Relaid, Space
from devmemkit.model.machine import Key, View, value_of

Access = tuple[str, bool]
"""A kind of component, and whether it is replaced."""


class Touched:
    """Who was seen to touch what, though it is not his, and who relied on it that nobody else does.

    "Who" is a task, or "" for a property.
    """

    def __init__(self) -> None:
        self._by: dict[Access, set[str]] = {}
        self._relied: dict[Access, set[str]] = {}

    def add(self, access: Access, task: str) -> bool:
        """Take note; whether that is against what another task relied on."""
        self._by.setdefault(access, set()).add(task)
        return bool(self._relied.get(access, set()) - {task})

    def concerns(self, task: str, accesses: set[Access]) -> bool:
        """Whether another task was seen to do one of these."""
        return any(self._by.get(access, set()) - {task} for access in accesses)

    def rely(self, task: str, accesses: set[Access]) -> None:
        for access in accesses:
            self._relied.setdefault(access, set()).add(task)

    def forget(self) -> None:
        self._relied.clear()


class Independence:
    """What tasks do to what is not their own; learned, and asked before steps are merged."""

    def __init__(self, tasks: tuple[str, ...], start: Mapping[Key, Any]) -> None:
        self.tasks = tasks
        self._anyhow = Touched()
        self._if_named = Touched()
        self._is_given_away = False  # by somebody else than the owner
        shared = (key for key in start if owner(key, tasks) is None)
        self._naming = {key for key in shared if self._named(start[key])}
        self._relied_on_names = False

    def relearn(self) -> None:
        """Merge anew, with all that is known by now."""
        self._anyhow.forget()
        self._if_named.forget()
        self._relied_on_names = False

    def _named(self, part: Any) -> set[str]:
        return {task for task in self.tasks if part is not None and mentions(part, (task,))}

    def learn(self, space: Space, task: str, leaf: Leaf) -> None:
        """Take a task's step, or a property (""), into account; Relaid if a merge was wrong."""
        named: set[str] = set()
        wrong = False
        for key, number in zip(leaf.reads, leaf.path, strict=True):
            wrong |= self._touch(task, key, named, replaced=False)
            if owner(key, self.tasks) is None:
                named |= self._named(space.part(key, number))
        for key in leaf.writes:
            wrong |= self._touch(task, key, named, replaced=True)
            if owner(key, self.tasks) is None:
                shift, mask = space.field(key)
                wrong |= self._name(key, self._named(space.part(key, leaf.put >> shift & mask)),
                                    named | {task})  # fmt: skip
        if wrong:
            raise Relaid

    def _touch(self, task: str, key: Key, named: set[str], *, replaced: bool) -> bool:
        whose = owner(key, self.tasks)
        if whose == task:
            return False
        touched = self._if_named if task and whose in named else self._anyhow
        return touched.add((kind(key), replaced), task)

    def _name(self, key: Key, names: set[str], may: set[str]) -> bool:
        before = len(self._naming), self._is_given_away
        if names:
            self._naming.add(key)
        self._is_given_away |= not names <= may
        return self._relied_on_names and (len(self._naming), self._is_given_away) != before

    def commutes(self, task: str, m: View, ahead: View) -> bool:
        """Whether what a task does `ahead` of `m` is nothing to any other; `m` shows the reason."""
        before = ahead.machine.components
        replaced = [k for k, v in ahead.writes.items() if value_of(v) != value_of(before.get(k))]
        if any(owner(key, self.tasks) not in (task, None) for key in replaced):
            return False
        against = {(kind(key), True) for key in (*ahead.reads, *replaced)}
        against |= {(kind(key), False) for key in replaced}
        if self._anyhow.concerns(task, against):
            return False
        if self._if_named.concerns(task, against):
            keys = sorted(self._naming, key=str)
            if self._is_given_away or any(task in self._named(m.get(key)) for key in keys):
                return False
            self._relied_on_names = True
        else:
            self._if_named.rely(task, against)
        self._anyhow.rely(task, against)
        return True
