"""Stories of the edges: claims that do not fit, ranges that wrap, and calls that nobody expects."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.claims import ELSEWHERE
from devmemkit.scenarios.stories.pmem import NAMESPACE
from devmemkit.scenarios.stories.script import (
    E1000_BAR,
    IVSHMEM,
    IVSHMEM_BAR,
    NVME,
    NVME_BAR,
    PMEM,
    P,
    Story,
    Window,
    debugger,
    driver,
    load,
    store,
)

TOP = 1 << 64
NVME_SIZE = 0x4000
"""Bytes of the nvme device's BAR 0; beyond 0x1800 no register means anything."""


def _tries(key: str, says: str, start: int, size: int) -> tuple[Act, Act]:
    """A claim, and its release where it succeeds: what claims for us holds one at a time."""
    return (
        driver(key, "request_mem_region", says, start=start, size=size),
        driver(f"{key}_release", "release_mem_region", "releases it", start=start, size=size,
               needs=key),
    )  # fmt: skip


def around_a_claim() -> tuple[Act, ...]:
    """Claims inside, across and around what nvme has claimed, and the same while it is idle."""

    def all_of(when: str) -> tuple[Act, ...]:
        return (
            *_tries(f"inside_{when}", "claims a page inside", NVME_BAR + 0x3000, PAGE_SIZE),
            *_tries(f"last_{when}", "claims its last bytes", NVME_BAR + NVME_SIZE - 0x20, 0x20),
            *_tries(f"across_{when}", "claims across its end", NVME_BAR + 0x3800, PAGE_SIZE),
            *_tries(f"around_{when}", "claims all around it", NVME_BAR - PAGE_SIZE, 2 * NVME_SIZE),
            *_tries(f"behind_{when}", "claims what follows", E1000_BAR + 0x2_0000, PAGE_SIZE),
        )

    return (
        driver("bind", "bind", "nvme binds", bdf=NVME, driver="nvme"),
        *all_of("bound"),
        driver("unbind", "unbind", "nvme goes", bdf=NVME, needs="bind"),
        *all_of("idle"),
    )


def across_nodes() -> tuple[Act, ...]:
    """Claims in idle nodes, across their edges, in busy ones and outside of the tree."""
    return (
        *_tries("first", "claims the BAR's first page", IVSHMEM_BAR, PAGE_SIZE),
        *_tries("last", "claims its last", IVSHMEM_BAR + (64 << 20) - PAGE_SIZE, PAGE_SIZE),
        *_tries("before", "claims across its start", IVSHMEM_BAR - PAGE_SIZE, 2 * PAGE_SIZE),
        *_tries("ioapic", "claims what is busy", 0xFEC0_0000, 0x100),
        *_tries("partly", "claims across something busy", 0xFEBF_F800, PAGE_SIZE),
        *_tries("hole", "claims where nothing is", 0xD000_0000, PAGE_SIZE),
        *_tries("outside", "claims beyond the tree", 1 << 40, PAGE_SIZE),
    )


def low_memory() -> tuple[Act, ...]:
    """A debugger reads RAM below 1 MiB that a process has mapped; 5.10 refuses most of it."""
    return (
        P("open", "open_devmem", "opens /dev/mem"),
        P("map", "mmap_devmem", "maps the first 32 pages", fd=Ref("open"), offset=0,
          length=32 * PAGE_SIZE, prot="r"),
        *(
            debugger(f"peek{n}", "ptrace_peek", "P", f"a debugger peeks at page {n}", live=True,
                     address=Ref("map", n * PAGE_SIZE))
            for n in (1, 15, 16, 31)
        ),
        load(P, "load", 31, live=True),
    )  # fmt: skip


def no_node() -> tuple[Act, ...]:
    """Physical addresses that no node of /proc/iomem holds can be mapped."""
    return (
        P("open", "open_devmem", "opens /dev/mem", dsync=True),
        P("map", "mmap_devmem", "maps two pages at 512 GiB", fd=Ref("open"), offset=1 << 39,
          length=2 * PAGE_SIZE, prot="r"),
        load(P, "load", 1, live=True),
    )  # fmt: skip


def lengths(w: Window) -> tuple[Act, ...]:
    """Ranges that wrap, end at 2^64 or reach beyond a process's addresses."""
    at = Ref("map")
    return (
        w.open(P),
        w.map(P, "map", 2),
        P("map_all", "mmap_devmem" if w.via == "devmem" else "mmap_resource",
          "maps 2^64 - 1 bytes", fd=Ref("open"), offset=0, length=TOP - 1),
        *(
            P(f"{name}_{key}", name, f"{name} of {says}", address=at, length=length, **more)
            for name, more in (("munmap", {}), ("mprotect", {"prot": "rw"}),
                               ("madvise", {"advice": "NORMAL"}), ("msync", {}), ("mlock", {}))
            for key, says, length in (("wraps", "what wraps", TOP - PAGE_SIZE),
                                      ("all", "2^64 - 1 bytes", TOP - 1), ("none", "nothing", 0))
        ),
        P("munmap_beyond", "munmap", "munmap beyond its addresses", address=at, length=1 << 47),
        P("grow", "mremap", "grows beyond all addresses", address=at, length=2 * PAGE_SIZE,
          new_length=1 << 48),
        load(P, "load", 1),
    )  # fmt: skip


def moved_back(w: Window) -> tuple[Act, ...]:
    """A page that is moved away and back is again one of the mapping, and is revoked with it."""
    page = {"length": PAGE_SIZE, "new_length": PAGE_SIZE}
    return (
        w.open(P),
        w.map(P, "map", 4),
        store(P, "store", 0, 0xB0B),
        P("away", "mremap", "moves page 0", address=Ref("map"), to=ELSEWHERE, **page),
        load(P, "left", 0),
        P("back", "mremap", "moves it back", address=Ref("away"), to=Ref("map"), **page),
        load(P, "back_again", 0),
        w.claim(0, 0x2000),
        *(load(P, f"load{n}", n) for n in range(4)),
        w.release(0, 0x2000),
    )


def wrong_drivers() -> tuple[Act, ...]:
    """Drivers of another bus, or not made for the device, and a namespace that cannot go."""
    return (
        driver("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        driver("twice", "bind", "once more", bdf=NAMESPACE, driver="nd_pmem"),
        driver("remove", "remove", "removes the namespace", bdf=NAMESPACE),
        driver("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind"),
        driver("unbind_twice", "unbind", "once more", bdf=NAMESPACE),
        driver("nvme", "bind", "nvme binds to the namespace", bdf=NAMESPACE, driver="nvme"),
        driver("pmem", "bind", "nd_pmem binds to a PCI device", bdf=NVME, driver="nd_pmem"),
        driver("e1000", "bind", "e1000 binds to the nvme device", bdf=NVME, driver="e1000"),
        driver("bind_nvme", "bind", "nvme binds to its own", bdf=NVME, driver="nvme"),
        driver("bind_nvme_twice", "bind", "once more", bdf=NVME, driver="nvme"),
        driver("nobody", "bind", "nvme binds to what is not there", bdf="0000:00:1f.7",
               driver="nvme"),
    )  # fmt: skip


def negative_offsets() -> tuple[Act, ...]:
    """Offsets of 2^63 and more, which read(2) and write(2) take as negative."""
    return (
        P("port", "open_ioport", "opens /dev/port"),
        P("mem", "open_devmem", "opens /dev/mem"),
        P("bar", "open_resource", "opens resource2", bdf=IVSHMEM, bar=2),
        *(
            P(f"{verb}_{kind}", f"{verb}_{name}", f"{verb}s at -2^63", fd=Ref(kind),
              offset=1 << 63, **({"count": 4} if verb == "read" else {"data": b"none"}))
            for kind, name in (("port", "ioport"), ("mem", "devmem"), ("bar", "resource"))
            for verb in ("read", "write")
        ),
    )  # fmt: skip


def claim_in_what_goes() -> tuple[Act, ...]:
    """A device goes and takes a claim of its BAR along; nothing is left to release."""
    page = {"start": IVSHMEM_BAR + 0x3000, "size": PAGE_SIZE}
    return (
        P("open", "open_devmem", "opens /dev/mem", dsync=True),
        P("map", "mmap_devmem", "maps the BAR's start", fd=Ref("open"), offset=IVSHMEM_BAR,
          length=8 * PAGE_SIZE),
        driver("claim", "request_mem_region", "claims page 3", **page),
        P("denied", "mmap_devmem", "maps it anew", fd=Ref("open"), offset=page["start"],
          length=PAGE_SIZE),
        driver("remove", "remove", "removes the device", bdf=IVSHMEM),
        load(P, "dead", 3),
        P("allowed", "mmap_devmem", "maps it anew", fd=Ref("open"), offset=page["start"],
          length=PAGE_SIZE),
        driver("release", "release_mem_region", "releases it", needs="claim", **page),
    )  # fmt: skip


def gone_under_procfs() -> tuple[Act, ...]:
    """A device goes while /proc/bus/pci maps it: nothing of the mapping can move any more."""
    whole = {"fd": Ref("open"), "offset": IVSHMEM_BAR, "length": 4 * PAGE_SIZE}
    page = {"length": PAGE_SIZE, "new_length": PAGE_SIZE}
    return (
        P("open", "open_proc_pci", "opens /proc/bus/pci/00/05.0", bdf=IVSHMEM),
        P("memory", "pciioc_mmap_is_mem", "asks for memory", fd=Ref("open")),
        P("map", "mmap_proc_pci", "maps four pages", **whole),
        store(P, "store", 1, 0xD1E),
        P("moved", "mremap", "moves the last", address=Ref("map", 3 * PAGE_SIZE), to=ELSEWHERE,
          **page),
        driver("remove", "remove", "removes the device", bdf=IVSHMEM),
        load(P, "load", 1),
        P("move", "mremap", "moves a page", address=Ref("map", PAGE_SIZE),
          to=ELSEWHERE + 0x10_0000, **page),
        load(P, "load_after", 1),
        P("shrink", "mremap", "gives up a page", address=Ref("map"), length=3 * PAGE_SIZE,
          new_length=2 * PAGE_SIZE),
        P("ask", "pciioc_mmap_is_mem", "asks once more", fd=Ref("open")),
        P("again", "mmap_proc_pci", "maps it anew", **whole),
        P("open_again", "open_proc_pci", "opens it anew", bdf=IVSHMEM),
        driver("remove_again", "remove", "removes it once more", bdf=IVSHMEM),
    )  # fmt: skip


def two_types() -> tuple[Act, ...]:
    """With iomem=relaxed two mappings of unlike cache types: nd_pmem comes when one is gone."""
    pages = {"length": 2 * PAGE_SIZE}
    return (
        P("sync", "open_devmem", "opens /dev/mem with O_SYNC", dsync=True),
        P("open", "open_devmem", "opens /dev/mem"),
        P("uncached", "mmap_devmem", "maps two pages", fd=Ref("sync"), offset=PMEM, **pages),
        P("back", "mmap_devmem", "maps two more", fd=Ref("open"), offset=PMEM + 0x4000, **pages),
        driver("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        P("unmap", "munmap", "unmaps the uncached ones", address=Ref("uncached"), **pages),
        driver("bind_again", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        load(P, "load", 1, "back"),
        P("uncached_again", "mmap_devmem", "maps them anew", fd=Ref("sync"), offset=PMEM, **pages),
        driver("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind_again"),
    )  # fmt: skip


def any_type() -> tuple[Act, ...]:
    """One page mapped write-back, then uncached; and the write-combining file of a BAR."""
    page = {"offset": PMEM, "length": PAGE_SIZE}
    return (
        P("open", "open_devmem", "opens /dev/mem"),
        P("back", "mmap_devmem", "maps a page", fd=Ref("open"), **page),
        P("sync", "open_devmem", "opens it with O_SYNC", dsync=True),
        P("uncached", "mmap_devmem", "maps the same page", fd=Ref("sync"), **page),
        P("wc", "open_resource", "opens resource2_wc", bdf=IVSHMEM, bar=2, wc=True),
        P("combining", "mmap_resource", "maps its first page", fd=Ref("wc"), offset=0,
          length=PAGE_SIZE),
    )  # fmt: skip


def strict_again(w: Window) -> tuple[Act, ...]:
    """iomem=strict behind iomem=relaxed: a claim revokes as if neither were there."""
    return (
        w.open(P),
        w.map(P, "map", 4),
        w.claim(0x1000, 0x1000),
        *(load(P, f"load{n}", n) for n in (0, 1, 2)),
        w.map(P, "again", 1, 1),
        w.release(0x1000, 0x1000),
    )


def edges() -> tuple[Story, ...]:
    """Every story of this module; those that leave the guest as it was come first."""

    def told(make: object, acts: tuple[Act, ...], **more: str) -> Story:
        name = more.pop("name", getattr(make, "__name__", ""))
        return Story(name, (make.__doc__ or "").split("\n")[0], acts, **more)

    return (
        told(around_a_claim, around_a_claim(), cause="bind"),
        told(across_nodes, across_nodes()),
        told(low_memory, low_memory()),
        told(no_node, no_node()),
        *(
            told(make, make(Window(via, number)), name=f"{make.__name__}-{via}", **more)
            for number, (make, more) in enumerate(
                ((lengths, {}), (moved_back, {"cause": "claim"})), 1
            )
            for via in ("devmem", "sysfs")
        ),
        told(negative_offsets, negative_offsets()),
        told(wrong_drivers, wrong_drivers()),
        told(any_type, any_type(), name="any_type-pat"),
        told(claim_in_what_goes, claim_in_what_goes(), cause="remove"),
        told(gone_under_procfs, gone_under_procfs(), cause="remove"),
        told(any_type, any_type(), name="any_type-nopat", cmdline="nopat"),
        told(two_types, two_types(), cause="uncached", cmdline="iomem=relaxed"),
        told(
            strict_again,
            strict_again(Window("devmem", 3)),
            cause="claim",
            cmdline="iomem=relaxed iomem=strict",
        ),
    )
