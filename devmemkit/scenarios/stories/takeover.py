"""Driver takeover: a process maps an idle region through /dev/mem, a driver claims part of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from devmemkit.model.flags import IORESOURCE_SYSRAM, PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.printable import printable
from devmemkit.model.process.task import new_task
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.machines import load_machine
from devmemkit.scenarios.play import SETTLE, Act, Played, Ref, play
from devmemkit.scenarios.words import format_outcome

AS_RELEASED = "as released"
"""The policy parameter's value for the kernel's own policy."""

QUESTIONS = {
    "map": "first\nmmap",
    "claim": "driver's\nclaim",
    "ioremap": "driver's\nioremap",
    "load_at_once": "load\nat once",
    "load_after": "load\nlater",
    "load_private": "private\ncopy",
    "pread": "pread(2)",
    "map_again": "new\nmmap",
    "load_released": "old map,\nreleased",
    "load_new": "new map,\nreleased",
}
"""The acts whose outcomes tell policies apart, and a short heading for each."""


@dataclass(frozen=True)
class Takeover:
    """The story's parameters; each is checked, and an error names what would be accepted.

    `region` is the name of an idle node of the machine, or an address inside one. `pages` are
    mapped from its start, write-back or, with `sync` (O_SYNC), uncached. The driver claims
    `claim_size` bytes from `claim_offset` in it, which must be mapped there.
    """

    kernel: str = "6.12"
    policy: str = AS_RELEASED
    machine: str = "qemu-6.12"
    region: str = "Persistent Memory (legacy)"
    pages: int = 16
    claim_offset: int = 0x4000
    claim_size: int = 0x4000
    sync: bool = False
    seed: int = 2020

    def __post_init__(self) -> None:
        size = self.node.size  # looks up kernel, policy, machine and region, which check themselves
        if not 1 <= self.pages <= min(64, size >> PAGE_SHIFT):
            most = min(64, size >> PAGE_SHIFT)
            raise ValueError(f"pages: expected 1 to {most}, got {self.pages}")
        if self.claim_size < 1 or self.claim_offset < 0:
            raise ValueError(
                "claim_offset, claim_size: expected a range of at least one byte, got "
                f"{self.claim_offset:#x}, {self.claim_size:#x}"
            )
        if self.claim_offset >= self.pages << PAGE_SHIFT:
            raise ValueError(
                f"claim_offset: expected less than {self.pages << PAGE_SHIFT:#x}, the mapped "
                f"bytes, got {self.claim_offset:#x}"
            )
        if self.claim_offset + self.claim_size > size:
            raise ValueError(
                f"claim_offset + claim_size: expected at most {size:#x}, the region's size, got "
                f"{self.claim_offset + self.claim_size:#x}"
            )

    @cached_property
    def profile(self) -> KernelProfile:
        return KernelProfile(
            self.kernel, policy_name=None if self.policy == AS_RELEASED else self.policy
        )

    @cached_property
    def before(self) -> Machine:
        """The machine with process P, before anything happens."""
        task: dict[Key, Any] = {(kind, "P"): part for kind, part in new_task().items()}
        return load_machine(self.machine, self.profile).with_(task)

    @cached_property
    def node(self) -> Resource:
        """The idle resource that the process maps."""
        regions = idle_regions(self.before)
        try:
            address = int(self.region, 16)
        except ValueError:
            address = -1
        for node in regions:
            if node.name == self.region or node.start <= address <= node.end:
                return node
        if not regions:
            raise ValueError(f"machine: expected one with an idle region, got {self.machine!r}")
        known = ", ".join(dict.fromkeys(printable(node.name) for node in regions))
        raise ValueError(
            f"region: expected one of {known}, or an address in one; got {self.region!r}"
        )

    @property
    def claim(self) -> tuple[int, int]:
        """The claimed bytes, first and last physical address."""
        start = self.node.start + self.claim_offset
        return start, start + self.claim_size - 1

    @property
    def values(self) -> tuple[int, int, int]:
        """What the process writes: to a claimed page, to one beyond, to its private copy."""
        numbers = random.Random(self.seed)
        return numbers.getrandbits(64), numbers.getrandbits(64), numbers.getrandbits(64)

    @property
    def free_page(self) -> int | None:
        """Index of a mapped page that the claim does not touch, None when it touches all."""
        first = self.claim_offset >> PAGE_SHIFT
        last = (self.claim_offset + self.claim_size - 1) >> PAGE_SHIFT
        return next((p for p in range(self.pages) if not first <= p <= last), None)

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """The story, in order."""
        start, (first, last) = self.node.start, self.claim
        low = self.claim_offset & ~(PAGE_SIZE - 1)
        mine, other, copy = self.values
        free = None if self.free_page is None else self.free_page << PAGE_SHIFT
        whole = {"pid": "P", "fd": Ref("open"), "offset": start, "length": self.pages << PAGE_SHIFT}
        at_free = (
            ()
            if free is None
            else (
                Act(
                    "store_beyond",
                    "P",
                    "store",
                    {"pid": "P", "address": Ref("map", free), "value": other},
                    "writes to another page",
                ),
            )
        )
        free_after = (
            ()
            if free is None
            else (
                Act(
                    "load_beyond",
                    "P",
                    "load",
                    {"pid": "P", "address": Ref("map", free)},
                    "reads a page outside the claim",
                ),
                Act(
                    "map_beyond",
                    "P",
                    "mmap_devmem",
                    {"pid": "P", "fd": Ref("open"), "offset": start + free, "length": PAGE_SIZE},
                    "maps a page outside the claim anew",
                ),
            )
        )
        here = {"pid": "P", "address": Ref("map", low)}
        return (
            Act("open", "P", "open_devmem", {"pid": "P", "dsync": self.sync},
                f"opens /dev/mem{' with O_SYNC' if self.sync else ''}"),
            Act("map", "P", "mmap_devmem", whole, f"maps {self.pages} pages, shared"),
            Act("private", "P", "mmap_devmem", {**whole, "shared": False},
                "maps them again, private"),
            Act("store", "P", "store", {**here, "value": mine}, "writes to the page"),
            *at_free,
            Act("store_private", "P", "store",
                {"pid": "P", "address": Ref("private", low), "value": copy},
                "writes to its private copy"),
            Act("load", "P", "load", here, "reads it back"),
            Act("fork", "P", "fork", {"pid": "P", "child": "C"}, "forks", needs="map"),
            Act("claim", "D", "request_mem_region",
                {"start": first, "size": last - first + 1, "name": "driver"},
                f"claims {first:#x}-{last:#x}"),
            Act("load_at_once", "P", "load", here, "reads the page again"),
            Act("settle", "D", SETTLE),
            Act("ioremap", "D", "ioremap", {"start": first, "size": last - first + 1},
                "maps it for itself, uncached", needs="claim"),
            Act("load_after", "P", "load", here, "reads the page once more"),
            Act("load_child", "C", "load", {**here, "pid": "C"}, "the child reads it",
                needs="fork"),
            Act("load_private", "P", "load", {"pid": "P", "address": Ref("private", low)},
                "reads its private copy"),
            Act("write_from", "P", "copy_from_user", here, "passes the page to write(2)"),
            Act("ptrace", "G", "ptrace_peek", here, "a debugger peeks at it"),
            Act("pread", "P", "read_devmem",
                {"pid": "P", "fd": Ref("open"), "offset": first, "count": 8},
                "pread(2) of the region"),
            Act("map_again", "P", "mmap_devmem", whole, "maps the region anew"),
            *free_after,
            Act("iounmap", "D", "iounmap", {}, "unmaps it", needs="ioremap"),
            Act("release", "D", "release_mem_region",
                {"start": first, "size": last - first + 1}, "releases the region", needs="claim"),
            Act("load_released", "P", "load", here, "reads through the old mapping"),
            Act("map_released", "P", "mmap_devmem", whole, "maps the region anew"),
            Act("load_new", "P", "load", {"pid": "P", "address": Ref("map_released", low)},
                "reads through the new mapping"),
        )  # fmt: skip

    def on(self, kernel: str, policy: str = AS_RELEASED) -> Takeover:
        """The same story on another kernel, with its own policy unless told otherwise."""
        return replace(self, kernel=kernel, policy=policy)

    @cached_property
    def played(self) -> Played:
        """The story, played on the model."""
        return play(self.before, self.acts)


def idle_regions(machine: Machine) -> list[Resource]:
    """Nodes above 1 MiB that nobody owns and nothing lies in, by address.

    Bus windows do not count, nor does what is smaller than a page or begins inside one.
    """
    return [
        node
        for node in machine["iomem"].walk()
        if not node.children
        and not node.busy
        and node.start >= 1 << 20
        and node.size >= PAGE_SIZE
        and node.start % PAGE_SIZE == 0
        and not node.flags & IORESOURCE_SYSRAM
        and not node.name.startswith(("PCI Bus", "Reserved", "reserved"))
    ]


def try_mapping(machine: Machine, node: Resource) -> str:
    """What process P gets for mapping the first page of a node through /dev/mem."""
    length = {"pid": "P", "fd": Ref("open"), "offset": node.start, "length": PAGE_SIZE}
    acts = (Act("open", "P", "open_devmem", {"pid": "P"}), Act("map", "P", "mmap_devmem", length))
    return format_outcome(acts[1], play(machine, acts).outcomes.get("map"))
