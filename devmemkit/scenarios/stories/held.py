"""Stories of reads and writes of /dev/mem that a process holds while a driver claims the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import DISK, NAMESPACE, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import IN_PAGE, D, P, Story, Window, story

COUNT = 16
"""Threads that write, a page each, and as many that read."""
FIRST = 0x40
"""The first of these pages; nd_pmem looks for its own data in the pages before."""
OLD, LATE = b"original", b"replaced"
IN_BAR_COUNT = 4


Places = list[dict[str, Any]]
"""Where process P reads or writes: a place in each of some pages."""


def _places(start: int, count: int) -> Places:
    at = {"pid": "P", "fd": Ref("open")}
    return [{**at, "offset": start + page * PAGE_SIZE + IN_PAGE} for page in range(count)]


def _in_memory(lab: Lab) -> Places:
    return _places(lab.pmem + FIRST * PAGE_SIZE, COUNT)


def _window(lab: Lab) -> Window:
    """Pages of the ivshmem device's BAR, which /dev/mem reaches by its address."""
    return Window(lab, "sysfs", 6)


def _writes(page: int, where: dict[str, Any]) -> Act:
    """A thread writes a page from a buffer that is missing."""
    arguments = {"data": LATE, "buffer": "pages", **where}
    return Act(f"write{page}", f"W{page}", "write_devmem", arguments, f"writes to page {page}")


def _reads(page: int, where: dict[str, Any]) -> Act:
    """A thread reads a page into a buffer that is missing."""
    arguments = {"count": len(OLD), "buffer": "pages", **where}
    return Act(f"read{page}", f"R{page}", "read_devmem", arguments, f"reads page {page}")


def _served(page: int, key: str) -> Act:
    offset = (FIRST + page) * PAGE_SIZE + IN_PAGE
    where = {"device": DISK, "offset": offset, "count": len(OLD)}
    return Act(f"{key}{page}", "U", "read_block", where, f"reads page {page} of the disk")


_ANSWER = P("answer", "uffdio_copy", "fills the buffers", buffer="pages")
_BIND = D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem")
_UNBIND = D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind")


def _fills(where: Places) -> Iterator[Act]:
    for page, at in enumerate(where):
        yield P(f"before{page}", "write_devmem", f"writes to page {page}", data=OLD, **at)


def _copies(where: Places) -> Iterator[Act]:
    for page, at in enumerate(where):
        yield from (_writes(page, at), _reads(page, at))


def held(lab: Lab) -> tuple[Act, ...]:
    """Threads write and read pages, their buffers come when a driver has claimed the pages."""
    where = _in_memory(lab)
    return (
        P.open_mem(),
        *_fills(where),
        *_copies(where),
        _BIND,
        *(_served(page, "claimed") for page in (0, COUNT - 1)),
        P("write_anew", "write_devmem", "writes anew", data=b"anew", **where[0]),
        P("read_anew", "read_devmem", "reads anew", count=len(OLD), **where[0]),
        P.map_mem("map", "maps a page", lab.pmem + FIRST * PAGE_SIZE, 1),
        _ANSWER,
        *(_served(page, "served") for page in range(COUNT)),
        _UNBIND,
    )


def begun_after(lab: Lab) -> tuple[Act, ...]:
    """Threads write and read pages that a driver has claimed; then their buffers come."""
    where = _in_memory(lab)
    return (
        P.open_mem(),
        *_fills(where),
        _BIND,
        *_copies(where),
        _ANSWER,
        *(_served(page, "served") for page in range(COUNT)),
        _UNBIND,
    )


def beside_driver(lab: Lab) -> tuple[Act, ...]:
    """A driver claims a page that is being copied and maps it uncached, as drivers do."""
    first, second, *_ = _in_memory(lab)
    page = {"start": first["offset"] - IN_PAGE, "size": PAGE_SIZE}
    next_page = page | {"start": page["start"] + PAGE_SIZE}
    return (
        P.open_mem(),
        _writes(0, first),
        _reads(1, second),
        D("probe", "ramoops_probe", "claims the page of the write", **page),
        D("remove", "ramoops_remove", "the driver goes", **page, needs="probe"),
        D("beside", "ramoops_probe", "claims the page of the read", **next_page),
        D("gone", "ramoops_remove", "the driver goes", **next_page, needs="beside"),
        _ANSWER,
        D("again", "ramoops_probe", "claims the page of the write again", **page),
        D("gone_again", "ramoops_remove", "the driver goes", **page, needs="again"),
    )


def bar(lab: Lab) -> tuple[Act, ...]:
    """A process writes and reads a BAR by write(2) and read(2): idle, claimed, released."""
    window = _window(lab)
    where = _places(window.start, 2)

    def tries(when: str, page: int, data: bytes) -> tuple[Act, Act]:
        at = where[page]
        return (
            P(f"write_{when}", "write_devmem", f"writes to page {page}", data=data, **at),
            P(f"read_{when}", "read_devmem", f"reads page {page}", count=len(data), **at),
        )

    return (
        P.open_mem(dsync=True),
        P.map_mem("map", "maps its first page", window.start, 1),
        *tries("idle", 0, OLD),
        P.load("load", 0),
        window.claim(0, PAGE_SIZE),
        *tries("claimed", 0, LATE),
        *tries("beside", 1, LATE),
        window.release(0, PAGE_SIZE),
        *tries("released", 0, LATE),
    )


def _bar_copies(lab: Lab, *, held: bool) -> tuple[Act, ...]:
    window, size = _window(lab), IN_BAR_COUNT * PAGE_SIZE
    where = _places(window.start, IN_BAR_COUNT)
    writes = [_writes(page, at) for page, at in enumerate(where)]
    claim = [window.claim(0, size)]
    return (
        P.open_mem(dsync=True),
        *_fills(where),
        *(writes + claim if held else claim + writes),
        _ANSWER,
        window.release(0, size),
        P.map_mem("map", "maps the pages", window.start, IN_BAR_COUNT),
        *(P.load(f"load{page}", page) for page in range(IN_BAR_COUNT)),
    )


def held_bar(lab: Lab) -> tuple[Act, ...]:
    """Threads write pages of a BAR, their buffers come when a driver has claimed the pages."""
    return _bar_copies(lab, held=True)


def bar_begun_after(lab: Lab) -> tuple[Act, ...]:
    """Threads write pages of a BAR that a driver has claimed; then their buffers come."""
    return _bar_copies(lab, held=False)


def held_copies(lab: Lab) -> tuple[Story, ...]:
    """Copies held over a claim, their control begun after it, and a driver beside a held copy.

    Those of a BAR reach it only on a machine whose memory is above its BARs.
    """
    return (
        story(held, lab, cause="bind"),
        story(begun_after, lab, cause="bind"),
        story(beside_driver, lab, cause="write0"),
        story(bar, lab, cause="claim"),
        story(held_bar, lab, cause="claim"),
        story(bar_begun_after, lab, cause="claim"),
    )
