"""Random operation sequences: a seed gives the same ones on every kernel; each plays alone.

Left out, as the model does not have them or the guest cannot do them:
- stores that could hit a device or the machine's own memory. Sequences that map such places open
  them for reading only and store nowhere; the values that they read are not compared (Act.live);
- claims that ramoops cannot make. It makes one at a time, of an even size from 16 bytes to 4 MiB (a
  larger one that is refused ends the kernel), and not next to System RAM;
- a copy into two pages at once: if the second is dead, the agent, which keeps the contents, would
  leave zeroes in the first;
- a descriptor that was closed and given out again, for its file may be of another kind, and in a
  child one that was closed before the fork, for the agent opens descriptors of its own there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from devmemkit.lab.fuzz.actions import Actions
from devmemkit.lab.fuzz.places import PLACES
from devmemkit.lab.fuzz.writer import PROCESSES
from devmemkit.scenarios.play import Act

__all__ = ["LIFE", "MIX", "PROCESSES", "Sequence", "sequence", "sequences"]

LIFE = 28
"""Sequences in one guest: the first binds persistent memory, the last removes a device."""

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
LOOK = {**TOUCH, **CHANGE, **FILES, "store": 0, "write_memory": 0}

MIX: dict[str, dict[str, float]] = {
    "plain": {**TOUCH, **CHANGE, **FILES},
    "claim": {**TOUCH, **CHANGE, **FILES, "claim": 9},
    # registers, ROM, RAM below 1 MiB: nothing is stored
    "device": LOOK,
    "bind": {**LOOK, "claim": 3, "bind": 10},
    # No mapping is split or moved in part: that would leave a cache type behind in persistent
    # memory, all of which the driver maps.
    "pmem": {**TOUCH, **FILES, "map_file": 10, "fork": 1, "bind": 6, "read_disk": 8},
    "remove": {**LOOK, "bind": 2, "remove": 3, "ask": 3},
}
"""Kind of sequence: action: weight."""

KINDS = {"plain": 40, "device": 14, "claim": 44, "bind": 2}


@dataclass(frozen=True)
class Sequence:
    """One random sequence; `windows` is how many idle ranges it uses (see places.windows)."""

    index: int
    kind: str
    acts: tuple[Act, ...]
    windows: int


def sequence(seed: int, index: int, lab: str = "2g") -> Sequence:
    """Sequence `index` of a seed on a machine of LABS: about 360 acts of two to six processes."""
    chance = random.Random(f"{seed}/{index}")
    at = index % LIFE
    kind = {0: "pmem", LIFE - 1: "remove"}.get(at)
    kind = kind or chance.choices(list(KINDS), list(KINDS.values()))[0]
    writer = Actions(chance, kind, at, PLACES[lab])
    mix = MIX[kind]
    names, weights = list(mix), list(mix.values())
    length = chance.randint(300, 420)
    while len(writer.acts) < length:
        writer.turn()
        (name,) = chance.choices(names, weights)
        getattr(writer, name)()
    return Sequence(index, kind, tuple(writer.acts), at)


def sequences(
    seed: int, recorded: tuple[Sequence, ...] = (), lab: str = "2g"
) -> Iterator[Sequence]:
    """All sequences of a seed, without end; the `recorded` ones replace the first."""
    yield from recorded
    yield from (sequence(seed, index, lab) for index in count(len(recorded)))
