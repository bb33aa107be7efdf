"""Steps as decision trees, learned by watching the real ones.

A step is a function of what it reads. So it is run once for each combination of values that it was
seen to read, and what it replaced is kept: from then on the same step is a few look-ups in a tree
whose inner nodes ask for a component and whose leaves say what becomes of the state. Nothing here
knows a rule of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devmemkit.explore.pack import Space
from devmemkit.model.errors import Blocked
from devmemkit.model.machine import Key, View

Took = Callable[[View], Any]
"""Reads and writes a view, and says what is to be kept of it in the leaf."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a tree ends: the state becomes `state & keep | put`.

    `reads` and `writes` are keys in the order of their first use, `path` the numbers read. `said`
    is what the watched function returned, `blocked` the exception it raised instead, if any.
    """

    keep: int
    put: int
    reads: tuple[Key, ...]
    path: tuple[int, ...]
    writes: tuple[Key, ...]
    said: Any
    blocked: Blocked | None


class Tree:
    """One function of a view, learned as far as it was asked; `learned` is told each new leaf."""

    __slots__ = ("_function", "_learned", "known", "leaves", "reach", "root", "space")

    def __init__(self, space: Space, function: Took, learned: Callable[[Leaf], None]) -> None:
        self.space = space
        self.leaves: list[Leaf] = []
        self.root: Any = None
        self.reach = 0
        self.known: dict[int, Leaf] = {}
        self._function = function
        self._learned = learned

    def at(self, state: int) -> Leaf:
        """The leaf that a state leads to."""
        leaf = self.known.get(state & self.reach)
        if leaf is None:
            leaf = self._find(state)
            self.known[state & self.reach] = leaf
        return leaf

    def _find(self, state: int) -> Leaf:
        node = self.root
        while node.__class__ is tuple:
            shift, mask, branches = node
            node = branches.get(state >> shift & mask)
        return node if node is not None else self._learn(state)

    def _learn(self, state: int) -> Leaf:
        leaf = self._watch(state)
        self._learned(leaf)
        self.leaves.append(leaf)
        for key in leaf.reads:
            shift, mask = self.space.field(key)
            if not self.reach >> shift & mask:
                self.reach |= mask << shift
                self.known.clear()
        if not leaf.reads:
            self.root = leaf
            return leaf
        if self.root is None:
            self.root = (*self.space.field(leaf.reads[0]), {})
        branches = self.root[2]
        for number, following in zip(leaf.path, leaf.reads[1:], strict=False):
            if number not in branches:
                branches[number] = (*self.space.field(following), {})
            branches = branches[number][2]
        branches[leaf.path[-1]] = leaf
        return leaf

    def _watch(self, state: int) -> Leaf:
        space = self.space
        m = View(space.unpack(state))
        said, blocked = None, None
        try:
            said = self._function(m)
        except Blocked as found:
            blocked, m.writes = found, {}
        path = {}
        for key in m.reads:
            shift, mask = space.field(key)
            path[key] = state >> shift & mask
        keep, put, writes = -1, 0, []
        for key, part in m.writes.items():
            number = space.number(key, part)
            if path.get(key) != number:  # else it is as it was
                shift, mask = space.field(key)
                keep &= ~(mask << shift)
                put |= number << shift
                writes.append(key)
        return Leaf(keep, put, tuple(path), tuple(path.values()), tuple(writes), said, blocked)
