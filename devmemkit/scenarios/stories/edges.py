"""Stories of the edges: claims that do not fit, ranges that wrap, and calls that nobody expects."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import NAMESPACE, VIAS, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.claims import ELSEWHERE
from devmemkit.scenarios.stories.script import D, G, P, Story, Window, story

TOP = 1 << 64
NVME_SIZE = 0x4000
"""Bytes of the nvme device's BAR 0; beyond 0x1800 no register means anything."""


def _tries(key: str, says: str, start: int, size: int) -> tuple[Act, Act]:
    """A claim, and its release where it succeeds: what claims for us holds one at a time."""
    return D.claim(start, size, says, key), D.release(start, size, key=f"{key}_release", needs=key)


def around_a_claim(lab: Lab) -> tuple[Act, ...]:
    """Claims inside, across and around what nvme has claimed, and the same while it is idle."""
    around = lab.nvme_bar - PAGE_SIZE

    def all_of(when: str) -> tuple[Act, ...]:
        return (
            *_tries(f"inside_{when}", "claims a page inside", lab.nvme_bar + 0x3000, PAGE_SIZE),
            *_tries(f"last_{when}", "claims its last bytes", lab.nvme_bar + NVME_SIZE - 0x20, 0x20),
            *_tries(f"across_{when}", "claims across its end", lab.nvme_bar + 0x3800, PAGE_SIZE),
            *_tries(f"around_{when}", "claims all around it", around, 2 * NVME_SIZE),
            *_tries(f"behind_{when}", "claims what follows", lab.e1000_bar + 0x2_0000, PAGE_SIZE),
        )

    return (
        D("bind", "bind", "nvme binds", bdf=lab.nvme, driver="nvme"),
        *all_of("bound"),
        D("unbind", "unbind", "nvme goes", bdf=lab.nvme, needs="bind"),
        *all_of("idle"),
    )


def across_nodes(lab: Lab) -> tuple[Act, ...]:
    """Claims in idle nodes, across their edges, in busy ones and outside of the tree."""
    outside = _tries("outside", "claims beyond the tree", lab.outside, PAGE_SIZE)
    return (
        *_tries("first", "claims the BAR's first page", lab.ivshmem_bar, PAGE_SIZE),
        *_tries("last", "claims its last", lab.ivshmem_bar + (64 << 20) - PAGE_SIZE, PAGE_SIZE),
        *_tries("before", "claims across its start", lab.ivshmem_bar - PAGE_SIZE, 2 * PAGE_SIZE),
        *_tries("ioapic", "claims what is busy", lab.busy, 0x100),
        *_tries("partly", "claims across something busy", lab.busy - 0x800, PAGE_SIZE),
        *_tries("hole", "claims where nothing is", lab.hole, PAGE_SIZE),
        *(outside if lab.outside else ()),
    )


def low_memory() -> tuple[Act, ...]:
    """A debugger reads RAM below 1 MiB that a process has mapped; 5.10 refuses most of it."""
    return (
        P.open_mem(),
        P.map_mem("map", "maps the first 32 pages", 0, 32, prot="r"),
        *(
            G(f"peek{n}", "ptrace_peek", f"a debugger peeks at page {n}", pid="P", live=True,
                     address=Ref("map", n * PAGE_SIZE))
            for n in (1, 15, 16, 31)
        ),
        P.load("load", 31, live=True),
    )  # fmt: skip


def no_node(lab: Lab) -> tuple[Act, ...]:
    """Physical addresses that no node of /proc/iomem holds can be mapped."""
    return (
        P.open_mem(dsync=True),
        P.map_mem("map", f"maps two pages at {lab.no_node >> 30} GiB", lab.no_node, 2, prot="r"),
        P.load("load", 1, live=True),
    )


def lengths(w: Window) -> tuple[Act, ...]:
    """Ranges that wrap, end at 2^64 or reach beyond a process's addresses."""
    at = Ref("map")
    return (
        *w.mapped(2),
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
        P.load("load", 1),
    )  # fmt: skip


def moved_back(w: Window) -> tuple[Act, ...]:
    """A page that is moved away and back is again one of the mapping, and is revoked with it."""
    page = {"length": PAGE_SIZE, "new_length": PAGE_SIZE}
    return (
        *w.mapped(4),
        P.store("store", 0, 0xB0B),
        P("away", "mremap", "moves page 0", address=Ref("map"), to=ELSEWHERE, **page),
        P.load("left", 0),
        P("back", "mremap", "moves it back", address=Ref("away"), to=Ref("map"), **page),
        P.load("back_again", 0),
        w.claim(0, 0x2000),
        *(P.load(f"load{n}", n) for n in range(4)),
        w.release(0, 0x2000),
    )


def wrong_drivers(lab: Lab) -> tuple[Act, ...]:
    """Drivers of another bus, or not made for the device, and a namespace that cannot go."""
    return (
        D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        D("twice", "bind", "once more", bdf=NAMESPACE, driver="nd_pmem"),
        D("remove", "remove", "removes the namespace", bdf=NAMESPACE),
        D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind"),
        D("unbind_twice", "unbind", "once more", bdf=NAMESPACE),
        D("nvme", "bind", "nvme binds to the namespace", bdf=NAMESPACE, driver="nvme"),
        D("pmem", "bind", "nd_pmem binds to a PCI device", bdf=lab.nvme, driver="nd_pmem"),
        D("e1000", "bind", "e1000 binds to the nvme device", bdf=lab.nvme, driver="e1000"),
        D("bind_nvme", "bind", "nvme binds to its own", bdf=lab.nvme, driver="nvme"),
        D("bind_nvme_twice", "bind", "once more", bdf=lab.nvme, driver="nvme"),
        D("nobody", "bind", "nvme binds to what is not there", bdf="0000:00:1f.7",
               driver="nvme"),
    )  # fmt: skip


def end_of_a_bar(lab: Lab) -> tuple[Act, ...]:
    """The last page of a BAR of 16 KiB, the page behind it, and both at once."""
    return (
        P.open_bar(lab.nvme, 0),
        P.map_bar("last", "maps the last page", 3),
        P.map_bar("behind", "maps the page behind it", 4),
        P.map_bar("both", "maps both", 3, 2),
        P.map_bar("whole", "maps all four", 0, 4),
        P.map_bar("more", "maps five", 0, 5),
    )


def negative_offsets(lab: Lab) -> tuple[Act, ...]:
    """Offsets of 2^63 and more, which read(2) and write(2) take as negative."""
    return (
        P("port", "open_ioport", "opens /dev/port"),
        P.open_mem("mem"),
        P.open_bar(lab.ivshmem, 2, "bar"),
        *(
            P(f"{verb}_{kind}", f"{verb}_{name}", f"{verb}s at -2^63", fd=Ref(kind),
              offset=1 << 63, **({"count": 4} if verb == "read" else {"data": b"none"}))
            for kind, name in (("port", "ioport"), ("mem", "devmem"), ("bar", "resource"))
            for verb in ("read", "write")
        ),
    )  # fmt: skip


def claim_in_what_goes(lab: Lab) -> tuple[Act, ...]:
    """A device goes and takes a claim of its BAR along; nothing is left to release."""
    page = lab.ivshmem_bar + 0x3000
    return (
        P.open_mem(dsync=True),
        P.map_mem("map", "maps the BAR's start", lab.ivshmem_bar, 8),
        D.claim(page, PAGE_SIZE, "claims page 3"),
        P.map_mem("denied", "maps it anew", page, 1),
        D("remove", "remove", "removes the device", bdf=lab.ivshmem),
        P.load("dead", 3),
        P.map_mem("allowed", "maps it anew", page, 1),
        D.release(page, PAGE_SIZE),
    )


def gone_under_procfs(lab: Lab) -> tuple[Act, ...]:
    """A device goes while /proc/bus/pci maps it: nothing of the mapping can move any more."""
    whole = {"fd": Ref("open"), "offset": lab.ivshmem_bar, "length": 4 * PAGE_SIZE}
    page = {"length": PAGE_SIZE, "new_length": PAGE_SIZE}
    return (
        P.open_proc(lab),
        P("memory", "pciioc_mmap_is_mem", "asks for memory", fd=Ref("open")),
        P("map", "mmap_proc_pci", "maps four pages", **whole),
        P.store("store", 1, 0xD1E),
        P("moved", "mremap", "moves the last", address=Ref("map", 3 * PAGE_SIZE), to=ELSEWHERE,
          **page),
        D("remove", "remove", "removes the device", bdf=lab.ivshmem),
        P.load("load", 1),
        P("move", "mremap", "moves a page", address=Ref("map", PAGE_SIZE),
          to=ELSEWHERE + 0x10_0000, **page),
        P.load("load_after", 1),
        P("shrink", "mremap", "gives up a page", address=Ref("map"), length=3 * PAGE_SIZE,
          new_length=2 * PAGE_SIZE),
        P("ask", "pciioc_mmap_is_mem", "asks once more", fd=Ref("open")),
        P("again", "mmap_proc_pci", "maps it anew", **whole),
        P("open_again", "open_proc_pci", "opens it anew", bdf=lab.ivshmem),
        D("remove_again", "remove", "removes it once more", bdf=lab.ivshmem),
    )  # fmt: skip


def two_types(lab: Lab) -> tuple[Act, ...]:
    """With iomem=relaxed two mappings of unlike cache types: nd_pmem comes when one is gone."""
    return (
        P.open_mem("sync", "opens /dev/mem with O_SYNC", dsync=True),
        P.open_mem(),
        P.map_mem("uncached", "maps two pages", lab.pmem, 2, fd="sync"),
        P.map_mem("back", "maps two more", lab.pmem + 0x4000, 2),
        D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        P("unmap", "munmap", "unmaps the uncached ones", address=Ref("uncached"),
          length=2 * PAGE_SIZE),
        D("bind_again", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        P.load("load", 1, "back"),
        P.map_mem("uncached_again", "maps them anew", lab.pmem, 2, fd="sync"),
        D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind_again"),
    )  # fmt: skip


def any_type(lab: Lab) -> tuple[Act, ...]:
    """One page mapped write-back, then uncached; and the write-combining file of a BAR."""
    return (
        P.open_mem(),
        P.map_mem("back", "maps a page", lab.pmem, 1),
        P.open_mem("sync", "opens it with O_SYNC", dsync=True),
        P.map_mem("uncached", "maps the same page", lab.pmem, 1, fd="sync"),
        P.open_bar(lab.ivshmem, 2, "wc", "opens resource2_wc", wc=True),
        P.map_bar("combining", "maps its first page", fd="wc"),
    )


def strict_again(w: Window) -> tuple[Act, ...]:
    """iomem=strict behind iomem=relaxed: a claim revokes as if neither were there."""
    return (
        *w.mapped(4),
        w.claim(0x1000, 0x1000),
        *(P.load(f"load{n}", n) for n in (0, 1, 2)),
        w.map(P, "again", 1, 1),
        w.release(0x1000, 0x1000),
    )


def edges(lab: Lab) -> tuple[Story, ...]:
    """Every story of this module; those that leave the guest as it was come first."""
    return (
        story(around_a_claim, lab, cause="bind"),
        story(across_nodes, lab),
        story(low_memory, arch="x86_64"),
        story(no_node, lab),
        *(story(lengths, Window(lab, via, 1), name=f"lengths-{via}") for via in VIAS),
        *(
            story(moved_back, Window(lab, via, 2), name=f"moved_back-{via}", cause="claim")
            for via in VIAS
        ),
        story(negative_offsets, lab),
        story(end_of_a_bar, lab),
        story(wrong_drivers, lab),
        story(any_type, lab, name="any_type-pat"),
        story(claim_in_what_goes, lab, cause="remove"),
        story(gone_under_procfs, lab, cause="remove"),
        story(any_type, lab, name="any_type-nopat", cmdline="nopat", arch="x86_64"),
        story(two_types, lab, cause="uncached", cmdline="iomem=relaxed"),
        story(strict_again, Window(lab, "devmem", 3), cause="claim",
              cmdline="iomem=relaxed iomem=strict"),
    )  # fmt: skip
