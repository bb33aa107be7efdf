"""The resource tree (kernel/resource.c): owners of physical addresses; ends are inclusive."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.printable import printable

_END = attrgetter("end")


@dataclass(slots=True, eq=False, repr=False)
class Resource:
    """A node: `start` and `end` (bytes, inclusive), name, flags, desc, parent and children.

    Source: struct resource, include/linux/ioport.h.
    """

    start: int
    end: int
    name: str = ""
    flags: int = 0
    desc: int = 0
    parent: Resource | None = None
    children: list[Resource] = field(default_factory=list)
    disjoint: bool = True  # children sorted and disjoint; False only in damaged firmware trees

    def __str__(self) -> str:
        return f"{self.start:08x}-{self.end:08x} : {printable(self.name)}"

    __repr__ = __str__

    @property
    def busy(self) -> bool:
        return bool(self.flags & fl.IORESOURCE_BUSY)

    @property
    def system_ram(self) -> bool:
        return self.flags & fl.IORESOURCE_SYSTEM_RAM == fl.IORESOURCE_SYSTEM_RAM

    @property
    def size(self) -> int:
        """Bytes (resource_size)."""
        return self.end - self.start + 1

    def first_reaching(self, address: int) -> int:
        """Index of the first child whose end is at or above `address`; O(log n) when disjoint."""
        if self.disjoint:
            return bisect_left(self.children, address, key=_END)
        return next(
            (i for i, child in enumerate(self.children) if child.end >= address), len(self.children)
        )

    def index_of(self, child: Resource) -> int | None:
        """The index of `child` among the children, or None; O(log n) when disjoint."""
        around = range(self.first_reaching(child.end), len(self.children))
        return next((index for index in around if self.children[index] is child), None)

    def overlapping(self, start: int, end: int) -> Iterator[Resource]:
        """The children that share a byte with [start, end], in order."""
        for index in range(self.first_reaching(start), len(self.children)):
            child = self.children[index]
            if child.start > end:
                return
            if child.end >= start:
                yield child

    def walk(self) -> Iterator[Resource]:
        """This node's descendants in pre-order, without itself."""
        for child in self.children:
            yield child
            yield from child.walk()

    def value(self) -> tuple[object, ...]:
        """The subtree as nested tuples: equal values, equal trees."""
        below = tuple([child.value() for child in self.children])
        return self.start, self.end, self.name, self.flags, self.desc, below

    def copy(self) -> Resource:
        """A deep copy of the subtree, without a parent."""
        twin = Resource(self.start, self.end, self.name, self.flags, self.desc)
        twin.disjoint = self.disjoint
        for child in self.children:
            below = child.copy()
            below.parent = twin
            twin.children.append(below)
        return twin


def request_resource_conflict(root: Resource, new: Resource) -> Resource | None:
    """Insert `new` among the direct children of `root`, or return the conflict.

    `root` itself is the conflict when `new` does not lie inside it.
    Source: __request_resource, all versions.
    """
    if new.end < new.start or new.start < root.start or new.end > root.end:
        return root
    index = root.first_reaching(new.start)
    if index < len(root.children) and root.children[index].start <= new.end:
        return root.children[index]
    root.children.insert(index, new)
    new.parent = root
    return None


def release_resource(old: Resource) -> None:
    """Unlink `old` with its subtree; EINVAL when `old` is in no tree (all versions)."""
    parent = old.parent
    at = None if parent is None else parent.index_of(old)
    if parent is None or at is None:
        raise KernelError("EINVAL", f"{old} is not among its parent's children")
    del parent.children[at]
    old.parent = None
