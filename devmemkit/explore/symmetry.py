"""Symmetry reduction: keep one of the states that differ only in the names of tasks alike.

The method is that of Ip and Dill, Better Verification through Symmetry (1996).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from devmemkit.explore.names import renamed_value
from devmemkit.explore.pack import SELF, Group, Space
from devmemkit.model.machine import Key, value_of

OTHER = "*"
"""Stands for every task alike but the one that looks."""
Order = tuple[int, ...]
"""For each place in a group, the place whose block moves there."""


class Symmetry:
    """Maps each state to the representative of its class.

    The tasks of a group are ordered by how the shared components that name tasks look to them, then
    by their blocks. The first gets the first name, and so on, in blocks and in those components. So
    a representative is itself a state of the class: what the search finds from it is what it would
    find from the state, with other names, and no class is lost.

    That needs steps that treat all names alike: a step may wake each task of a sorted tuple, but
    not only the first, since a renaming changes which one is first.

    A class has one representative if each entry of a set (names.SETS) names at most one task, as
    all entries of the model do. With entries that name two, a class can keep several: more states
    than needed, none missing, but the path to a violation may not be found.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._view = cache(self._compute_view)
        self._renamed = cache(self._compute_renamed)
        self._view_numbers: dict[Any, int] = {}
        # a group, the bits that its order depends on, and by their value the XOR that sorts them
        self._changes: list[tuple[Group, int, dict[int, int]]] = []
        for group, (starts, mask) in space.blocks.items():
            relevant = sum(mask << start for start in starts) | space.naming_mask
            self._changes.append((group, relevant, {}))

    def canonical(self, state: int) -> int:
        """The representative; remembered for each combination of blocks and naming components."""
        for group, relevant, changes in self._changes:
            part = state & relevant
            change = changes.get(part)
            if change is None:
                change = changes[part] = self._sorted(part, group) ^ part
            state ^= change
        return state

    def _sorted(self, state: int, group: Group) -> int:
        """The state with the blocks of a group in order, and shared components renamed to fit."""
        starts, mask = self.space.blocks[group]
        blocks = [state >> start & mask for start in starts]
        naming_fields = state & self.space.naming_mask
        views = [self._view(naming_fields, task) for task in group]
        places = range(len(group))
        order = tuple(sorted(places, key=lambda place: (views[place], blocks[place])))
        if order == tuple(places):
            return state
        for start, source in zip(starts, order, strict=True):
            state = state & ~(mask << start) | blocks[source] << start
        return state & ~self.space.naming_mask | self._renamed(naming_fields, group, order)

    def _values(self, naming_fields: int) -> list[tuple[Key, Any]]:
        """The shared components that name tasks, with their values; absent ones are left out."""
        space = self.space
        numbers = [(key, space.number_in(naming_fields, key)) for key in space.naming_keys]
        return [(key, space.value(key, number)) for key, number in numbers if number]

    def _compute_view(self, naming_fields: int, task: str) -> int:
        """How the naming components look to a task: equal for two that could change places."""
        names = dict.fromkeys(self.space.group, OTHER) | {task: SELF}
        seen = tuple(
            (key, value_of(renamed_value(key, value, names)))
            for key, value in self._values(naming_fields)
        )
        return self._view_numbers.setdefault(seen, len(self._view_numbers))

    def _compute_renamed(self, naming_fields: int, group: Group, order: Order) -> int:
        """The naming components after the tasks of a group have changed places."""
        names = {group[source]: group[place] for place, source in enumerate(order)}
        part = 0
        for key, value in self._values(naming_fields):
            number = self.space.number(key, renamed_value(key, value, names))
            part |= number << self.space.field(key)[0]
        return part
