"""Write stories: actors that make acts, and the idle ranges of the lab's machine."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import Lab
from devmemkit.scenarios.play import Act, Ref, without

IN_PAGE = 0x40
"""Offset in a page at which stories read and write; ramoops writes to a claim's first bytes."""


@dataclass(frozen=True)
class Actor:
    """Writes the acts of one actor: key, operation, what it does in words, arguments."""

    name: str

    def __call__(self, key: str, operation: str, says: str = "", **arguments: Any) -> Act:
        needs, live = arguments.pop("needs", ""), arguments.pop("live", False)
        return Act(key, self.name, operation, arguments, says, needs, live)


class Driver(Actor):
    """A driver, or the administrator who binds it."""

    def claim(
        self, start: int, size: int, says: str = "claims it", key: str = "claim", needs: str = ""
    ) -> Act:
        """Claim bytes [start, start+size)."""
        return self(key, "request_mem_region", says, start=start, size=size, needs=needs)

    def release(
        self, start: int, size: int, says: str = "releases it", key: str = "release",
        needs: str = "claim",
    ) -> Act:  # fmt: skip
        """Release what the act `needs` has claimed."""
        return self(key, "release_mem_region", says, start=start, size=size, needs=needs)


class Process(Actor):
    """A process: its acts are on its own memory and files."""

    def __call__(self, key: str, operation: str, says: str = "", **arguments: Any) -> Act:
        return super().__call__(key, operation, says, **{"pid": self.name, **arguments})

    def open_mem(self, key: str = "open", says: str = "opens /dev/mem", **more: Any) -> Act:
        return self(key, "open_devmem", says, **more)

    def map_mem(
        self, key: str, says: str, start: int, pages: int, fd: str = "open", **more: Any
    ) -> Act:
        """Map `pages` from physical address `start` through /dev/mem."""
        where = {"offset": start, "length": pages * PAGE_SIZE}
        return self(key, "mmap_devmem", says, fd=Ref(fd), **where, **more)

    def open_bar(self, bdf: str, bar: int, key: str = "open", says: str = "", **more: Any) -> Act:
        says = says or f"opens resource{bar}"
        return self(key, "open_resource", says, bdf=bdf, bar=bar, **more)

    def map_bar(
        self, key: str, says: str, page: int = 0, pages: int = 1, fd: str = "open", **more: Any
    ) -> Act:
        """Map `pages` of an open resource file from `page` on."""
        where = {"offset": page * PAGE_SIZE, "length": pages * PAGE_SIZE}
        return self(key, "mmap_resource", says, fd=Ref(fd), **where, **more)

    def open_proc(self, lab: Lab, key: str = "open") -> Act:
        """Open the file of the device without a driver in /proc/bus/pci."""
        says = f"opens /proc/bus/pci/{lab.proc_bus}/{lab.ivshmem.partition(':00:')[2]}"
        return self(key, "open_proc_pci", says, bdf=lab.ivshmem)

    def load(self, key: str, page: int, of: str = "map", **more: Any) -> Act:
        """Read 8 bytes of a mapping's page."""
        return self(key, "load", f"reads page {page}", address=in_page(of, page), **more)

    def store(self, key: str, page: int, value: int, of: str = "map") -> Act:
        """Write 8 bytes to a mapping's page."""
        where = {"address": in_page(of, page), "value": value}
        return self(key, "store", f"writes to page {page}", **where)


P, Q, C, D = Process("P"), Process("Q"), Process("C"), Driver("D")
G = Actor("G")
"""A debugger, or another process that looks into process `pid`."""


def in_page(of: str, page: int) -> Ref:
    """The place in a mapping's page that stories read and write."""
    return Ref(of, page * PAGE_SIZE + IN_PAGE)


@dataclass(frozen=True)
class Story:
    """Acts in order on a machine of the lab; `name` is unique in its scenario.

    `cause` is the key of the act whose effect the story shows; `cmdline` is added to the kernel's
    command line; `arch` is the only architecture that has what it is about, "" if all do.
    """

    name: str
    says: str
    acts: tuple[Act, ...]
    cause: str = ""
    cmdline: str = ""
    arch: str = field(default="", compare=False)

    @cached_property
    def control(self) -> Self | None:
        """The story without its cause and the acts that need it; None without a cause."""
        if not self.cause:
            return None
        kept = without(self.acts, {self.cause})
        says = f"{self.says} (control: without {self.cause!r})"
        return replace(self, name=f"{self.name}-control", says=says, acts=kept, cause="")


def story(
    make: Callable[..., tuple[Act, ...]], *arguments: Any, name: str = "", **more: str
) -> Story:
    """The story of the acts that `make` gives; it says the first line of `make`'s docstring."""
    says = (make.__doc__ or "").split("\n")[0]
    return Story(name or make.__name__, says, make(*arguments), **more)


@dataclass(frozen=True)
class Window:
    """A range of idle pages of a machine, one `number` a story, mapped `via` "devmem" or "sysfs".

    "devmem" is persistent memory, opened with O_SYNC, as a write-back mapping would conflict with
    the claimer's own; "sysfs" is the BAR of the ivshmem device.
    """

    lab: Lab
    via: str
    number: int

    @property
    def start(self) -> int:
        start = self.lab.pmem if self.via == "devmem" else self.lab.ivshmem_bar
        return start + self.number * 0x10_0000

    def open(self, who: Process, key: str = "open") -> Act:
        if self.via == "devmem":
            return who.open_mem(key, dsync=True)
        return who.open_bar(self.lab.ivshmem, 2, key)

    def map(
        self, who: Process, key: str, pages: int, first: int = 0, *, fd: str = "open", **more: Any
    ) -> Act:
        """Map `pages` from page `first` on."""
        says = f"maps pages {first} to {first + pages - 1}" if pages > 1 else f"maps page {first}"
        if self.via == "devmem":
            return who.map_mem(key, says, self.start + first * PAGE_SIZE, pages, fd, **more)
        page = first + (self.start - self.lab.ivshmem_bar) // PAGE_SIZE
        return who.map_bar(key, says, page, pages, fd, **more)

    def mapped(self, pages: int, **more: Any) -> tuple[Act, Act]:
        """P opens the file and maps its first `pages`."""
        return self.open(P), self.map(P, "map", pages, **more)

    def claim(self, offset: int, size: int) -> Act:
        return D.claim(self.start + offset, size, f"claims +{offset:#x}..+{offset + size - 1:#x}")

    def release(self, offset: int, size: int) -> Act:
        return D.release(self.start + offset, size)
