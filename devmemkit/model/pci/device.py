"""PCI devices: their BARs, enabling, requesting and releasing their regions.

Source: drivers/pci/pci.c; the same in 5.10 to 7.3 unless a step says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import Call, Frame, Next, Return, operation

BDF = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
"""A PCI address: domain (16 or 32 bits), bus, device, function."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A base address register: `index` 0 to 5 (6 is the ROM), inclusive range, flags."""

    index: int
    start: int
    end: int
    flags: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1 if self.end or self.start else 0

    @property
    def memory(self) -> bool:
        return bool(self.flags & fl.IORESOURCE_MEM)


@dataclass(frozen=True, slots=True)
class PciDevice:
    """A device by its address `bdf` ("0000:00:03.0"); `held` are the BARs its driver claims.

    `fits` is the one driver that supports it, "" for none, None when any driver may bind.
    """

    bdf: str
    bars: tuple[Bar, ...]
    driver: str | None = None
    held: tuple[int, ...] = ()
    fits: str | None = None

    def bar(self, index: int) -> Bar | None:
        return next((bar for bar in self.bars if bar.index == index), None)


def device(m: View, bdf: str) -> PciDevice:
    """The device; ENODEV when it does not exist or was removed."""
    found: PciDevice | None = m.get(("pci", bdf))
    if found is None:
        raise KernelError("ENODEV", f"no device {bdf}")
    return found


def bar_of(m: View, bdf: str, index: int) -> Bar:
    """A BAR that the device has; ENODEV without the device."""
    (found,) = (bar for bar in device(m, bdf).bars if bar.index == index)
    return found


@operation("pci_enable_device", needs=("bdf",))
def pci_enable(m: View, f: Frame) -> Next:
    """pci_enable_device claims nothing; EINVAL for a BAR unassigned or not in the tree."""
    for bar in device(m, f.bdf).bars:
        tree = m["iomem" if bar.memory else "ioport"]
        if bar.index < 6 and (bar.flags & fl.IORESOURCE_UNSET or node_of(tree, bar, f.bdf) is None):
            raise KernelError("EINVAL", f"{f.bdf} BAR {bar.index} is not claimed in the tree")
    return Return(0)


def node_of(tree: Resource, bar: Bar, bdf: str) -> Resource | None:
    """The node of the BAR in the tree, which is named after the device."""
    around = (node for node in tree.walk() if (node.start, node.end) == (bar.start, bar.end))
    return next((node for node in around if node.name == bdf), None)


def pci_request(m: View, f: Frame) -> Next:
    """pci_request_region claims the whole BAR; the ROM is BAR 6."""
    bar = bar_of(m, f.bdf, f.bar)
    name = "request_mem_region" if bar.memory else "request_region"
    return Call(name, {"start": bar.start, "size": bar.length, "name": f.name})


def note_held(m: View, f: Frame) -> Next:
    """The device records that its driver holds the BAR."""
    dev = device(m, f.bdf)
    m["pci", f.bdf] = replace(dev, held=(*dev.held, f.bar))
    return Return(0)


operation("pci_request_region", pci_request, note_held, needs=("bdf", "bar"), name="driver")
"""Claim one BAR that the device has for `name`; EBUSY ("can't reserve")."""


@operation("pci_release_region", needs=("bdf", "bar"))
def pci_release(m: View, f: Frame) -> Next:
    """pci_release_region releases the exact range of the BAR; the holder is not checked."""
    dev, bar = device(m, f.bdf), bar_of(m, f.bdf, f.bar)
    m["pci", f.bdf] = replace(dev, held=tuple(i for i in dev.held if i != f.bar))
    name = "release_mem_region" if bar.memory else "release_region"
    return Call(name, {"start": bar.start, "size": bar.length})


@operation("pci_release_regions", needs=("bdf", "bars"))
def release_last(m: View, f: Frame) -> Next:
    """Release the BARs of the list one by one, the last first."""
    if not f.bars:
        return Return(0)
    bar = f.bars[-1]
    f.bars = f.bars[:-1]
    return Call("pci_release_region", {"bdf": f.bdf, "bar": bar}, then=release_last)


def begin_bars(m: View, f: Frame) -> Next:
    """Choose the BARs: all of the device, or those asked for."""
    have = tuple(bar.index for bar in device(m, f.bdf).bars if bar.index < 6)
    f.bars = have if f.bars is None else tuple(f.bars)
    f.claimed = -1
    return None


def next_bar(m: View, f: Frame) -> Next:
    """Claim the next BAR of the list; after a failure the earlier ones are released."""
    f.claimed += 1
    if f.claimed == len(f.bars):
        return Return(0)
    arguments = {"bdf": f.bdf, "bar": f.bars[f.claimed], "name": f.name}
    return Call("pci_request_region", arguments, then=next_bar, catch=undo_bars)


def undo_bars(m: View, f: Frame) -> Next:
    """pci_request_selected_regions releases the BARs that it has claimed."""
    return Call("pci_release_regions", {"bdf": f.bdf, "bars": f.bars[: f.claimed]})


def cannot_reserve(m: View, f: Frame) -> Next:
    """pci_request_selected_regions fails with EBUSY whatever error the claim had."""
    raise KernelError("EBUSY", f"{f.bdf} BAR {f.bars[f.claimed]}: can't reserve")


operation(
    "pci_request_regions",
    begin_bars,
    next_bar,
    undo_bars,
    cannot_reserve,
    needs=("bdf",),
    name="driver",
    bars=None,
)
"""Claim all memory and I/O BARs, or `bars`; EBUSY with nothing kept."""
