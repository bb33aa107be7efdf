"""Machines as integers: one field of bits a component, in it the number of its value.

Tasks that differ in name alone have blocks of equal layout, in which equal numbers mean the same
but for the task's own name. So exchanging two such tasks is exchanging their blocks.
"""

from __future__ import annotations

from typing import Any

from devmemkit.explore.names import mentions, owner, renamed_key, renamed_part
from devmemkit.model.machine import Key, Machine, value_of

BITS = 8
"""Bits of a component's field at first."""
SELF = "·"
"""A task's own name in the values of its components."""

Group = tuple[str, ...]


class Relaid(Exception):
    """The layout no longer fits: a field is too narrow, a block lacks a component, or a component
    turns out to name tasks. The space is to be laid out anew."""


class Space:
    """The fields and values of all states that one search meets.

    A state is an int. A component that is absent has number 0; others are numbered as they come, so
    that equal values have equal numbers. `alike` are groups of tasks with blocks of equal layout.
    """

    def __init__(self, machine: Machine, alike: tuple[Group, ...] = ()) -> None:
        self.machine = machine
        self.alike = alike
        self.group = {task: group for group in alike for task in group}
        self.parts: dict[Key, list[Any]] = {}
        self._numbers: dict[Key, dict[Any, int]] = {}
        self._bits: dict[Key, int] = {}
        self._kinds: dict[Group, list[Key]] = {group: [] for group in alike}
        self._under: dict[Key, tuple[Key, str | None]] = {}
        self._names: list[Key] = []
        self._own: dict[tuple[Key, int], Any] = {}
        self.relay()

    def relay(self) -> None:
        """Lay the fields out anew, with all that is known of their widths and of the blocks."""
        while True:
            try:
                return self._lay()
            except Relaid:
                continue

    def _lay(self) -> None:
        self.shift: dict[Key, int] = {}
        self.mask: dict[Key, int] = {}
        self.blocks: dict[Group, tuple[list[int], int]] = {}
        self.common: list[Key] = []
        self.naming = 0  # the fields of those that belong to no task but may name some
        self._end = 0
        for group, keys in self._kinds.items():
            starts = []
            for task in group:
                starts.append(self._end)
                for key in keys:
                    self._place(renamed_key(key, {SELF: task}), key)
            self.blocks[group] = starts, (1 << ((self._end - starts[0]) // len(group))) - 1
        for key in self._names:
            self.field(key)
            self.naming |= self.mask[key] << self.shift[key]
        self.start = self.pack(self.machine)

    def field(self, key: Key) -> tuple[int, int]:
        """Where a component's field is: its shift, and the mask to apply behind it.

        Relaid when it belongs to a block that was laid out without it.
        """
        if key not in self.shift:
            neutral, task = self.neutral(key)
            if task is not None:
                self._kinds[self.group[task]].append(neutral)
                raise Relaid
            self._place(key, key)
            self.common.append(key)
        return self.shift[key], self.mask[key]

    def _place(self, key: Key, neutral: Key) -> None:
        bits = self._bits.setdefault(neutral, BITS)
        self.shift[key], self.mask[key] = self._end, (1 << bits) - 1
        self._end += bits

    def neutral(self, key: Key) -> tuple[Key, str | None]:
        """The component that stands for the same one of every task alike, and whose it is."""
        if key not in self._under:
            task = owner(key, self.group)
            self._under[key] = (renamed_key(key, {task: SELF}) if task else key), task
        return self._under[key]

    def number(self, key: Key, part: Any) -> int:
        """The number of a component's value; Relaid when its field is full."""
        if part is None:
            return 0
        mask = self.field(key)[1]
        neutral, task = self.neutral(key)
        if task is not None:
            part = renamed_part(key, part, {task: SELF})
        numbers = self._numbers.setdefault(neutral, {})
        parts = self.parts.setdefault(neutral, [None])
        value = value_of(part)
        if value not in numbers:
            if len(parts) > mask:
                self._bits[neutral] *= 2
                raise Relaid
            numbers[value] = len(parts)
            parts.append(part)
            if task is None and key not in self._names and mentions(part, self.group):
                self._names.append(key)
                raise Relaid
        return numbers[value]

    def part(self, key: Key, number: int) -> Any:
        """The value that has a number."""
        if number == 0:
            return None
        if (key, number) not in self._own:
            neutral, task = self.neutral(key)
            part = self.parts[neutral][number]
            self._own[key, number] = renamed_part(key, part, {SELF: task}) if task else part
        return self._own[key, number]

    def pack(self, machine: Machine) -> int:
        """The state of a machine."""
        state = 0
        for key, part in machine.components.items():
            number = self.number(key, part)
            state |= number << self.field(key)[0]
        return state

    def unpack(self, state: int) -> Machine:
        """The machine of a state."""
        known = {
            key: self.part(key, state >> at & self.mask[key]) for key, at in self.shift.items()
        }
        return self.machine.with_(dict.fromkeys(self.machine.components) | known)
