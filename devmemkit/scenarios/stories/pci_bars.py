"""Stories of PCI BARs: drivers that take them, files that still map them, devices that go."""

from __future__ import annotations

from typing import Any

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import VIAS, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import D, P, Q, Story, Window, story

NVME_CC = 0x14
"""Offset of the controller configuration register; its lowest bit is set while it is enabled."""


def _register(key: str, of: str, says: str) -> Act:
    return P(key, "load", says, address=Ref(of, NVME_CC), size=4, live=True)


def driver_binds(lab: Lab, via: str) -> tuple[Act, ...]:
    """A user-space driver has the nvme device's registers mapped when the kernel's driver comes."""

    def maps(key: str, says: str, **more: Any) -> Act:
        if via == "devmem":
            return P.map_mem(key, says, lab.nvme_bar, 1, **more)
        return P.map_bar(key, says, **more)

    open_bar = P.open_bar(lab.nvme, 0, says=f"opens resource0 of {lab.nvme}")
    return (
        P.open_mem(dsync=True) if via == "devmem" else open_bar,
        maps("map", "maps its registers"),
        _register("before", "map", "reads the configuration register"),
        D("bind", "bind", "nvme binds", bdf=lab.nvme, driver="nvme"),
        _register("after", "map", "reads it again"),
        maps("again", "maps it anew", needs="bind"),
        D("unbind", "unbind", "nvme goes", bdf=lab.nvme, needs="bind"),
        _register("old", "map", "reads through the old mapping"),
        maps("late", "maps it anew"),
        _register("new", "late", "reads through the new mapping"),
    )


def through_both(w: Window) -> tuple[Act, ...]:
    """One claim reaches the mappings of the BAR through both files."""
    return (
        P.open_mem(),
        P.map_mem("map", "maps the BAR's start", w.start, 8),
        w.open(Q, "open_q"),
        w.map(Q, "map_q", 8, fd="open_q"),
        P.store("store", 5, 0x5151),
        Q.load("same", 5, "map_q"),
        w.claim(0x4000, 0x2000),
        *(P.load(f"devmem{n}", n) for n in (3, 4, 5, 6)),
        *(Q.load(f"sysfs{n}", n, "map_q") for n in (3, 4, 5, 6)),
        w.release(0x4000, 0x2000),
        Q.load("sysfs_after", 5, "map_q"),
    )


def first_page(lab: Lab, offset: int, page: int) -> tuple[Act, ...]:
    """resourceN asks for the BAR's first page only, /dev/mem for the pages that are mapped."""
    start = lab.ivshmem_bar + page * PAGE_SIZE
    return (
        P.open_mem("open_mem"),
        P.open_bar(lab.ivshmem, 2, says=f"opens resource2 of {lab.ivshmem}"),
        P.map_bar("live", "maps the page", page),
        D.claim(lab.ivshmem_bar + offset, 4 * PAGE_SIZE, f"claims 4 pages at +{offset:#x}"),
        P.load("killed", 0, "live"),
        P.map_bar("sysfs", "maps it through resource2", page),
        P.load("load_sysfs", 0, "sysfs"),
        P.map_mem("devmem", "maps it through /dev/mem", start, 1, fd="open_mem"),
        P.load("load_devmem", 0, "devmem"),
        D.release(lab.ivshmem_bar + offset, 4 * PAGE_SIZE),
    )


def hot_removal(w: Window) -> tuple[Act, ...]:
    """The device goes while its BAR is mapped."""
    return (
        *w.mapped(4),
        P.open_mem("open_mem"),
        P.map_mem("mem", "maps it too", w.start, 4, fd="open_mem"),
        P.store("store", 1, 0xD00D),
        D("remove", "remove", "removes the device", bdf=w.lab.ivshmem),
        P.load("sysfs", 1),
        P.load("devmem", 1, "mem"),
        w.map(P, "map_again", 4),
    )


def proc_pci(lab: Lab) -> tuple[Act, ...]:
    """The same BAR through /proc/bus/pci: a mapping before, during and after a claim."""

    def maps(key: str, says: str, start: int = lab.ivshmem_bar, pages: int = 1) -> Act:
        where = {"offset": start, "length": pages * PAGE_SIZE}
        return P(key, "mmap_proc_pci", says, fd=Ref("open"), **where)

    return (
        P.open_proc(lab),
        maps("too_early", "maps without asking for memory"),
        P("memory", "pciioc_mmap_is_mem", "asks for memory", fd=Ref("open")),
        maps("map", "maps 8 pages", pages=8),
        maps("outside", "maps what is no BAR", start=lab.pmem),
        P.store("store", 1, 0xACE),
        D.claim(lab.ivshmem_bar, 2 * PAGE_SIZE, "claims the first two pages"),
        *(P.load(f"load{n}", n) for n in (0, 1, 2)),
        maps("again", "maps it anew"),
        D.release(lab.ivshmem_bar, 2 * PAGE_SIZE, "releases them"),
        P.load("load_after", 1),
        maps("late", "maps it anew"),
    )


def bars(lab: Lab) -> tuple[Story, ...]:
    """Every story of this module."""
    return (
        *(story(driver_binds, lab, via, name=f"driver_binds-{via}", cause="bind") for via in VIAS),
        story(through_both, Window(lab, "sysfs", 1), cause="claim"),
        story(first_page, lab, 0, 0x100, name="first_page-claimed", cause="claim"),
        story(first_page, lab, 0x4000, 5, name="first_page-idle", cause="claim"),
        story(proc_pci, lab, cause="claim"),
        story(hot_removal, Window(lab, "sysfs", 2), cause="remove"),
    )


def ioremap_conflict(lab: Lab, sync: bool) -> tuple[Act, ...]:
    """A mapping of the pages that a driver claims and wants to map uncached, as drivers do."""
    window = Window(lab, "devmem", 3)
    pages = {"start": window.start, "size": 4 * PAGE_SIZE}
    return (
        P.open_mem(dsync=sync),
        P.map_mem("map", "maps 8 pages", window.start, 8),
        P.store("store", 1, 0xCAFE),
        D("probe", "ramoops_probe", "claims four of them and maps them uncached", **pages),
        P.load("load", 1),
        P.load("beside", 5),
        P.map_mem("map_again", "maps them anew", window.start, 8, needs="map"),
        D("remove", "ramoops_remove", "the driver goes", **pages, needs="probe"),
        P("unmap", "munmap", "unmaps them", address=Ref("map"), length=8 * PAGE_SIZE),
        D("once_more", "ramoops_probe", "the driver comes again", **pages),
        D("gone", "ramoops_remove", "the driver goes", **pages, needs="once_more"),
        P.map_mem("late", "maps them anew", window.start, 8),
    )


def ioremap_conflicts(lab: Lab) -> tuple[Story, ...]:
    """A write-back mapping, which conflicts, and an uncached one, which does not."""
    return (
        story(ioremap_conflict, lab, False, name="writeback", cause="map"),
        story(ioremap_conflict, lab, True, name="uncached", cause="probe"),
    )
