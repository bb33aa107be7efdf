"""Tasks that differ in name alone: whose a component is, and values under other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from devmemkit.model.machine import Key, value_of
from devmemkit.model.mm.address_space import AddressSpace

SETS = ("memtype", "lock", "muxed_wait")
"""Components that are sorted tuples: without an order of their own."""


def owner(key: Key, tasks: Iterable[str]) -> str | None:
    """The task that a component belongs to by its name, such as ("lock", "mmap U0") to U0."""
    if isinstance(key, str) or not isinstance(key[-1], str):
        return None
    last = key[-1].split(" ")[-1]
    return last if last in tasks else None


def kind(key: Key) -> str:
    """What a component that belongs to a task is, such as "lock mmap"."""
    if isinstance(key, str):
        return key
    return " ".join(str(key[0]).split(" ") + str(key[-1]).split(" ")[:-1])


def renamed_key(key: Key, names: Mapping[str, str]) -> Key:
    """The same component of another task."""
    if isinstance(key, str):
        return key
    return (*key[:-1], renamed(key[-1], names))


def renamed_part(key: Key, part: Any, names: Mapping[str, str]) -> Any:
    """A component's value in which tasks have other names."""
    part = renamed(part, names)
    return tuple(sorted(part)) if part is not None and _first(key) in SETS else part


def _first(key: Key) -> str | int:
    return key if isinstance(key, str) else key[0]


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Any value of the model's in which each word that is a name is another."""
    if isinstance(value, str):
        words = value.split(" ")
        return " ".join([names.get(word, word) for word in words])
    if isinstance(value, tuple):
        made = [renamed(one, names) for one in value]
        return value._make(made) if hasattr(value, "_make") else tuple(made)
    if isinstance(value, frozenset):
        return frozenset(renamed(one, names) for one in value)
    if isinstance(value, AddressSpace):
        twin = AddressSpace()
        for entry in value.value():
            twin.link(renamed(entry, names))
        return twin
    if is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: renamed(one, names) for name, one in old.items()})
    return value


def mentions(value: Any, names: Iterable[str]) -> bool:
    """Whether a value has a word in it that is one of these names."""
    changed = renamed(value, dict.fromkeys(names, ""))
    return bool(value_of(changed) != value_of(value))
