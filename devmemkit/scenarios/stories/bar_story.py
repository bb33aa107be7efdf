"""A PCI BAR, mapped through resourceN and /dev/mem; a driver claims part of it; the device goes."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.pci.device import Bar, PciDevice, node_of
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import SETTLE, Act, Ref
from devmemkit.scenarios.stories.parameters import ParameterStory, check_claim
from devmemkit.scenarios.stories.script import D, P, Q

VIAS = {"both": "PQ", "resource": "P", "devmem": "Q"}
"""By the parameter's value: who maps. P maps through resourceN, Q through /dev/mem."""
MOST_PAGES = 8
"""Pages that are mapped, at most."""


def memory_bars(machine: Machine) -> dict[str, list[Bar]]:
    """The devices that have files for memory BARs, and these."""
    found = {}
    for key, dev in machine.components.items():
        if isinstance(dev, PciDevice):
            bars = [bar for bar in dev.bars if bar.memory and bar.index < 6 and bar.length]
            if bars:
                found[str(key[1])] = bars
    return found


@dataclass(frozen=True)
class BarStory(ParameterStory):
    """The story's parameters; each is checked, and an error names what would be accepted.

    The driver claims `claim_size` bytes (0: all there are) from `claim_offset` on in the BAR.
    """

    pids = "PQ"
    device: str = "0000:00:05.0"
    bar: int = 2
    via: str = "both"
    claim_offset: int = 0
    claim_size: int = 0

    def __post_init__(self) -> None:
        whole = (self.range.length, "the BAR's size")  # looks up kernel, machine, device and BAR
        if self.via not in VIAS:
            raise ValueError(f"via: expected one of {', '.join(VIAS)}; got {self.via!r}")
        check_claim(self.claim_offset, self.claim_size, whole, whole)

    @cached_property
    def range(self) -> Bar:
        """The BAR's addresses."""
        known = memory_bars(self.before)
        if not known:
            raise ValueError(f"machine: expected one with PCI devices, got {self.machine!r}")
        if self.device not in known:
            raise ValueError(f"device: expected one of {', '.join(known)}; got {self.device!r}")
        bars = {bar.index: bar for bar in known[self.device]}
        if self.bar not in bars:
            indices = ", ".join(map(str, bars))
            raise ValueError(f"bar: expected one of {indices}; got {self.bar!r}")
        return bars[self.bar]

    @cached_property
    def node(self) -> Resource:
        """The BAR's node in the tree."""
        node = node_of(self.before["iomem"], self.range, self.device)
        if node is None:
            raise ValueError(f"bar: expected one that is in the tree; got {self.bar!r}")
        return node

    @property
    def pages(self) -> int:
        """How many pages are mapped: those of the BAR, at most MOST_PAGES."""
        return min(MOST_PAGES, (self.range.length + PAGE_SIZE - 1) >> PAGE_SHIFT)

    @property
    def claim(self) -> tuple[int, int]:
        """The claimed bytes, first and last physical address."""
        start = self.range.start + self.claim_offset
        return start, start + (self.claim_size or self.range.length - self.claim_offset) - 1

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        first, last = self.claim
        where = {"start": first, "size": last - first + 1}
        page = min(self.claim_offset >> PAGE_SHIFT, self.pages - 1)
        base = self.range.start & ~(PAGE_SIZE - 1)
        p, q = ({"address": Ref(f"map_{who}", page * PAGE_SIZE)} for who in "pq")
        anew = f"maps resource{self.bar} anew"
        acts = (
            P.open_bar(self.device, self.bar, "open_p"),
            P.map_bar("map_p", "maps it", 0, self.pages, "open_p"),
            Q.open_mem("open_q", dsync=True),
            Q.map_mem("map_q", "maps the same", base, self.pages, "open_q"),
            P("store", "store", "writes there", **p, value=0x5151),
            Q("same", "load", "reads it", **q),
            D("claim", "request_mem_region", f"claims {first:#x}-{last:#x}", **where),
            D("settle", SETTLE),
            P("load_p", "load", "reads it again", **p),
            Q("load_q", "load", "reads it again", **q),
            P.map_bar("again_p", anew, page, fd="open_p"),
            P("load_again", "load", "reads through that", address=Ref("again_p")),
            Q.map_mem("again_q", "maps /dev/mem anew", base + page * PAGE_SIZE, 1, "open_q"),
            D("release", "release_mem_region", "releases it", needs="claim", **where),
            P("released_p", "load", "reads through the old one", **p),
            P.map_bar("late_p", anew, page, fd="open_p"),
            D("remove", "remove", "removes the device", bdf=self.device),
            P("removed_p", "load", "reads through the newest", address=Ref("late_p")),
            P.map_bar("gone_p", anew, page, fd="open_p"),
        )
        return tuple(act for act in acts if act.actor in VIAS[self.via] + "D")

    def on(self, kernel: str, **changes: Any) -> Self:
        """The same story on another kernel."""
        return replace(self, kernel=kernel, **changes)
