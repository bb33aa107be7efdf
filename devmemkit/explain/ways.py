"""Other ways to the same data on the same kernel: another call, another file, no driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice
from devmemkit.explain.changes import CHANGES
from devmemkit.explain.description import Description
from devmemkit.explain.owner import Owner, unbound
from devmemkit.explain.platform import platform_device, served_by
from devmemkit.explain.shell import unbind
from devmemkit.explain.verdict import Verdict, verdict
from devmemkit.model import flags as fl
from devmemkit.model.machine import Machine, View
from devmemkit.model.pci.device import BDF
from devmemkit.model.resource.strict import DENY, page_is_allowed
from devmemkit.text.iomem_tree import is_driver
from devmemkit.text.lspci import Device

TABLES = {
    "ACPI Tables": "/sys/firmware/acpi/tables",
    "ACPI Non-volatile Storage": "/sys/firmware/acpi/tables",
    "System ROM": "/sys/firmware/dmi/tables (dmidecode reads it)",
    "Video ROM": "the rom file of the graphics device in /sys/bus/pci/devices",
    "Adapter ROM": "the rom file of its device in /sys/bus/pci/devices",
}
"""The file in which the kernel publishes the contents of a resource."""

FRAMEBUFFERS = ("BOOTFB", "simplefb", "simpledrm", "simple-framebuffer", "efifb", "vesafb")
"""Names of the firmware's framebuffer in /proc/iomem."""
NO_FRAMEBUFFER = (
    "boot with initcall_blacklist=sysfb_init, or with video=efifb:off if efifb is the holder: the "
    "screen stays dark until a driver takes the device"
)
UNNAMED = ("driver", "a driver")
"""What hypotheses call a driver that nobody knows."""


def instead(
    known: Description, machine: Machine, access: Access, found: Verdict
) -> Iterator[Advice]:
    """Other ways to the same data, on the same kernel."""
    name = found.owner[0] if found.owner else ""
    if name in TABLES:
        yield Advice(f"read it where the kernel publishes it: {TABLES[name]}", None)
    bdf = next((one for one in reversed((*found.path, name)) if BDF.fullmatch(one)), access.bdf)
    block = platform_device(found.owner) if found.claimed else ""
    if found.claimed and is_driver(name):
        owner = "the driver that" if name in UNNAMED else f"{block or name}, which"
        where = f": {served}" if (served := served_by(block)) else ""
        yield Advice(f"use the interface of {owner} owns it{where}", None)
    supposed = name in UNNAMED  # so which pages it has is not known
    yield from other_ways(machine, access, parts=not supposed)
    if found.claimed and (bdf or block) and not BDF.fullmatch(name):
        freed = unbound(machine, found.owner)
        if freed is not None and opens(freed, access):
            yield from unbinding(known, bdf, found.owner)
        elif freed is not None and not any(other_ways(machine, access)):
            for way in other_ways(freed, access):
                for one in unbinding(known, bdf, found.owner):
                    yield replace(one, do=f"{one.do}; {way.do}")
    if not supposed:
        yield from _free_pages(machine, access)
    as_root = CHANGES[0][2]
    wrong_call = found.outcome in ("EINVAL", "EIO") and not found.claimed
    if access.via == "port" or wrong_call or opens(as_root(machine), access):
        return
    if block:
        yield Advice(f"give {block} to a program of yours with UIO (uio_pdrv_genirq)", None)
    elif bdf and known.found.get(bdf, Device(bdf)).driver != "pcieport":  # VFIO takes no bridge
        yield Advice(f"hand {bdf} to a program of yours with VFIO (vfio-pci) or UIO", None)


def other_ways(machine: Machine, access: Access, *, parts: bool = True) -> Iterator[Advice]:
    """The first other form of the access that succeeds, among them `parts` of the range."""
    op = "load" if access.op == "read" else "store"
    reads = access.op in ("read", "write") and access.via != "port"
    usual = access.maps and access.via == "devmem" and not access.sync
    inside = access.page_size - access.start % access.page_size
    file = f"resource{access.bar}"
    device = machine.get(("pci", access.bdf))
    bar = device and device.bar(access.bar)
    in_memory = access.via in ("sysfs", "proc") and bar and bar.flags & fl.IORESOURCE_MEM
    forms: tuple[tuple[object, str, dict[str, Any]], ...] = (
        (access.exec, "map it without PROT_EXEC", {"exec": False}),
        (access.wc, f"use {file} in place of {file}_wc", {"wc": False}),
        (reads, f"map it and {op} there, instead of {access.op}(2)", {"op": op}),
        (access.via == "proc", f"map {file} of sysfs", {"via": "sysfs"}),
        (in_memory, "go through /dev/mem", {"via": "devmem"}),
        (usual, "open /dev/mem with O_SYNC", {"sync": True}),
        (
            parts and access.maps and access.length > inside,
            f"map one page only ({inside:#x} bytes)",
            {"length": inside},
        ),
    )
    for is_other, do, change in forms:
        if is_other and opens(machine, replace(access, **change)):
            yield Advice(do, "ok")
            return


def _free_pages(machine: Machine, access: Access) -> Iterator[Advice]:
    """The longest run of pages in the range that the process may map."""
    first, last = access.pages
    if access.via != "devmem" or not access.maps or first == last or last - first > 1 << 20:
        return
    view = View(machine)
    pages = groupby(range(first, last + 1), lambda page: page_is_allowed(view, page) != DENY)
    free = max(([*run] for allowed, run in pages if allowed), key=len, default=[])
    if 0 < len(free) <= last - first:
        start, end = free[0], free[-1] + 1
        at = max(access.start, start << access.page_shift)
        length = min(access.start + access.length, end << access.page_shift) - at
        gives = verdict(machine, replace(access, start=at, length=length)).outcome
        yield Advice(f"map only the free pages: {length:#x} bytes at {at:#x}", gives)


def unbinding(known: Description, bdf: str, owner: Owner | None) -> Iterator[Advice]:
    """Unbind the driver that has a claim: a platform device's, or that of the PCI device around."""
    name = owner[0] if owner else ""
    if name in FRAMEBUFFERS:  # of a platform device inside the BAR
        yield Advice(NO_FRAMEBUFFER, None)
        return
    block = platform_device(owner)
    device = known.found.get(bdf, Device(bdf))
    if not block and (not bdf or (device.driver and device.claims is False)):
        return
    command = unbind(bdf, device.driver or "")
    if block:  # on whichever bus it is
        command = f"echo {block} | tee /sys/bus/*/devices/{block}/driver/unbind"
    served = block or device.driver or name
    risk = f"whatever {served} served is gone until it is bound again"
    yield Advice(f"unbind the driver: {command}", "ok", risk, command)


def opens(machine: Machine, access: Access) -> bool:
    then = verdict(machine, access)
    return (then.outcome, then.contents) == ("ok", "")
