"""Task names in a state: the task that owns a component, and values with their tasks renamed.

>>> tasks = ("U0", "C0")
>>> owner(("pagetable", "U0"), tasks), owner("iomem", tasks), kind(("lock", "mmap", "U0"))
('U0', None, 'lock mmap')
>>> holders = (("C0", True),)  # the value of a lock: who holds it, and whether to write
>>> tasks_in(holders, tasks), renamed(holders, {"C0": "C1"})
({'C0'}, (('C1', True),))
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from devmemkit.model.machine import Key
from devmemkit.model.mm.address_space import AddressSpace

SETS = ("memtype", "lock", "muxed_wait")
"""Components whose value is a set, kept as a sorted tuple.

Renaming must sort it again, so no step may depend on the order of the names in it.
"""


def owner(key: Key, tasks: Container[Any]) -> str | None:
    """The task that a component belongs to: the last element of its key, if that is a task."""
    return str(key[-1]) if isinstance(key, tuple) and key[-1] in tasks else None


def kind(key: Key) -> str:
    """A component's key without its owner, as text: "lock mmap" for ("lock", "mmap", "U0")."""
    return key if isinstance(key, str) else key_text(key[:-1])


def key_text(key: Key) -> str:
    """A component's whole key as text: "lock mmap U0"."""
    return key if isinstance(key, str) else " ".join(map(str, key))


def renamed_value(key: Key, value: Any, names: Mapping[str, str]) -> Any:
    """The value of component `key` with tasks renamed; None for an absent component."""
    value = renamed(value, names)
    is_set = value is not None and (key if isinstance(key, str) else key[0]) in SETS
    return tuple(sorted(value)) if is_set else value


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Any value of the model with each string that is a key of `names` replaced."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        items = [renamed(item, names) for item in value]
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    if isinstance(value, frozenset):
        return frozenset(renamed(item, names) for item in value)
    if isinstance(value, AddressSpace):
        twin = AddressSpace()
        for entry in value.value():
            twin.link(renamed(entry, names))
        return twin
    parts = _parts(value)
    return replace(value, **{n: renamed(p, names) for n, p in parts.items()}) if parts else value


def tasks_in(value: Any, tasks: Iterable[str]) -> set[str]:
    """The tasks whose name is a string of a value.

    A name within a longer string is not found: no step may take one out of it.
    """
    return set(tasks) & set(_strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, AddressSpace):
        yield from _strings(value.value())
    else:
        for part in _parts(value).values():
            yield from _strings(part)


def _parts(value: Any) -> dict[str, Any]:
    """The fields of an immutable record; no task is named in what steps edit in place.

    That is so for every component of the model but the AddressSpace, which is looked at by itself.
    """
    names = () if hasattr(value, "copy") else getattr(value, "__dataclass_fields__", ())
    return {name: getattr(value, name) for name in names}
