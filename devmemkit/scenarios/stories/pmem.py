"""Stories of persistent memory before its driver, and of drivers whose claim is refused."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import (
    E1000,
    E1000_BAR,
    IN_PAGE,
    NVME,
    NVME_BAR,
    PMEM,
    P,
    Story,
    Writer,
    by,
    driver,
    load,
    store,
)

NAMESPACE, DISK = "namespace0.0", "pmem0"
U: Writer = by("U")


def _read_disk(key: str, page: int, says: str) -> Act:
    return Act(
        key,
        "U",
        "read_block",
        {"device": DISK, "offset": page * PAGE_SIZE + IN_PAGE, "count": 8},
        says,
    )


def preload(sync: bool) -> tuple[Act, ...]:
    """A process writes into idle persistent memory; its driver then serves those bytes."""
    whole = {"fd": Ref("open"), "offset": PMEM, "length": 32 * PAGE_SIZE}
    return (
        P("open", "open_devmem", "opens /dev/mem", dsync=sync),
        P("map", "mmap_devmem", "maps 32 pages", **whole),
        store(P, "good", 16, 0x600D),
        _read_disk("too_early", 16, "reads the disk"),
        store(P, "corrupt", 16, 0xBAD),
        P("write", "write_devmem", "writes beyond by pwrite(2)", fd=Ref("open"),
          offset=PMEM + 0x4_0000 + IN_PAGE, data=b"corrupt!"),
        driver("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        _read_disk("served", 16, "reads the disk"),
        _read_disk("served_beyond", 0x40, "reads the disk further on"),
        load(P, "load", 16),
        store(P, "store", 17, 0xBAD),
        P("map_again", "mmap_devmem", "maps it anew", **whole),
        P("read", "read_devmem", "reads it by pread(2)", fd=Ref("open"),
          offset=PMEM + IN_PAGE, count=8),
        driver("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind"),
        _read_disk("too_late", 16, "reads the disk"),
        P("map_late", "mmap_devmem", "maps it anew", **whole),
        load(P, "still", 16, "map_late"),
    )  # fmt: skip


def preload_gap() -> tuple[Story, ...]:
    """The gap before nd_pmem comes, through an uncached and a write-back mapping."""
    return tuple(
        Story(f"preload-{name}", (preload.__doc__ or ""), preload(sync), "bind")
        for name, sync in (("uncached", True), ("writeback", False))
    )


def refused(bdf: str, name: str, start: int, mapping: tuple[Act, ...]) -> tuple[Act, ...]:
    """Another driver holds a page of the region when this one comes; then it lets go."""
    return (
        *mapping,
        driver("claim", "request_mem_region", "another driver claims a page", start=start,
               size=PAGE_SIZE),
        driver("bind", "bind", f"{name} binds", bdf=bdf, driver=name),
        load(P, "during", 1, live=True),
        driver("unbind_none", "unbind", "unbinding what is not bound", bdf=bdf, needs="claim"),
        driver("release", "release_mem_region", "the other releases its page", start=start,
               size=PAGE_SIZE, needs="claim"),
        load(P, "between", 1, live=True),
        driver("bind_again", "bind", f"{name} binds again", bdf=bdf, driver=name, needs="release"),
        load(P, "after", 1, live=True),
        driver("unbind", "unbind", f"{name} goes", bdf=bdf, needs="bind_again"),
    )  # fmt: skip


def refused_claim() -> tuple[Story, ...]:
    """What e1000, nvme and nd_pmem do when their claim is refused, and whether they recover."""
    says = refused.__doc__ or ""

    def map_bar(bdf: str) -> tuple[Act, ...]:
        return (
            P("open", "open_resource", "opens resource0", bdf=bdf, bar=0),
            P("map", "mmap_resource", "maps two pages", fd=Ref("open"), offset=0,
              length=2 * PAGE_SIZE),
        )  # fmt: skip

    map_pmem = (
        P("open", "open_devmem", "opens /dev/mem", dsync=True),
        P("map", "mmap_devmem", "maps two pages", fd=Ref("open"), offset=PMEM,
          length=2 * PAGE_SIZE),
    )  # fmt: skip
    places = (
        ("e1000", E1000, E1000_BAR + 0x1_0000, map_bar(E1000)),
        ("nvme", NVME, NVME_BAR + 0x3000, map_bar(NVME)),
        ("nd_pmem", NAMESPACE, PMEM + 0x10_0000, map_pmem),
    )
    return (
        *(Story(f"refused-{n}", says, refused(bdf, n, at, maps), "claim")
          for n, bdf, at, maps in places),
        Story("refused-nd_pmem-info", says, refused(NAMESPACE, "nd_pmem", PMEM + 0x1000, map_pmem),
              "claim"),
    )  # fmt: skip
