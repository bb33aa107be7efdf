"""Steps as decision trees, learned by watching the model's own step functions.

A step sees the state only through its View, beside what no step changes, such as the kernel. So its
result depends only on the components that it reads, and which it reads next depends only on the
values that it has read before: its cases form a tree. So do those of merged steps (system.py) while
footprints stay as they are. A case that was learned before they grew stays until a new one needs
its place: the search is void by then, and only learns. The real step runs once for each combination
of values read (and again whenever the search starts again), and the tree remembers what it
replaced: inner nodes look up a component, leaves say how the state changes. Nothing here knows a
rule of the kernel.

>>> from devmemkit.model.kernel import KernelProfile
>>> from devmemkit.model.machine import Machine
>>> def double(m: View) -> None:
...     m["count"] = 2 * m["count"]
>>> space = Space(Machine(KernelProfile("6.12"), {"clock": 0, "count": 7}))
>>> leaf = Tree(space, double).at(space.start)
>>> leaf.reads, leaf.writes  # 7 is value number 1, 14 number 2
({'count': 1}, {'count': 2})
>>> space.unpack(space.start & leaf.keep | leaf.put)["count"]
14
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devmemkit.explore.pack import Space
from devmemkit.model.errors import Blocked
from devmemkit.model.machine import Key, View


@dataclass(slots=True, eq=False)
class Leaf:
    """One learned case: the values read, and the change, to `state & keep | put`.

    `reads` and `writes` map keys, in order of first use, to the numbers of their values. `writes`
    leave out a component that was read and has its value again; one written without a read is kept,
    since it may change another state. `result` is what the function returned, `blocked` the
    exception if it was raised instead. `keep` and `put` follow from `writes` and the layout.
    """

    reads: dict[Key, int]
    writes: dict[Key, int]
    result: Any
    blocked: Blocked | None
    keep: int = -1
    put: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Tree:
    """A function of a View, learned for the states asked so far; `on_learn` gets each new leaf."""

    space: Space
    function: Callable[[View], Any]
    on_learn: Callable[[Leaf], None] = lambda leaf: None
    leaves: list[Leaf] = field(default_factory=list)
    reads_mask: int = 0  # the fields that any leaf reads: other bits make no difference
    cache: dict[int, Leaf] = field(default_factory=dict)  # by the state's bits under that mask
    # None at first; an inner node is (shift, mask, {number: node}), an outer one a Leaf
    _root: Any = None

    def at(self, state: int) -> Leaf:
        """The leaf for a state."""
        leaf = self.cache.get(state & self.reads_mask)
        if leaf is None:
            leaf = self._find(state)
            self.cache[state & self.reads_mask] = leaf
        return leaf

    def _find(self, state: int) -> Leaf:
        """Follow the branches that fit a state; learn a new leaf where they end."""
        node = self._root
        while node.__class__ is tuple:
            shift, mask, branches = node
            node = branches.get(state >> shift & mask)
        return node if node is not None else self._learn(state)

    def _learn(self, state: int) -> Leaf:
        leaf = self._watch(state)
        self._place(leaf)
        self.on_learn(leaf)
        self.leaves.append(leaf)
        return leaf

    def _place(self, leaf: Leaf) -> None:
        """Work out how a leaf changes a state, and put the leaf into the tree."""
        for key, number in leaf.writes.items():
            shift, mask = self.space.field(key)
            leaf.keep &= ~(mask << shift)
            leaf.put |= number << shift
        fields = [self.space.field(key) for key in leaf.reads]
        for shift, mask in fields:
            if not self.reads_mask >> shift & mask:
                self.reads_mask |= mask << shift
                self.cache.clear()
        if not fields:
            self._root = leaf
            return
        if not _asks(self._root, fields[0]):
            self._root = (*fields[0], {})
        branches = self._root[2]
        *path, last = leaf.reads.values()
        for number, following in zip(path, fields[1:], strict=True):
            node = branches.get(number)
            if not _asks(node, following):
                node = branches[number] = (*following, {})
            branches = node[2]
        branches[last] = leaf

    def _watch(self, state: int) -> Leaf:
        """Run the function on a state, and note what it read and replaced."""
        space = self.space
        m = View(space.unpack(state))
        result, blocked = None, None
        try:
            result = self.function(m)
        except Blocked as error:
            blocked, m.writes = error, {}
        reads = {key: space.number_in(state, key) for key in m.reads}
        numbers = {key: space.number(key, value) for key, value in m.writes.items()}
        writes = {key: number for key, number in numbers.items() if reads.get(key) != number}
        return Leaf(reads, writes, result, blocked)


def _asks(node: Any, field: tuple[int, int]) -> bool:
    """Whether a node of a tree looks up a field."""
    return node.__class__ is tuple and node[:2] == field
