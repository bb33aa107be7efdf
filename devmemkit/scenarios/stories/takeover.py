"""Driver takeover: a process maps an idle region through /dev/mem, a driver claims part of it."""

import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from devmemkit.model.drivers.nvdimm import Namespace
from devmemkit.model.flags import IORESOURCE_MEM, IORESOURCE_SYSRAM, PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import SETTLE, Act, Ref, play
from devmemkit.scenarios.stories.parameters import AS_RELEASED, ParameterStory, check_claim
from devmemkit.scenarios.stories.script import C, D, G, P
from devmemkit.scenarios.words import format_act
from devmemkit.text.iomem_tree import is_window

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
class Takeover(ParameterStory):
    """The story's parameters; each is checked, and an error names what would be accepted.

    `region` is the name of an idle node of the machine, or an address inside one. `pages` are
    mapped from its start, write-back or, with `sync` (O_SYNC), uncached. The driver claims
    `claim_size` bytes from `claim_offset` in it, which must be mapped there.
    """

    region: str = "Persistent Memory (legacy)"
    pages: int = 16
    claim_offset: int = 0x4000
    claim_size: int = 0x4000
    sync: bool = False
    seed: int = 2020

    def __post_init__(self) -> None:
        size = self.node.size  # looks up kernel, policy, machine and region, which check themselves
        most = min(64, size >> PAGE_SHIFT)
        if not 1 <= self.pages <= most:
            raise ValueError(f"pages: expected 1 to {most}, got {self.pages}")
        if self.claim_size < 1 or self.claim_offset < 0:
            raise ValueError(
                "claim_offset, claim_size: expected a range of at least one byte, got "
                f"{self.claim_offset:#x}, {self.claim_size:#x}"
            )
        mapped = (self.pages << PAGE_SHIFT, "the mapped bytes")
        check_claim(self.claim_offset, self.claim_size, mapped, (size, "the region's size"))

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
        """The values that the process writes: a claimed page, a page behind it, a private copy."""
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
        start, (first, last) = self.node.start, self.claim
        low = self.claim_offset & ~(PAGE_SIZE - 1)
        free = (self.free_page or 0) << PAGE_SHIFT
        mine, other, copy = self.values
        sync = " with O_SYNC" if self.sync else ""
        claimed = {"start": first, "size": last - first + 1}
        whole = {"fd": Ref("open"), "offset": start, "length": self.pages << PAGE_SHIFT}
        beyond = whole | {"offset": start + free, "length": PAGE_SIZE}
        here, there = {"address": Ref("map", low)}, {"address": Ref("map", free)}
        own = {"address": Ref("private", low)}
        acts = (
            P("open", "open_devmem", f"opens /dev/mem{sync}", dsync=self.sync),
            P("map", "mmap_devmem", f"maps {self.pages} pages, shared", **whole),
            P("private", "mmap_devmem", "maps them again, private", **whole, shared=False),
            P("store", "store", "writes to the page", **here, value=mine),
            P("store_beyond", "store", "writes to another page", **there, value=other),
            P("store_private", "store", "writes to its private copy", **own, value=copy),
            P("load", "load", "reads it back", **here),
            P("fork", "fork", "forks", child="C", needs="map"),
            D("claim", "request_mem_region", f"claims {first:#x}-{last:#x}", **claimed,
                   name="driver"),
            P("load_at_once", "load", "reads the page again", **here),
            D("settle", SETTLE),
            D("ioremap", "ioremap", "maps it for itself, uncached", **claimed, needs="claim"),
            P("load_after", "load", "reads the page once more", **here),
            C("load_child", "load", "the child reads it", **here, needs="fork"),
            P("load_private", "load", "reads its private copy", **own),
            P("write_from", "copy_from_user", "passes the page to write(2)", **here),
            G("ptrace", "ptrace_peek", "a debugger peeks at it", pid="P", **here),
            P("pread", "read_devmem", "pread(2) of the region", fd=Ref("open"), offset=first,
              count=8),
            P("map_again", "mmap_devmem", "maps the region anew", **whole),
            P("load_beyond", "load", "reads a page outside the claim", **there),
            P("map_beyond", "mmap_devmem", "maps a page outside the claim anew", **beyond),
            D("iounmap", "iounmap", "unmaps it", needs="ioremap"),
            D("release", "release_mem_region", "releases the region", **claimed,
                   needs="claim"),
            P("load_released", "load", "reads through the old mapping", **here),
            P("map_released", "mmap_devmem", "maps the region anew", **whole),
            P("load_new", "load", "reads through the new mapping",
              address=Ref("map_released", low)),
        )  # fmt: skip
        return tuple(
            act for act in acts if self.free_page is not None or not act.key.endswith("_beyond")
        )

    def on(self, kernel: str, policy: str = AS_RELEASED) -> Self:
        """The same story on another kernel, with its own policy unless told otherwise."""
        return replace(self, kernel=kernel, policy=policy)


def idle_regions(machine: Machine) -> list[Resource]:
    """Nodes above 1 MiB that nobody owns and nothing lies in, then namespaces without a node.

    Bus windows do not count, nor does what is smaller than a page or begins inside one.
    """
    tree = machine["iomem"]
    spaces = [part for part in machine.components.values() if isinstance(part, Namespace)]
    return [
        node
        for node in tree.walk()
        if not node.children
        and not node.busy
        and node.start >= 1 << 20
        and node.size >= PAGE_SIZE
        and node.start % PAGE_SIZE == 0
        and not node.flags & IORESOURCE_SYSRAM
        and not node.name.startswith(("Reserved", "reserved"))
        and not is_window(node)
    ] + [
        Resource(space.start, space.end, space.name, IORESOURCE_MEM)
        for space in spaces
        if not any(tree.overlapping(space.start, space.end))
    ]


def try_mapping(machine: Machine, node: Resource) -> str:
    """What process P gets for mapping the first page of a node through /dev/mem."""
    acts = (P.open_mem(), P.map_mem("map", "maps its first page", node.start, 1))
    return format_act(play(machine, acts), "map")
