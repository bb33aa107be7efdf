"""Stories of the command line: iomem=relaxed and lockdown=integrity."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.flags import PAGE_SIZE, U64
from devmemkit.scenarios.machines import VIAS, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import D, P, Story, Window, story


def relaxed(w: Window) -> tuple[Act, ...]:
    """With iomem=relaxed a claim revokes nothing and denies nothing."""
    return (
        *w.mapped(8),
        P.store("store", 4, 0x4E1A),
        w.claim(0x4000, 0x2000),
        P.load("load", 4),
        w.map(P, "again", 2, 4),
        P.load("load_again", 0, "again"),
        P.store("store_again", 1, 0x4E1B, "again"),
        P.load("load_store", 5),
        w.release(0x4000, 0x2000),
    )


def first_page(w: Window) -> tuple[Act, ...]:
    """With iomem=relaxed a BAR whose first page is claimed can still be mapped."""
    return (
        w.open(P),
        w.claim(0, 0x1000),
        w.map(P, "map", 2),
        P.load("load", 0),
        w.release(0, 0x1000),
    )


def relaxed_reads(lab: Lab) -> tuple[Act, ...]:
    """With iomem=relaxed a claimed region can still be read, RAM cannot."""
    at = lab.pmem + 0x70_0000
    return (
        P.open_mem(),
        P("write", "write_devmem", "writes", fd=Ref("open"), offset=at, data=b"idle"),
        D.claim(at, PAGE_SIZE),
        P("read", "read_devmem", "reads it", fd=Ref("open"), offset=at, count=4),
        P("ram", "read_devmem", "reads RAM", fd=Ref("open"), offset=lab.ram, count=4),
        P.map_mem("map_ram", "maps RAM", lab.ram, 1),
        D.release(at, PAGE_SIZE),
    )


def lockdown(lab: Lab) -> tuple[Act, ...]:
    """Under lockdown nothing can be mapped, claimed or idle; drivers go on as ever."""
    return (
        P.open_mem(),
        P.open_bar(lab.ivshmem, 2, "resource", "opens resource2 of an idle device"),
        P.map_bar("map", "maps it", fd="resource"),
        P.open_bar(lab.nvme, 0, "nvme", "opens resource0 of nvme"),
        P.map_bar("map_idle", "maps it", fd="nvme"),
        P.open_proc(lab, "proc"),
        P("memory", "pciioc_mmap_is_mem", "asks for memory", fd=Ref("proc")),
        P("map_proc", "mmap_proc_pci", "maps it", fd=Ref("proc"), offset=lab.ivshmem_bar,
          length=PAGE_SIZE),
        D("bind", "bind", "nvme binds", bdf=lab.nvme, driver="nvme"),
        P.map_bar("map_bound", "maps its BAR", fd="nvme"),
        D("unbind", "unbind", "nvme goes", bdf=lab.nvme, needs="bind"),
    )  # fmt: skip


def without_lockdown(lab: Lab) -> tuple[Act, ...]:
    """The same calls without lockdown."""
    return (*lockdown(lab), P.map_mem("map_mem", "maps nvme through /dev/mem", lab.nvme_bar, 1))


def ports() -> tuple[Act, ...]:
    """A process asks for I/O ports by ioperm, iopl and /dev/port; then without capabilities."""

    def asks(when: str) -> tuple[Act, ...]:
        one = {"first": 0x80, "count": 1}
        return (
            P(f"port_{when}", "ioperm", "asks for a port", **one),
            P(f"back_{when}", "ioperm", "gives it back", **one, turn_on=False),
            P(f"level_{when}", "iopl", "asks for all ports", level=3),
            P(f"down_{when}", "iopl", "gives them back", level=0),
            P(f"open_{when}", "open_ioport", "opens /dev/port"),
        )

    return (
        *asks("root"),
        P("last", "ioperm", "asks for the last port", first=0xFFFF, count=1),
        P("beyond", "ioperm", "asks for one port more than there are", first=0xFFFF, count=2),
        P("none", "ioperm", "asks for no port", first=0x80, count=0),
        P("wraps", "ioperm", "asks for 2^64 - 1 ports", first=0x80, count=U64),
        P("above", "iopl", "asks for level 4", level=4),
        P("raise", "iopl", "asks for all ports", level=3),
        P("capset", "capset", "gives up all capabilities"),
        P("again", "iopl", "asks for all ports again", level=3),
        P("lower", "iopl", "gives them back", level=0),
        *asks("user"),
    )


def iomem_relaxed(lab: Lab) -> tuple[Story, ...]:
    """iomem=relaxed, each story with its like on a kernel without it."""
    stories = [
        story(make, Window(lab, via, number), name=f"{make.__name__}-{via}", cause="claim")
        for make, number in ((relaxed, 1), (first_page, 0))
        for via in VIAS
    ]
    stories.append(story(relaxed_reads, lab, name="reads", cause="claim"))
    return (
        *(replace(one, cmdline="iomem=relaxed") for one in stories),
        *(replace(one, name=f"{one.name}-strict") for one in stories),
    )


def lockdown_integrity(lab: Lab) -> tuple[Story, ...]:
    """lockdown=integrity, and the same calls without it."""
    return (
        story(lockdown, lab, cause="bind", cmdline="lockdown=integrity"),
        story(ports, cmdline="lockdown=integrity"),
        story(without_lockdown, lab, name="no_lockdown", cause="bind"),
        story(ports, name="ports-no_lockdown"),
    )
