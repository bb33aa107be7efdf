"""Symmetry: of the states that differ only in which of several like tasks is which, one is kept."""

from __future__ import annotations

from typing import Any

from devmemkit.explore.names import renamed_part
from devmemkit.explore.pack import SELF, Group, Space
from devmemkit.model.machine import Key, value_of

OTHER = "*"
Order = tuple[int, ...]
"""By a task's new place in its group, its old one."""


class Symmetry:
    """Finds the state that stands for all that are equal but for the names of tasks alike.

    Each group's blocks are put in ascending order, and components that belong to no task but name
    some are changed accordingly. Tasks with equal blocks are ordered by how those look to them.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._looks: dict[tuple[int, str], int] = {}
        self._named: dict[tuple[int, Group, Order], int] = {}
        self._seen: dict[Any, int] = {}
        self._known: list[tuple[Group, int, dict[int, int]]] = []
        for group, (starts, mask) in space.blocks.items():
            part = sum(mask << start for start in starts) | space.naming
            self._known.append((group, part, {}))

    def canonical(self, state: int) -> int:
        """The representative of a state; what a group's part of it becomes is remembered."""
        for group, part, known in self._known:
            change = known.get(state & part)
            if change is None:
                before = state & part
                change = known[before] = self._sorted(before, group) ^ before
            state ^= change
        return state

    def _sorted(self, state: int, group: Group) -> int:
        starts, mask = self.space.blocks[group]
        blocks = [state >> start & mask for start in starts]
        named = state & self.space.naming
        looks = [self._look(named, task) for task in group]
        places = range(len(group))
        order = tuple(sorted(places, key=lambda place: (looks[place], blocks[place])))
        if order == tuple(places):
            return state
        for start, come in zip(starts, order, strict=True):
            state = state & ~(mask << start) | blocks[come] << start
        return state & ~self.space.naming | self._renamed(named, group, order)

    def _parts(self, named: int) -> list[tuple[Key, Any]]:
        space = self.space
        numbers = [(k, named >> space.shift[k] & space.mask[k]) for k in space.common]
        return [(key, space.part(key, number)) for key, number in numbers if number]

    def _look(self, named: int, task: str) -> int:
        """How those components look to a task: the same to two that could change places."""
        if (named, task) not in self._looks:
            names = dict.fromkeys(self.space.group, OTHER) | {task: SELF}
            seen = tuple(
                (key, value_of(renamed_part(key, part, names))) for key, part in self._parts(named)
            )
            self._looks[named, task] = self._seen.setdefault(seen, len(self._seen))
        return self._looks[named, task]

    def _renamed(self, named: int, group: Group, order: Order) -> int:
        made = self._named.get((named, group, order))
        if made is not None:
            return made
        names = {group[come]: group[to] for to, come in enumerate(order)}
        made = 0
        for key, part in self._parts(named):
            number = self.space.number(key, renamed_part(key, part, names))
            made |= number << self.space.shift[key]
        self._named[named, group, order] = made
        return made
