"""PCI devices and their drivers: enable, request and release regions, bind, unbind, remove.

Source: drivers/pci/pci.c and pci-driver.c; the same in 5.10 to 7.3 unless a step says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from devmemkit.model import flags as fl
from devmemkit.model.claim import claim_arguments
from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.memtype import ioremap, memtype_free
from devmemkit.model.resource import Resource, release_resource
from devmemkit.model.revoke import zap_vma
from devmemkit.model.step import Call, Frame, Next, Return, operation


@dataclass(frozen=True, slots=True)
class Bar:
    """A base address register: ``index`` 0 to 5 (6 is the ROM), inclusive range, flags."""

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
    """A device by its address ``bdf`` ("0000:00:03.0"); ``held`` are the BARs its driver claims."""

    bdf: str
    bars: tuple[Bar, ...]
    driver: str | None = None
    enabled: bool = False
    held: tuple[int, ...] = ()

    def bar(self, index: int) -> Bar | None:
        return next((bar for bar in self.bars if bar.index == index), None)


def device(m: View, bdf: str) -> PciDevice:
    """The device; ENODEV when it is not there (any more)."""
    found: PciDevice | None = m.get(("pci", bdf))
    if found is None:
        raise KernelError("ENODEV", f"no device {bdf}")
    return found


def pci_enable(m: View, f: Frame) -> Next:
    """Claims nothing; EINVAL when a BAR is unassigned or not in the tree."""
    dev = device(m, f.bdf)
    for bar in dev.bars:
        tree = m["iomem" if bar.memory else "ioport"]
        if bar.index < 6 and (bar.flags & fl.IORESOURCE_UNSET or node_of(tree, bar, f.bdf) is None):
            raise KernelError("EINVAL", f"{f.bdf} BAR {bar.index} is not claimed in the tree")
    m["pci", f.bdf] = replace(dev, enabled=True)
    return Return(0)


pci_enable_device = operation("pci_enable_device", pci_enable)


def node_of(tree: Resource, bar: Bar, bdf: str) -> Resource | None:
    """The BAR's own node in the tree, named after the device."""
    around = (node for node in tree.walk() if (node.start, node.end) == (bar.start, bar.end))
    return next((node for node in around if node.name == bdf), None)


def pci_request(m: View, f: Frame) -> Next:
    """Claim the whole BAR: an empty one is 0, a bad index EINVAL from 6.12."""
    bar = device(m, f.bdf).bar(f.bar)
    if not 0 <= f.bar <= 5 and m.kernel["bad_bar"] == "EINVAL":
        raise KernelError("EINVAL", f"no BAR {f.bar}")
    if bar is None or not bar.length:
        return Return(0)
    name = "request_mem_region" if bar.memory else "request_region"
    flags = fl.IORESOURCE_EXCLUSIVE if f.exclusive and bar.memory else 0
    return Call(name, claim_arguments(bar.start, bar.end, name=f.name, flags=flags))


def note_held(m: View, f: Frame) -> Next:
    """The claim succeeded: the device knows that its driver holds the BAR."""
    dev = device(m, f.bdf)
    m["pci", f.bdf] = replace(dev, held=(*dev.held, f.bar))
    return Return(0)


pci_request_region = operation(
    "pci_request_region", pci_request, note_held, name="driver", exclusive=False
)
"""Claim one BAR for ``name``; EBUSY ("can't reserve"), EINVAL."""


def pci_release(m: View, f: Frame) -> Next:
    """Release the exact range of the BAR, whoever holds it."""
    dev = device(m, f.bdf)
    bar = dev.bar(f.bar)
    if bar is None or not bar.length:
        return Return(0)
    m["pci", f.bdf] = replace(dev, held=tuple(i for i in dev.held if i != f.bar))
    name = "release_mem_region" if bar.memory else "release_region"
    return Call(name, {"start": bar.start, "size": bar.length})


def released(m: View, f: Frame) -> Next:
    return Return(f.result.value)


pci_release_region = operation("pci_release_region", pci_release, released)


def begin_bars(m: View, f: Frame) -> Next:
    """Which BARs: all of the device's, or those asked for."""
    have = tuple(bar.index for bar in device(m, f.bdf).bars if bar.index < 6)
    f.todo = have if f.bars is None else tuple(f.bars)
    f.claimed = ()
    return None


def next_bar(m: View, f: Frame) -> Next:
    """Claim the next BAR of the list; a failure gives back those before it."""
    if not f.todo:
        return Return(0)
    f.current, *rest = f.todo
    f.todo = tuple(rest)
    arguments = {"bdf": f.bdf, "bar": f.current, "name": f.name}
    return Call("pci_request_region", arguments, catch="undo_bar")


def bar_done(m: View, f: Frame) -> Next:
    f.claimed = (*f.claimed, f.current)
    return "next_bar"


def undo_bar(m: View, f: Frame) -> Next:
    """Give back what was claimed, last first; then fail as the claim did."""
    if not f.claimed:
        raise KernelError("EBUSY", f"{f.bdf} BAR {f.current}: can't reserve")
    *f.claimed, last = f.claimed
    f.claimed = tuple(f.claimed)
    return Call("pci_release_region", {"bdf": f.bdf, "bar": last})


def undone_bar(m: View, f: Frame) -> Next:
    return "undo_bar"


pci_request_regions = operation(
    "pci_request_regions",
    begin_bars,
    next_bar,
    bar_done,
    undo_bar,
    undone_bar,
    name="driver",
    bars=None,
)
"""Claim all memory and I/O BARs, or ``bars``; EBUSY with nothing kept."""


def probe(m: View, f: Frame) -> Next:
    """A driver's probe begins with pci_enable_device; EBUSY when another driver has the device."""
    if device(m, f.bdf).driver is not None:
        raise KernelError("EBUSY", f"{f.bdf} is bound to {device(m, f.bdf).driver}")
    return Call("pci_enable_device", {"bdf": f.bdf})


def probe_request(m: View, f: Frame) -> Next:
    return Call("pci_request_regions", {"bdf": f.bdf, "name": f.driver, "bars": f.bars})


def probe_ioremap(m: View, f: Frame) -> Next:
    """ioremap of the claimed memory BARs, UC-; a memtype conflict fails the probe."""
    dev = device(m, f.bdf)
    try:
        for index in dev.held:
            bar = dev.bar(index)
            if bar is not None and bar.memory:
                ioremap(m, bar.start, bar.end, ("driver", f.bdf))
    except KernelError:
        m.writes.pop("memtype", None)
        return "probe_undo"
    m["pci", f.bdf] = replace(dev, driver=f.driver)
    return Return(0)


def probe_undo(m: View, f: Frame) -> Next:
    """The probe fails: the claims are given back, last first."""
    held = device(m, f.bdf).held
    return Call("pci_release_region", {"bdf": f.bdf, "bar": held[-1]}) if held else "probe_failed"


def probe_undone(m: View, f: Frame) -> Next:
    return "probe_undo"


def probe_failed(m: View, f: Frame) -> Next:
    raise KernelError("ENOMEM", f"{f.driver}: ioremap of {f.bdf} failed")


bind = operation(
    "bind",
    probe,
    probe_request,
    probe_ioremap,
    probe_undo,
    probe_undone,
    probe_failed,
    driver="driver",
    bars=None,
)
"""A driver takes the device: enable, claim, ioremap. EBUSY, EINVAL, ENOMEM."""


def unbind_ioremap(m: View, f: Frame) -> Next:
    """The driver's remove: its kernel mapping goes; ENODEV when no driver is bound."""
    dev = device(m, f.bdf)
    if dev.driver is None:
        raise KernelError("ENODEV", f"{f.bdf} has no driver")
    memtype_free(m, ("driver", f.bdf))
    return None


def unbind_release(m: View, f: Frame) -> Next:
    """Its claims are released, last first; no mapping comes back."""
    dev = device(m, f.bdf)
    if dev.held:
        return Call("pci_release_region", {"bdf": f.bdf, "bar": dev.held[-1]})
    m["pci", f.bdf] = replace(dev, driver=None)
    return Return(0)


def unbind_again(m: View, f: Frame) -> Next:
    return "unbind_release"


unbind = operation("unbind", unbind_ioremap, unbind_release, unbind_again)


def remove_driver(m: View, f: Frame) -> Next:
    """echo 1 > remove: the driver goes first, where there is one."""
    if device(m, f.bdf).driver is None:
        return "remove_files"
    return Call("unbind", {"bdf": f.bdf})


def remove_files(m: View, f: Frame) -> Next:
    """kernfs unmaps through the inode of the sysfs file itself.

    That reaches a mapping only while it hangs there: not from v5.12, when VMAs moved to the iomem
    inode (measured: 5.10 SIGBUS; 6.1, 6.12, 7.3 still readable).
    """
    for bar in device(m, f.bdf).bars:
        for name in (f"resource{bar.index}", f"resource{bar.index}_wc"):
            space = m.get(("i_mmap", f"{f.bdf}/{name}"))
            for mapped in space.value() if space else ():
                zap_vma(m, mapped, mapped.first, mapped.last)
    return None


def remove_device(m: View, f: Frame) -> Next:
    """The device's BARs leave the tree and the device is gone."""
    for bar in device(m, f.bdf).bars:
        node = node_of(m.edit("iomem" if bar.memory else "ioport"), bar, f.bdf)
        if node is not None:
            release_resource(node)
    m["pci", f.bdf] = None
    return Return(0)


remove = operation("remove", remove_driver, remove_files, remove_device)
