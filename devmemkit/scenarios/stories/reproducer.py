"""The parts of a story of data/reproducers: the device that is bound, the acts, the exit rule."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import NAMESPACE
from devmemkit.scenarios.play import Act, Played, Ref
from devmemkit.scenarios.races.scenario import Concurrent
from devmemkit.scenarios.stories.script import D, P

REPRODUCED, NOT_REPRODUCED, NOT_TRIED = range(3)
"""The exit statuses of every program."""

Told = tuple[int, str]
"""An exit status and the line printed with it, "" for a count that only timing decides."""


@dataclass(frozen=True)
class Reproducer:
    """A program with its arguments: what it does in order, and how it then ends.

    A program that races has a `race`, whose every order is searched: it reproduces if the search
    finds a page that survives; else it ends as its acts in order do.
    """

    acts: tuple[Act, ...]
    rule: Callable[[Played], Told]
    race: Callable[[KernelProfile], Concurrent] | None = None


class Device(NamedTuple):
    """What a program binds and unbinds: the operations, and their arguments."""

    probe: str
    remove: str
    where: dict[str, Any]
    driver: dict[str, str]

    def bind(self, key: str = "bind", **more: Any) -> Act:
        return D(key, self.probe, "the driver binds", **self.where, **self.driver, **more)

    def unbind(self, key: str, needs: str) -> Act:
        return D(key, self.remove, "the driver goes", needs=needs, **self.where)

    def prepared(self) -> tuple[Act, ...]:
        """The driver is loaded, so that it has the device, and the program unbinds it."""
        return (self.bind("loaded"), self.unbind("unloaded", "loaded"))


def ramoops(start: int, size: int) -> Device:
    """ramoops, told to claim bytes [start, start+size)."""
    return Device("ramoops_probe", "ramoops_remove", {"start": start, "size": size}, {})


PMEM_DEVICE = Device("bind", "unbind", {"bdf": NAMESPACE}, {"driver": "nd_pmem"})
NO_DEVICE = Device("", "", {}, {})
"""For a program that binds nothing."""


def map_mem(key: str, offset: int, length: int = PAGE_SIZE) -> Act:
    where = {"offset": offset, "length": length, "prot": "r"}
    return P(key, "mmap_devmem", "maps it", fd=Ref("open"), **where)


def load_from(key: str, of: str, plus: int = 0, size: int = 1) -> Act:
    return P(key, "load", "reads it", address=Ref(of, plus), size=size)


def strerror(outcome: Outcome | None) -> str:
    """The text of strerror; an act that was not played had no descriptor (EBADF)."""
    name = "EBADF" if outcome is None else outcome.errno
    return os.strerror(getattr(errno, name) if name else 0)


def succeeded(played: Played, key: str) -> bool:
    return key in played.outcomes and played.outcomes[key].ok


def page_after(played: Played, load: str, says: str, mapped: str = "still mapped") -> Told:
    """The ending of a program that looks at last whether a page is mapped."""
    alive = succeeded(played, load)
    return int(not alive), f"{says} {mapped if alive else 'gone'}"


def untried(played: Played, **wanted: str) -> Told | None:
    """Status 2 and the line for the first of these acts that failed, `wanted` being its label."""
    for key, name in wanted.items():
        if not succeeded(played, key):
            return NOT_TRIED, f"{name}: {strerror(played.outcomes.get(key))}"
    return None
