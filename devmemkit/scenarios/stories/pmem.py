"""Stories of persistent memory before its driver, and of drivers whose claim is refused."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import DISK, NAMESPACE, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import IN_PAGE, D, P, Story, story


def _read_disk(key: str, page: int, says: str) -> Act:
    where = {"device": DISK, "offset": page * PAGE_SIZE + IN_PAGE, "count": 8}
    return Act(key, "U", "read_block", where, says)


def preload(lab: Lab, sync: bool) -> tuple[Act, ...]:
    """A process writes into idle persistent memory; its driver then serves those bytes."""
    return (
        P.open_mem(dsync=sync),
        P.map_mem("map", "maps 32 pages", lab.pmem, 32),
        P.store("good", 16, 0x600D),
        _read_disk("too_early", 16, "reads the disk"),
        P.store("corrupt", 16, 0xBAD),
        P("write", "write_devmem", "writes beyond by pwrite(2)", fd=Ref("open"),
          offset=lab.pmem + 0x4_0000 + IN_PAGE, data=b"corrupt!"),
        D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        _read_disk("served", 16, "reads the disk"),
        _read_disk("served_beyond", 0x40, "reads the disk further on"),
        P.load("load", 16),
        P.store("store", 17, 0xBAD),
        P.map_mem("map_again", "maps it anew", lab.pmem, 32),
        P("read", "read_devmem", "reads it by pread(2)", fd=Ref("open"),
          offset=lab.pmem + IN_PAGE, count=8),
        D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind"),
        _read_disk("too_late", 16, "reads the disk"),
        P.map_mem("map_late", "maps it anew", lab.pmem, 32),
        P.load("still", 16, "map_late"),
    )  # fmt: skip


def preload_gap(lab: Lab) -> tuple[Story, ...]:
    """The gap before nd_pmem comes, through an uncached and a write-back mapping."""
    return tuple(
        story(preload, lab, sync, name=f"preload-{name}", cause="bind")
        for name, sync in (("uncached", True), ("writeback", False))
    )


def refused(bdf: str, name: str, start: int, mapping: tuple[Act, ...]) -> tuple[Act, ...]:
    """Another driver holds a page of the region when this one comes; then it lets go."""
    return (
        *mapping,
        D.claim(start, PAGE_SIZE, "another driver claims a page"),
        D("bind", "bind", f"{name} binds", bdf=bdf, driver=name),
        P.load("during", 1, live=True),
        D("unbind_none", "unbind", "unbinding what is not bound", bdf=bdf, needs="claim"),
        D.release(start, PAGE_SIZE, "the other releases its page"),
        P.load("between", 1, live=True),
        D("bind_again", "bind", f"{name} binds again", bdf=bdf, driver=name, needs="release"),
        P.load("after", 1, live=True),
        D("unbind", "unbind", f"{name} goes", bdf=bdf, needs="bind_again"),
    )


def refused_claim(lab: Lab) -> tuple[Story, ...]:
    """What e1000, nvme and nd_pmem do when their claim is refused, and whether they recover."""

    def map_bar(bdf: str) -> tuple[Act, ...]:
        return (P.open_bar(bdf, 0), P.map_bar("map", "maps two pages", pages=2))

    map_pmem = (P.open_mem(dsync=True), P.map_mem("map", "maps two pages", lab.pmem, 2))
    return tuple(
        story(refused, bdf, fits, start, maps, name=f"refused-{name}", cause="claim")
        for name, bdf, fits, start, maps in (
            ("e1000", lab.e1000, "e1000", lab.e1000_bar + 0x1_0000, map_bar(lab.e1000)),
            ("nvme", lab.nvme, "nvme", lab.nvme_bar + 0x3000, map_bar(lab.nvme)),
            ("nd_pmem", NAMESPACE, "nd_pmem", lab.pmem + 0x10_0000, map_pmem),
            ("nd_pmem-info", NAMESPACE, "nd_pmem", lab.pmem + 0x1000, map_pmem),
        )
    )
