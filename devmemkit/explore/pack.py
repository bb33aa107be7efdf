"""States as integers: each component has a field of bits, which holds the number of its value.

Tasks that differ only in name ("alike") get blocks of fields with the same layout. Their values are
numbered together, with the owner's name replaced by SELF, so that a number means the same in every
block. Exchanging two such tasks in a state is then exchanging their blocks, and renaming them in
shared components, those that none of the tasks alike owns. A component of one of them must not name
another: nothing would rename it. With U0 and U1 alike, ("stack", "U0") and ("stack", "U1") have the
*neutral* key ("stack", "·"): it has the width and the numbers of both, and stands at the same place
in the block of each.

>>> from devmemkit.model.kernel import KernelProfile
>>> space = Space(Machine(KernelProfile("6.12"), {"clock": 0, "count": 7}))
>>> space.field("count"), space.number("count", 7), space.number("count", 9)
((8, 255), 1, 2)
>>> hex(space.start), space.unpack(0x201)["count"]
('0x101', 9)
"""

from __future__ import annotations

from typing import Any

from devmemkit.explore.names import key_text, owner, renamed, renamed_value, tasks_in
from devmemkit.model.machine import Key, Machine, value_of

BITS = 8
"""The width of a new field."""
SELF = "·"
"""Stands for the owner's name in the key and value of a component owned by one of several alike."""

Group = tuple[str, ...]
"""Tasks that differ only in name."""


class LayoutChanged(Exception):
    """The fields must be laid out again, and every packed state so far is void.

    A field was too narrow, a block lacked a component, or a shared component began to name tasks.
    """


class Space:
    """The layout of a state, and the numbers of all values met so far.

    Number 0 is an absent component; other values are numbered as they are met.
    """

    def __init__(self, machine: Machine, alike: tuple[Group, ...] = ()) -> None:
        self.machine = machine
        self.group = {task: group for group in alike for task in group}
        # `values`, `_numbers` and `_bits` are by neutral key, and kept when the layout changes
        self.values: dict[Key, list[Any]] = {}
        self._numbers: dict[Key, dict[Any, int]] = {}
        self._bits: dict[Key, int] = {}
        self._block_keys: dict[Group, list[Key]] = {group: [] for group in alike}
        self.naming_keys: list[Key] = []  # shared components that have named a task alike
        self._value_cache: dict[tuple[Key, int], Any] = {}
        self._number_cache: dict[tuple[Key, Any], int] = {}  # by the value as value_of() gives it
        self.lay_out()

    def lay_out(self) -> None:
        """Place all fields again, using the widths and block contents known by now."""
        while True:
            self.fields: dict[Key, tuple[int, int]] = {}
            self.blocks: dict[Group, tuple[list[int], int]] = {}
            self.naming_mask = 0  # the fields of `naming_keys`
            self._end = 0
            for group, keys in self._block_keys.items():
                starts = []
                for task in group:
                    starts.append(self._end)
                    for key in keys:
                        self._place(renamed(key, {SELF: task}), key)
                width = (self._end - starts[0]) // len(group)
                self.blocks[group] = starts, (1 << width) - 1
            for key in self.naming_keys:
                shift, mask = self.field(key)
                self.naming_mask |= mask << shift
            try:
                self.start = self.pack(self.machine)
            except LayoutChanged:  # a new component of a block, or a value that needs a wider field
                continue
            return

    def field(self, key: Key) -> tuple[int, int]:
        """The shift of a component's field, and its mask after shifting.

        LayoutChanged for a new component of a block.
        """
        if key not in self.fields:
            neutral, task = self._neutral(key)
            if task is not None:
                self._block_keys[self.group[task]].append(neutral)
                raise LayoutChanged
            self._place(key, key)
        return self.fields[key]

    def _place(self, key: Key, neutral: Key) -> None:
        bits = self._bits.setdefault(neutral, BITS)
        self.fields[key] = self._end, (1 << bits) - 1
        self._end += bits

    def _neutral(self, key: Key) -> tuple[Key, str | None]:
        """The key that stands for this component of every task alike, and the task that owns it."""
        task = owner(key, self.group)
        return (renamed(key, {task: SELF}) if task else key), task

    def number(self, key: Key, value: Any) -> int:
        """The number of a component's value, a new one if need be.

        LayoutChanged when the field is full, or when a shared component first names a task alike;
        ValueError when a component of one names another.
        """
        if value is None:
            return 0
        known = (key, value_of(value))
        if known not in self._number_cache:
            self._number_cache[known] = self._number(key, value)
        return self._number_cache[known]

    def _number(self, key: Key, value: Any) -> int:
        mask = self.field(key)[1]
        neutral, task = self._neutral(key)
        if task is not None:
            value = renamed_value(key, value, {task: SELF})
            if others := tasks_in(value, self.group):
                got = ", ".join(sorted(others))
                raise ValueError(f"{key_text(key)}: expected no task alike but {task}, got {got}")
        numbers = self._numbers.setdefault(neutral, {})
        values = self.values.setdefault(neutral, [None])
        plain = value_of(value)
        if plain not in numbers:
            if len(values) > mask:
                self._bits[neutral] *= 2
                raise LayoutChanged
            numbers[plain] = len(values)
            values.append(value)
            if task is None and key not in self.naming_keys and tasks_in(value, self.group):
                self.naming_keys.append(key)
                raise LayoutChanged
        return numbers[plain]

    def value(self, key: Key, number: int) -> Any:
        """The component's value that has this number."""
        if number == 0:
            return None
        if (key, number) not in self._value_cache:
            neutral, task = self._neutral(key)
            value = self.values[neutral][number]
            if task is not None:
                value = renamed_value(key, value, {SELF: task})
            self._value_cache[key, number] = value
        return self._value_cache[key, number]

    def number_in(self, state: int, key: Key) -> int:
        """The number in a component's field."""
        shift, mask = self.field(key)
        return state >> shift & mask

    def pack(self, machine: Machine) -> int:
        """The state of a machine."""
        state = 0
        for key, value in machine.components.items():
            number = self.number(key, value)
            state |= number << self.field(key)[0]
        return state

    def unpack(self, state: int) -> Machine:
        """The machine of a state."""
        return self.machine.with_(
            {key: self.value(key, state >> at & mask) for key, (at, mask) in self.fields.items()}
        )
