"""Stories of reads and writes of /dev/mem that a process holds while a driver claims the memory."""

from __future__ import annotations

from typing import Any

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import DISK, NAMESPACE, PMEM
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import IN_PAGE, Actor, D, P, Story, Window, story

COUNT = 16
"""Threads that write, a page each, and as many that read."""
FIRST = 0x40
"""The first of these pages; nd_pmem looks for its own data in the pages before."""
OLD, LATE = b"original", b"replaced"
IN_BAR = Window("sysfs", 6)
"""Pages of the ivshmem device's BAR, which /dev/mem reaches by its address."""
IN_BAR_COUNT = 4


def _place(page: int) -> int:
    return PMEM + (FIRST + page) * PAGE_SIZE + IN_PAGE


def _writes(page: int, **more: Any) -> Act:
    """A thread writes a page from a buffer that is missing."""
    says, where = f"writes to page {page}", {**_where(page), **more}
    return Actor(f"W{page}")(
        f"write{page}", "write_devmem", says, data=LATE, buffer="pages", **where
    )


def _reads(page: int) -> Act:
    """A thread reads a page into a buffer that is missing."""
    says = f"reads page {page}"
    return Actor(f"R{page}")(
        f"read{page}", "read_devmem", says, count=len(OLD), buffer="pages", **_where(page)
    )


def _where(page: int) -> dict[str, Any]:
    return {"pid": "P", "fd": Ref("open"), "offset": _place(page)}


def _served(page: int, key: str) -> Act:
    where = {"device": DISK, "offset": _place(page) - PMEM, "count": len(OLD)}
    return Act(f"{key}{page}", "U", "read_block", where, f"reads page {page} of the disk")


_ANSWER = P("answer", "uffdio_copy", "fills the buffers", buffer="pages")
_BIND = D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem")
_UNBIND = D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind")
_FILLS = tuple(
    P(f"before{page}", "write_devmem", f"writes to page {page}", data=OLD, **_where(page))
    for page in range(COUNT)
)
_COPIES = tuple(make(page) for page in range(COUNT) for make in (_writes, _reads))


def held() -> tuple[Act, ...]:
    """Threads write and read pages, their buffers come when a driver has claimed the pages."""
    return (
        P.open_mem(),
        *_FILLS,
        *_COPIES,
        _BIND,
        *(_served(page, "claimed") for page in (0, COUNT - 1)),
        P("write_anew", "write_devmem", "writes anew", data=b"anew", **_where(0)),
        P("read_anew", "read_devmem", "reads anew", count=len(OLD), **_where(0)),
        P.map_mem("map", "maps a page", PMEM + FIRST * PAGE_SIZE, 1),
        _ANSWER,
        *(_served(page, "served") for page in range(COUNT)),
        _UNBIND,
    )


def begun_after() -> tuple[Act, ...]:
    """Threads write and read pages that a driver has claimed; then their buffers come."""
    return (
        P.open_mem(),
        *_FILLS,
        _BIND,
        *_COPIES,
        _ANSWER,
        *(_served(page, "served") for page in range(COUNT)),
        _UNBIND,
    )


def beside_driver() -> tuple[Act, ...]:
    """A driver claims a page that is being copied and maps it uncached, as drivers do."""
    page = {"start": _place(0) - IN_PAGE, "size": PAGE_SIZE}
    next_page = page | {"start": page["start"] + PAGE_SIZE}
    return (
        P.open_mem(),
        _writes(0),
        _reads(1),
        D("probe", "ramoops_probe", "claims the page of the write", **page),
        D("remove", "ramoops_remove", "the driver goes", **page, needs="probe"),
        D("beside", "ramoops_probe", "claims the page of the read", **next_page),
        D("gone", "ramoops_remove", "the driver goes", **next_page, needs="beside"),
        _ANSWER,
        D("again", "ramoops_probe", "claims the page of the write again", **page),
        D("gone_again", "ramoops_remove", "the driver goes", **page, needs="again"),
    )


def _of_bar(page: int) -> dict[str, Any]:
    return {**_where(page), "offset": IN_BAR.start + page * PAGE_SIZE + IN_PAGE}


def bar() -> tuple[Act, ...]:
    """A process writes and reads a BAR by write(2) and read(2): idle, claimed, released."""

    def tries(when: str, page: int, data: bytes) -> tuple[Act, Act]:
        at = _of_bar(page)
        return (
            P(f"write_{when}", "write_devmem", f"writes to page {page}", data=data, **at),
            P(f"read_{when}", "read_devmem", f"reads page {page}", count=len(data), **at),
        )

    return (
        P.open_mem(dsync=True),
        P.map_mem("map", "maps its first page", IN_BAR.start, 1),
        *tries("idle", 0, OLD),
        P.load("load", 0),
        IN_BAR.claim(0, PAGE_SIZE),
        *tries("claimed", 0, LATE),
        *tries("beside", 1, LATE),
        IN_BAR.release(0, PAGE_SIZE),
        *tries("released", 0, LATE),
    )


def _bar_copies(*held_then_claimed: Act) -> tuple[Act, ...]:
    size = IN_BAR_COUNT * PAGE_SIZE
    return (
        P.open_mem(dsync=True),
        *(
            P(f"before{page}", "write_devmem", f"writes to page {page}", data=OLD, **_of_bar(page))
            for page in range(IN_BAR_COUNT)
        ),
        *held_then_claimed,
        _ANSWER,
        IN_BAR.release(0, size),
        P.map_mem("map", "maps the pages", IN_BAR.start, IN_BAR_COUNT),
        *(P.load(f"load{page}", page) for page in range(IN_BAR_COUNT)),
    )


def _bar_writes() -> tuple[Act, ...]:
    return tuple(_writes(page, **_of_bar(page)) for page in range(IN_BAR_COUNT))


def held_bar() -> tuple[Act, ...]:
    """Threads write pages of a BAR, their buffers come when a driver has claimed the pages."""
    return _bar_copies(*_bar_writes(), IN_BAR.claim(0, IN_BAR_COUNT * PAGE_SIZE))


def bar_begun_after() -> tuple[Act, ...]:
    """Threads write pages of a BAR that a driver has claimed; then their buffers come."""
    return _bar_copies(IN_BAR.claim(0, IN_BAR_COUNT * PAGE_SIZE), *_bar_writes())


def held_copies() -> tuple[Story, ...]:
    """Copies held over a claim, their control begun after it, and a driver beside a held copy.

    Those of a BAR reach it only on a machine whose memory is above its BARs.
    """
    return (
        story(held, cause="bind"),
        story(begun_after, cause="bind"),
        story(beside_driver, cause="write0"),
        story(bar, cause="claim"),
        story(held_bar, cause="claim"),
        story(bar_begun_after, cause="claim"),
    )
