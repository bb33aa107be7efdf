"""Stories of PCI BARs: drivers that take them, files that still map them, devices that go."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import (
    IVSHMEM,
    IVSHMEM_BAR,
    NVME,
    NVME_BAR,
    P,
    Q,
    Story,
    Window,
    Writer,
    driver,
    load,
    store,
)

NVME_CC = 0x14
"""Offset of the controller configuration register; its lowest bit is set while it is enabled."""


def _resource(who: Writer, key: str, bdf: str, bar: int) -> Act:
    return who(key, "open_resource", f"opens resource{bar} of {bdf}", bdf=bdf, bar=bar)


def _register(key: str, of: str, says: str) -> Act:
    return P(key, "load", says, address=Ref(of, NVME_CC), size=4, live=True)


def driver_binds(via: str) -> tuple[Act, ...]:
    """A user-space driver has the nvme device's registers mapped when the kernel's driver comes."""
    if via == "devmem":
        file = P("open", "open_devmem", "opens /dev/mem", dsync=True)
        again = {"fd": Ref("open"), "offset": NVME_BAR, "length": PAGE_SIZE}
    else:
        file = _resource(P, "open", NVME, 0)
        again = {"fd": Ref("open"), "offset": 0, "length": PAGE_SIZE}
    mmap = "mmap_devmem" if via == "devmem" else "mmap_resource"
    return (
        file,
        P("map", mmap, "maps its registers", **again),
        _register("before", "map", "reads the configuration register"),
        driver("bind", "bind", "nvme binds", bdf=NVME, driver="nvme"),
        _register("after", "map", "reads it again"),
        P("again", mmap, "maps it anew", **again, needs="bind"),
        driver("unbind", "unbind", "nvme goes", bdf=NVME, needs="bind"),
        _register("old", "map", "reads through the old mapping"),
        P("late", mmap, "maps it anew", **again),
        _register("new", "late", "reads through the new mapping"),
    )


def through_both(w: Window) -> tuple[Act, ...]:
    """One claim reaches the mappings of the BAR through both files."""
    return (
        P("open", "open_devmem", "opens /dev/mem"),
        P("map", "mmap_devmem", "maps the BAR's start", fd=Ref("open"), offset=w.start,
          length=8 * PAGE_SIZE),
        w.open(Q, "open_q"),
        w.map(Q, "map_q", 8, fd="open_q"),
        store(P, "store", 5, 0x5151),
        load(Q, "same", 5, "map_q"),
        w.claim(0x4000, 0x2000),
        *(load(P, f"devmem{n}", n) for n in (3, 4, 5, 6)),
        *(load(Q, f"sysfs{n}", n, "map_q") for n in (3, 4, 5, 6)),
        w.release(0x4000, 0x2000),
        load(Q, "sysfs_after", 5, "map_q"),
    )  # fmt: skip


def first_page(offset: int, page: int) -> tuple[Act, ...]:
    """resourceN asks for the BAR's first page only, /dev/mem for the pages that are mapped."""
    at = {"fd": Ref("open"), "offset": page * PAGE_SIZE, "length": PAGE_SIZE}
    return (
        P("open_mem", "open_devmem", "opens /dev/mem"),
        _resource(P, "open", IVSHMEM, 2),
        P("live", "mmap_resource", "maps the page", **at),
        driver("claim", "request_mem_region", f"claims 4 pages at +{offset:#x}",
               start=IVSHMEM_BAR + offset, size=4 * PAGE_SIZE),
        load(P, "killed", 0, "live"),
        P("sysfs", "mmap_resource", "maps it through resource2", **at),
        load(P, "load_sysfs", 0, "sysfs"),
        P("devmem", "mmap_devmem", "maps it through /dev/mem", fd=Ref("open_mem"),
          offset=IVSHMEM_BAR + page * PAGE_SIZE, length=PAGE_SIZE),
        load(P, "load_devmem", 0, "devmem"),
        driver("release", "release_mem_region", "releases it", start=IVSHMEM_BAR + offset,
               size=4 * PAGE_SIZE, needs="claim"),
    )  # fmt: skip


def hot_removal(w: Window) -> tuple[Act, ...]:
    """The device goes while its BAR is mapped."""
    return (
        w.open(P),
        w.map(P, "map", 4),
        P("open_mem", "open_devmem", "opens /dev/mem"),
        P("mem", "mmap_devmem", "maps it too", fd=Ref("open_mem"), offset=w.start,
          length=4 * PAGE_SIZE),
        store(P, "store", 1, 0xD00D),
        driver("remove", "remove", "removes the device", bdf=IVSHMEM),
        load(P, "sysfs", 1),
        load(P, "devmem", 1, "mem"),
        w.map(P, "map_again", 4),
    )  # fmt: skip


def proc_pci() -> tuple[Act, ...]:
    """The same BAR through /proc/bus/pci: a mapping before, during and after a claim."""
    return (
        P("open", "open_proc_pci", "opens /proc/bus/pci/00/05.0", bdf=IVSHMEM),
        P("too_early", "mmap_proc_pci", "maps without asking for memory", fd=Ref("open"),
          offset=IVSHMEM_BAR, length=PAGE_SIZE),
        P("memory", "pciioc_mmap_is_mem", "asks for memory", fd=Ref("open")),
        P("map", "mmap_proc_pci", "maps 8 pages", fd=Ref("open"), offset=IVSHMEM_BAR,
          length=8 * PAGE_SIZE),
        P("outside", "mmap_proc_pci", "maps what is no BAR", fd=Ref("open"), offset=0x4000_0000,
          length=PAGE_SIZE),
        store(P, "store", 1, 0xACE),
        driver("claim", "request_mem_region", "claims the first two pages", start=IVSHMEM_BAR,
               size=2 * PAGE_SIZE),
        *(load(P, f"load{n}", n) for n in (0, 1, 2)),
        P("again", "mmap_proc_pci", "maps it anew", fd=Ref("open"), offset=IVSHMEM_BAR,
          length=PAGE_SIZE),
        driver("release", "release_mem_region", "releases them", start=IVSHMEM_BAR,
               size=2 * PAGE_SIZE, needs="claim"),
        load(P, "load_after", 1),
        P("late", "mmap_proc_pci", "maps it anew", fd=Ref("open"), offset=IVSHMEM_BAR,
          length=PAGE_SIZE),
    )  # fmt: skip


def bars() -> tuple[Story, ...]:
    """Every story of this module."""

    def story(name: str, acts: tuple[Act, ...], cause: str, says: str | None) -> Story:
        return Story(name, (says or "").split("\n")[0], acts, cause)

    return (
        *(
            story(f"driver_binds-{via}", driver_binds(via), "bind", driver_binds.__doc__)
            for via in ("devmem", "sysfs")
        ),
        story("through_both", through_both(Window("sysfs", 1)), "claim", through_both.__doc__),
        story("first_page-claimed", first_page(0, 0x100), "claim", first_page.__doc__),
        story("first_page-idle", first_page(0x4000, 5), "claim", first_page.__doc__),
        story("proc_pci", proc_pci(), "claim", proc_pci.__doc__),
        story("hot_removal", hot_removal(Window("sysfs", 2)), "remove", hot_removal.__doc__),
    )


def ioremap_conflict(sync: bool) -> tuple[Act, ...]:
    """A mapping of the pages that a driver claims and wants to map uncached, as drivers do."""
    window = Window("devmem", 3)
    pages = {"start": window.start, "size": 4 * PAGE_SIZE}
    whole = {"fd": Ref("open"), "offset": window.start, "length": 8 * PAGE_SIZE}
    return (
        P("open", "open_devmem", "opens /dev/mem", dsync=sync),
        P("map", "mmap_devmem", "maps 8 pages", **whole),
        store(P, "store", 1, 0xCAFE),
        driver("probe", "ramoops_probe", "claims four of them and maps them uncached", **pages),
        load(P, "load", 1),
        load(P, "beside", 5),
        P("map_again", "mmap_devmem", "maps them anew", **whole, needs="map"),
        driver("remove", "ramoops_remove", "the driver goes", **pages, needs="probe"),
        P("unmap", "munmap", "unmaps them", address=Ref("map"), length=8 * PAGE_SIZE),
        driver("once_more", "ramoops_probe", "the driver comes again", **pages),
        driver("gone", "ramoops_remove", "the driver goes", **pages, needs="once_more"),
        P("late", "mmap_devmem", "maps them anew", **whole),
    )


def ioremap_conflicts() -> tuple[Story, ...]:
    """A write-back mapping, which conflicts, and an uncached one, which does not."""
    says = ioremap_conflict.__doc__ or ""
    return (
        Story("writeback", says, ioremap_conflict(sync=False), "map"),
        Story("uncached", says, ioremap_conflict(sync=True), "probe"),
    )
