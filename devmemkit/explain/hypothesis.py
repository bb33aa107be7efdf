"""A hypothesis: what may have happened that a description does not show, as calls to play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.calls import Calls, calls_of, claim, mapping, touch
from devmemkit.explain.description import Description
from devmemkit.explain.hardware import HARDWARE, Hardware
from devmemkit.explain.owner import claim_of, claims_in, owner_of
from devmemkit.model.kernel import PAGE_SHIFTS
from devmemkit.model.machine import Machine, View
from devmemkit.model.resource.strict import has_ram
from devmemkit.scenarios.play import Act
from devmemkit.text.system_files import told_of

Changed = tuple[Machine, Calls]
"""A machine, and the calls to play on it."""
Some = Sequence[Act | None]
"""Calls to play; None among them, or no call at all, if the hypothesis cannot hold."""


@dataclass(frozen=True)
class Asked:
    """An access on one machine that fits a description."""

    known: Description
    machine: Machine
    access: Access

    @property
    def calls(self) -> Calls:
        return calls_of(self.access)

    @property
    def opens(self) -> bool:
        return self.calls[0].key == "open"

    @property
    def mount(self) -> str:
        """The mount that has the file: /dev, /sys or /proc, or nothing."""
        return f"/{self.access.file.split('/')[1]}" if self.access.file[:1] == "/" else ""

    def may_be_in(self, *folders: str) -> bool:
        """Whether the file may be another driver's, in one of these folders."""
        access = self.access
        return access.other.startswith(folders) if access.via == "driver" else not access.traced

    @property
    def node(self) -> bool | None:
        """Whether the node in /dev exists; None if nothing tells."""
        return self.known.dev_mem if self.access.via == "devmem" else self.known.dev_port

    @property
    def built(self) -> bool | None:
        """Whether the kernel has the node's driver; None if the configuration does not say it."""
        config = self.known.config or {}
        if self.access.via == "devmem":
            return told_of(config).get("devmem")
        return config["CONFIG_DEVPORT"] != "n" if "CONFIG_DEVPORT" in config else None

    @property
    def claim(self) -> Act | None:
        """The claim by the region's driver, else by some driver of the pages; None for ports."""
        found = claim_of(self.known, self.machine, self.access)
        free = found is None and self.access.via == "devmem"
        return claim("a driver", self.start, self.size) if free else found

    @property
    def no_bar(self) -> bool:
        """Whether nobody knows what the BAR is: its address and size are made up."""
        device = self.known.found.get(self.access.bdf)
        return device is not None and self.access.bar in device.missing

    @property
    def may_be_pci(self) -> bool:
        """Whether a PCI device may have the address: one has, or there is no dump."""
        return self.known.iomem is None or any(self.known.holders(self.access.start))

    @property
    def owner(self) -> str:
        """The name of the resource at the range's first page."""
        found, _ = owner_of(self.machine, self.access.pages[0], self.access)
        return (found and found[0]) or "somebody"

    @property
    def holder(self) -> str:
        """The name of the first claim in the range, or RAM's, which no driver can claim."""
        nodes = claims_in(self.machine["iomem"], self.start, self.start + self.size - 1)
        ram = "System RAM"
        return next((node.name for node in nodes), ram if self.owner == ram else "somebody")

    @property
    def hardware(self) -> Hardware:
        return HARDWARE[self.machine.kernel.arch]

    @property
    def inside(self) -> int:
        """How many bytes the load or store is behind a multiple of its size."""
        touches = (call for call in self.calls if call.key in ("load", "store"))
        return self.access.start % next((call.arguments["size"] for call in touches), 1)

    @property
    def on_ram(self) -> bool:
        return self.access.via != "port" and has_ram(View(self.machine), self.access.pages[0])

    @property
    def pages(self) -> str:
        """The size of a page in words, with those that it may have where nothing shows it."""
        more = "" if self.known.shown_page_shift else " (of arm64's kernels also 16 or 64 KiB)"
        return f"{self.access.page_size >> 10} KiB{more}"

    @property
    def page_shift(self) -> int:
        """The size of a page as a power of two, the largest if nothing shows it."""
        return self.known.shown_page_shift or max(PAGE_SHIFTS)

    @property
    def unaligned(self) -> int:
        """The offset of the access's mmap if it is within a page, or may be; else 0."""
        offset = self.access.offset if self.access.via == "sysfs" else self.access.start
        return offset if self.access.maps and offset % (1 << self.page_shift) else 0

    @property
    def start(self) -> int:
        """The first byte of the range's first page."""
        return self.access.page_bytes[0]

    @property
    def size(self) -> int:
        """Bytes in the range's pages."""
        start, last = self.access.page_bytes
        return last - start + 1

    @property
    def last_page(self) -> int:
        """The first byte of the range's last page."""
        return self.access.pages[1] << self.access.page_shift

    def but(self, **changes: Any) -> Asked:
        """The question about the same access with these fields changed."""
        return replace(self, access=replace(self.access, **changes))

    def touch(self, plus: int = 0) -> Act:
        """A touch of the mapping, by a store if the access is one."""
        return touch("touch", "store" if self.access.op == "store" else "load", plus)

    def mapped(self, *calls: Act | None) -> Some:
        """The calls after the access's mmap; none if the access has no mmap."""
        return (*mapping(self.access), *calls) if self.access.maps else ()

    def mmap_with(self, **changed: int) -> Some:
        """The access with other arguments of mmap; none if the access has no mmap."""
        if not self.access.maps:
            return ()
        return [
            replace(one, arguments={**one.arguments, **changed}) if one.key == "mmap" else one
            for one in self.calls
        ]


@dataclass(frozen=True)
class Hypothesis:
    """`what` may have happened, how to `tell`, and the calls and the machine if it did.

    It can hold only `when` that is true, and none of the calls is None.
    A description that has one of the facts `unless` (a field of it, or CONFIG_X) knows better.
    Where the model ends, `gives` is the outcome and `function` the kernel function that gives it:
    such a row is not played, and its calls say only whether it can hold. It is about the last call
    of the access, or about `call`, open or fork. `function` alone is where dmesg has the cause
    from. `do` is what a user can do about it.
    """

    name: str
    what: str
    tell: str
    calls: Callable[[Asked], Some] = lambda asked: asked.calls
    machine: Callable[[Asked], Machine] = lambda asked: asked.machine
    when: Callable[[Asked], object] = lambda asked: True
    unless: tuple[str, ...] = ()
    gives: str = ""
    function: str = ""
    call: str = ""
    do: str = ""

    def is_open(self, known: Description) -> bool:
        """Whether the description leaves open what the hypothesis is about."""
        config = known.config or {}
        facts = (
            config.get(f) if f.startswith("CONFIG_") else getattr(known, f) for f in self.unless
        )
        return all(fact is None for fact in facts)

    def apply(self, known: Description, machine: Machine, access: Access) -> Changed | None:
        """The machine and the calls under the hypothesis; None if it cannot hold."""
        asked = Asked(known, machine, access)
        calls = self.calls(asked) if self.when(asked) else ()
        possible = tuple(one for one in calls if one is not None)
        if not possible or len(possible) < len(calls):
            return None
        return self.machine(asked), possible
