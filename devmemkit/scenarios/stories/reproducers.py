"""The programs of data/reproducers as stories: what each C file does, and its own exit rule.

Each function gets the command line of the program, and the device that it binds.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from devmemkit.model.errors import Blocked
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.step import run
from devmemkit.scenarios.play import Act, Played, Ref
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.stories.reproducer import (
    NOT_REPRODUCED,
    NOT_TRIED,
    REPRODUCED,
    Device,
    Reproducer,
    Told,
    load_from,
    map_mem,
    page_after,
    strerror,
    succeeded,
    untried,
)
from devmemkit.scenarios.stories.script import D, P


def mapping_in_the_making(words: list[str], device: Device) -> Reproducer:
    """A BAR is mapped while its first page is claimed; with LATE, behind the mmap.

    Its first 4 MiB stand for it: a guest maps more so that the claim comes in time.
    """
    offset, length = int(words[1], 0), min(int(words[2], 0), 4 << 20)
    acts = (
        *device.prepared(),
        P.open_mem(dsync=True),
        device.bind("first"),
        map_mem("refused", offset, length),
        device.unbind("gone", "first"),
        map_mem("map", offset, length),
        device.bind(),
        load_from("load", "map"),
    )

    def rule(played: Played) -> Told:
        if not succeeded(played, "first") or succeeded(played, "refused"):
            return NOT_TRIED, f"{words[4]} does not bind, or claims nothing there"
        survived = succeeded(played, "bind") and succeeded(played, "load")
        count = 40 if survived else 0
        return int(not survived), f"{count} of 40 mappings survived a claim that came meanwhile"

    late = len(words) > 5
    return Reproducer(acts, rule, None if late else lambda kernel: mmap_vs_claim(kernel, claimed=1))


def unaligned_claim(words: list[str], device: Device) -> Reproducer:
    """All pages that the claim touches are mapped; then the first and the last are read."""
    start, size = int(words[1], 0), int(words[2], 0)
    first, last = start & -PAGE_SIZE, start + size - 1 & -PAGE_SIZE
    acts = (
        *device.prepared(),
        P.open_mem(dsync=True),
        map_mem("map", first, last - first + PAGE_SIZE),
        device.bind(),
        load_from("first", "map"),
        load_from("last", "map", last - first),
    )

    def rule(played: Played) -> Told:
        if told := untried(played, map="mmap", bind="bind"):
            return told
        if succeeded(played, "first"):
            return NOT_TRIED, "nothing was revoked"
        return page_after(played, "last", "first page gone, last page", "mapped")

    return Reproducer(acts, rule)


def first_page_check(words: list[str], device: Device) -> Reproducer:
    """A claimed page is mapped through /dev/mem, then through resourceN."""
    *_, bdf, name = words[0].split("/")
    page, address = int(words[1], 0) // PAGE_SIZE, int(words[2], 0)
    acts = (
        *device.prepared(),
        P.open_mem(dsync=True),
        map_mem("idle", address),
        P.open_bar(bdf, int(name.removeprefix("resource")), "file", "opens it"),
        P.map_bar("idle_bar", "maps the BAR", page, fd="file", prot="r"),
        device.bind(),
        map_mem("devmem", address),
        P.map_bar("sysfs", "maps the BAR", page, fd="file", prot="r"),
        load_from("load", "sysfs", size=4),
    )

    def rule(played: Played) -> Told:
        idle = "mmap of the idle page"
        if told := untried(played, idle=idle, idle_bar=idle, bind="bind"):
            return told
        if succeeded(played, "devmem"):
            return NOT_TRIED, "/dev/mem does not refuse it: nothing is claimed there"
        claimed = f"claimed: refused through /dev/mem ({strerror(played.outcomes['devmem'])})"
        if not succeeded(played, "sysfs"):
            why = strerror(played.outcomes["sysfs"])
            return NOT_REPRODUCED, f"{claimed}, refused through resourceN ({why})"
        value = played.outcomes["load"].value
        read = f"{value:#x}" if value else "0"  # as %#x prints it
        return REPRODUCED, f"{claimed}, mapped through resourceN, where it reads {read}"

    return Reproducer(acts, rule)


def removal_leaves_mapped(words: list[str], device: Device) -> Reproducer:
    """A device is removed while the first page of its BAR is mapped."""
    bdf, bar = words[0].rpartition("/")[2], int(words[1])
    resource = f"{words[0]}/resource{bar}"
    acts = (
        P.open_bar(bdf, bar, "file"),
        P.map_bar("map", "maps the BAR", fd="file", prot="r"),
        load_from("before", "map"),
        D("remove", "remove", "removes the device", bdf=bdf),
        P.open_bar(bdf, bar, "there", "looks for the file"),
        load_from("after", "map"),
    )

    def rule(played: Played) -> Told:
        if told := untried(played, map=resource):
            return told
        if not succeeded(played, "before"):
            return NOT_TRIED, "the page cannot be read"
        if not succeeded(played, "remove") or succeeded(played, "there"):
            return NOT_TRIED, f"remove: {strerror(played.outcomes['remove'])}"
        return page_after(played, "after", "device removed, its page")

    return Reproducer(acts, rule)


def low_megabyte(words: list[str], device: Device) -> Reproducer:
    """ipmi_si claims its two registers in a mapped page, one byte each, and lets go of them."""
    address, at = int(words[1], 0), int(words[3].rpartition(",")[2], 0)
    acts = (
        P.open_mem(dsync=True),
        map_mem("map", address),
        load_from("before", "map"),
        *(D.claim(at + n, 1, "ipmi_si claims a register", f"claim{n}") for n in range(2)),
        *(D.release(at + n, 1, "lets go", f"release{n}", f"claim{n}") for n in range(2)),
        load_from("after", "map"),
    )

    def rule(played: Played) -> Told:
        if told := untried(played, map="mmap"):
            return told
        if not succeeded(played, "before"):
            return NOT_TRIED, "the page cannot be read"
        if told := untried(played, claim0=words[2], claim1=words[2]):
            return told
        return page_after(played, "after", "claimed, and the page is")

    return Reproducer(acts, rule)


def dead_mapping(words: list[str], device: Device) -> Reproducer:
    """A driver binds, goes, and binds again beside a mapping of the page that it claims."""
    acts = (
        *device.prepared(),
        P.open_mem(dsync=len(words) > 4),
        device.bind(),
        device.unbind("unbind", "bind"),
        map_mem("map", int(words[1], 0)),
        device.bind("beside"),
    )

    def rule(played: Played) -> Told:
        cannot = f"cannot bind {words[3]}"
        if told := untried(played, bind=cannot, unbind=cannot, map="mmap"):
            return told
        if succeeded(played, "beside"):
            return NOT_REPRODUCED, "the driver binds beside the dead mapping"
        why = strerror(played.outcomes["beside"])
        return REPRODUCED, f"the driver binds, but not beside the dead mapping: {why}"

    return Reproducer(acts, rule)


def nd_pmem_gaps(words: list[str], device: Device) -> Reproducer:
    """While a driver binds, a process tries to map the page after each of its steps."""
    again = map_mem("again", int(words[1], 0))
    acts = (*device.prepared(), P.open_mem(dsync=True), device.bind(), again)

    def rule(played: Played) -> Told:
        during = [played.moments[at].machine for at in played.moments_of("bind")[:-1]]
        where = again.arguments | {"fd": played.outcomes["open"].value}
        tried = [_maps(machine, where) for machine in during if succeeded(played, "open")]
        seen = [maps for maps in tried if maps is not None]
        gaps = sum(now and not before for before, now in pairwise(seen))
        if told := untried(played, bind="bind"):
            return told
        if succeeded(played, "again"):
            return NOT_TRIED, "nothing is claimed when the driver has bound"
        line = "" if gaps else "0 gaps seen while the driver was binding 100 times"
        return int(not gaps), line

    return Reproducer(acts, rule)


def _maps(machine: Machine, where: dict[str, Any]) -> bool | None:
    """Whether process P can map that now; None while it would wait."""
    try:
        return run(machine, "P", "mmap_devmem", **where)[1].ok
    except Blocked:
        return None


def held_write(words: list[str], device: Device) -> Reproducer:
    """16 threads write a page each from bytes that come later; LATE, when the driver has bound."""
    address, pages = int(words[1], 0), range(16)

    def write(page: int, who: str, key: str, **more: Any) -> Act:
        where = {"pid": P.name, "fd": Ref("open"), "offset": address + page * PAGE_SIZE, **more}
        return Act(key, who, "write_devmem", where)

    writes = [write(n, f"T{n}", f"write{n}", data=b"\1", buffer="missing") for n in pages]
    bind = [device.bind()]
    acts = (
        *device.prepared(),
        P.open_mem(),
        write(0, P.name, "before", data=bytes(16 * PAGE_SIZE)),
        *(bind + writes if len(words) > 4 else writes + bind),
        write(0, P.name, "refused", data=b"\0"),
        P("fill", "uffdio_copy", "the bytes come", buffer="missing"),
        device.unbind("unbind", "bind"),
        P("read", "read_devmem", "reads the pages", fd=Ref("open"), offset=address,
          count=16 * PAGE_SIZE),
    )  # fmt: skip

    def rule(played: Played) -> Told:
        if not succeeded(played, "before"):
            return NOT_TRIED, f"cannot be prepared: {strerror(played.outcomes.get('before'))}"
        if not succeeded(played, "bind") or succeeded(played, "refused"):
            return NOT_TRIED, f"{words[3]} does not bind, or claims nothing there"
        landed = sum(played.outcomes["read"].value[::PAGE_SIZE])
        return int(not landed), f"{landed} of 16 writes landed in claimed pages"

    return Reproducer(acts, rule)


REPRODUCERS: dict[str, Callable[[list[str], Device], Reproducer]] = {
    "mapping-in-the-making": mapping_in_the_making,
    "unaligned-claim": unaligned_claim,
    "first-page-check": first_page_check,
    "removal-leaves-mapped": removal_leaves_mapped,
    "low-megabyte": low_megabyte,
    "dead-mapping": dead_mapping,
    "nd-pmem-gaps": nd_pmem_gaps,
    "held-write": held_write,
}
"""By the name of the C file: what it does, from the command line behind the program's name."""
