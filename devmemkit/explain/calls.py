"""The system calls and memory accesses of the model that one access consists of."""

from __future__ import annotations

from typing import Any

from devmemkit.explain.access import Access
from devmemkit.scenarios.play import Act, Ref

ACTOR = "P"
"""The process that makes the access."""
DRIVER = "D"
"""The actor that claims, unbinds and removes."""

Calls = tuple[Act, ...]


def calls_of(access: Access) -> Calls:
    """The calls of process P: open, then read, write or mmap, then load or store."""
    if access.op == "iopl":
        return (call("iopl", "iopl", level=access.offset),)
    if access.op == "ioperm":
        return (call("ioperm", "ioperm", first=access.start, count=access.length),)
    if access.op in ("", "open"):
        return opening(access)[:1]
    return (*opening(access), *using(access))


def mapping(access: Access) -> Calls:
    """The calls up to and with mmap."""
    return tuple(call for call in calls_of(access) if call.key not in ("load", "store"))


def opening(access: Access) -> Calls:
    """The calls that open the file; the descriptor is the value of "open"."""
    usual = "rw" if "w" in (access.prot or "") else "r"
    mode = access.mode or {"read": "r", "load": usual, "write": "w"}.get(access.op, "rw")
    if access.via == "devmem":
        return (call("open", "open_devmem", mode=mode, dsync=access.sync),)
    if access.via == "proc":
        asks = call("ask", "pciioc_mmap_is_mem", fd=Ref("open"))
        return call("open", "open_proc_pci", bdf=access.bdf), asks
    if access.bdf:
        where: dict[str, Any] = {"bdf": access.bdf, "bar": access.bar, "wc": access.wc}
        return (call("open", "open_resource", **where, mode=mode),)
    return (call("open", "open_ioport", mode=mode),)


def using(access: Access) -> Calls:
    """The calls on the descriptor."""
    name = {"devmem": "devmem", "proc": "proc_pci"}.get(access.via, "ioport")
    at = access.start
    if access.bdf and access.via in ("sysfs", "port"):
        name, at = "resource", access.offset
    if access.op == "read":
        keep = {"keep": False} if name == "devmem" else {}
        count = access.length
        return (call("read", f"read_{name}", fd=Ref("open"), count=count, offset=at, **keep),)
    if access.op == "write":
        data = access.length if name == "devmem" else bytes(min(access.length, 1 << 20))
        return (call("write", f"write_{name}", fd=Ref("open"), data=data, offset=at),)
    inside = 0 if access.traced else at % access.page_size
    prot = ("r" if access.op == "load" else "rw") if access.prot is None else access.prot
    maps = call(
        *("mmap", f"mmap_{name}"),
        fd=Ref("open"),
        offset=at - inside,
        length=access.length + inside if access.length else 0,
        prot=prot + ("x" if access.exec else ""),
        shared=not access.private,
    )
    if access.op == "mmap":
        return (maps,)
    size = next(size for size in (8, 4, 2, 1) if size <= max(access.length, 1))
    return maps, touch(access.op, access.op, inside, size)


def touch(key: str, op: str, plus: int = 0, size: int = 1) -> Act:
    """A load or store of `size` bytes, `plus` bytes into the mapping."""
    where: dict[str, Any] = {"address": Ref("mmap", plus), "size": size}
    if op == "store":
        return call(key, "store", **where, value=0)
    return call(key, "load", **where, live=True)


def claim(name: str, start: int, size: int) -> Act:
    """A driver's claim, by request_mem_region."""
    where = {"start": start, "size": size, "name": name}
    return Act("claim", DRIVER, "request_mem_region", where)


def call(key: str, operation: str, /, *, live: bool = False, **arguments: Any) -> Act:
    return Act(key, ACTOR, operation, {"pid": ACTOR, **arguments}, live=live)
