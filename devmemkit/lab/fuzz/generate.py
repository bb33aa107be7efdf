"""Random operation sequences, from a seed: the same for every kernel, each playable by itself.

Only what the model knows is generated. Left out, and why:
- stores where a device or the machine's own memory could be hit: sequences that map such places
  open them for reading only and store nowhere; what they read is not compared (Act.live), only
  whether they can;
- claims other than ramoops can make: even sizes from 16 bytes to 4 MiB (larger ones that are
  refused end the kernel), one at a time, not beside System RAM;
- a copy into two pages at once: where the second is dead the guest's way to keep the contents
  would leave zeroes in the first;
- descriptors that were closed and given out again, whose file may be of another kind, and those
  closed before a fork in the child, where the guest opens some of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from devmemkit.lab.fuzz.actions import Actions
from devmemkit.lab.fuzz.writer import PROCESSES
from devmemkit.scenarios.play import Act

__all__ = ["LIFE", "MIX", "PROCESSES", "Sequence", "sequence", "sequences"]

LIFE = 28
"""Sequences of one guest: bindings of persistent memory first, the removal of a device last."""

TOUCH = {"load": 50, "store": 30, "copy": 7, "debug": 3, "read_memory": 6}
CHANGE = {
    "map_file": 10,
    "unmap": 2.5,
    "protect": 4,
    "advise": 3,
    "lock": 2,
    "move": 4,
    "fork": 0.5,
}
FILES = {"open_file": 2, "close_file": 2, "ask": 0.6, "seek": 1.5, "write_memory": 4}
CLAIM = {"claim": 9}

MIX: dict[str, dict[str, float]] = {
    "plain": {**TOUCH, **CHANGE, **FILES},
    "claim": {**TOUCH, **CHANGE, **FILES, **CLAIM},
    # registers, ROM, RAM below 1 MiB: nothing is stored
    "device": {**TOUCH, **CHANGE, **FILES, "store": 0, "write_memory": 0},
    "bind": {**TOUCH, **CHANGE, **FILES, "store": 0, "write_memory": 0, "claim": 3, "bind": 10},
    # a mapping that is split or moved in part would leave a cache type behind, and the driver
    # maps all of persistent memory: here none is
    "pmem": {**TOUCH, **FILES, "map_file": 10, "fork": 1, "bind": 6, "read_disk": 8},
    "remove": {
        **TOUCH,
        **CHANGE,
        **FILES,
        "store": 0,
        "write_memory": 0,
        "bind": 2,
        "remove": 3,
        "ask": 3,
    },
}
"""Kind of sequence: action: weight."""

KINDS = {"plain": 40, "device": 14, "claim": 44, "bind": 2}


@dataclass(frozen=True)
class Sequence:
    """Acts of one random sequence; `windows` is the number of its windows (see places.windows)."""

    index: int
    kind: str
    acts: tuple[Act, ...]
    windows: int


def sequence(seed: int, index: int) -> Sequence:
    """Sequence `index` of a seed: about 360 acts of two to six processes, drivers, a debugger."""
    chance = random.Random(f"{seed}/{index}")
    at = index % LIFE
    kind = "pmem" if at == 0 else "remove" if at == LIFE - 1 else _kind(chance)
    writer = Actions(chance, kind, at)
    mix = MIX[kind]
    names, weights = list(mix), list(mix.values())
    length = chance.randint(300, 420)
    while len(writer.acts) < length:
        (name,) = chance.choices(names, weights)
        getattr(writer, name)()
    return Sequence(index, kind, tuple(writer.acts), at)


def _kind(chance: random.Random) -> str:
    return chance.choices(list(KINDS), list(KINDS.values()))[0]


def sequences(seed: int, recorded: tuple[Sequence, ...] = ()) -> Iterator[Sequence]:
    """All sequences of a seed, without end; those that were `recorded` stand for its first."""
    yield from recorded
    yield from (sequence(seed, index) for index in count(len(recorded)))
