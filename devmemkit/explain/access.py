"""One access to device memory, and the acts of the model that it consists of."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.explain.description import Description, Device
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE, U64
from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import Act, Ref

VIAS = ("devmem", "sysfs", "proc", "port")
OPS = ("read", "write", "mmap", "load", "store")
USUAL = {"mmap": PAGE_SIZE}
"""Bytes of an access without a length; 4 for the rest."""
UNITS = {"": 0, "k": 10, "m": 20, "g": 30}
ACTOR = "P"


class AccessError(ValueError):
    """An access that cannot be described: the sentence says what was expected and got."""


def number(text: str) -> int:
    """A number as people write addresses: 0x1000, 4096, 64K; AccessError for anything else."""
    match = re.fullmatch(r"(0[xX][0-9a-fA-F]{1,16}|\d{1,20})([kKmMgG]?)", text.strip())
    if match is None:
        raise AccessError(
            f"expected a number such as 0xfee00000, 4096 or 64K, got '{printable(text[:40])}'"
        )
    return int(match[1], 0 if match[1][:2] in ("0x", "0X") else 10) << UNITS[match[2].lower()]


@dataclass(frozen=True)
class Access:
    """An access: `start` is the physical address (or the port) of its first byte, `length` bytes.

    `bdf` and `bar` name the file of "sysfs" and "proc", `offset` is that into the BAR. `mode` is
    how the file is opened where it is not as the operation needs it.
    """

    via: str
    op: str
    start: int
    length: int
    bdf: str = ""
    bar: int = 0
    offset: int = 0
    exec: bool = False
    private: bool = False
    sync: bool = False
    mode: str = ""

    def __str__(self) -> str:
        what = f"{self.op} of {self.length:#x} bytes"
        more = "".join(
            f", {word}"
            for on, word in (
                (self.exec, "executable"),
                (self.private, "private"),
                (self.sync, "O_SYNC"),
            )
            if on
        )
        at = "at port" if self.via == "port" else "at"
        return f"{what} {at} {self.start:#x} through {self.file}{more}"

    @property
    def file(self) -> str:
        """The file that is opened."""
        if self.via == "devmem":
            return "/dev/mem"
        if self.via == "proc":
            domain, bus, rest = self.bdf.split(":")
            return f"/proc/bus/pci/{bus if domain == '0000' else f'{domain}:{bus}'}/{rest}"
        return f"/sys/bus/pci/devices/{self.bdf}/resource{self.bar}" if self.bdf else "/dev/port"

    @property
    def maps(self) -> bool:
        """Whether the operation needs a mapping."""
        return self.op in ("mmap", "load", "store")

    @property
    def pages(self) -> tuple[int, int]:
        """The first and the last page frame that it touches."""
        return self.start >> PAGE_SHIFT, (self.start + max(self.length, 1) - 1) >> PAGE_SHIFT


def access_of(
    known: Description,
    *,
    address: int | None = None,
    length: int | None = None,
    bdf: str | None = None,
    bar: int | None = None,
    offset: int | None = None,
    via: str | None = None,
    op: str = "mmap",
    **more: Any,
) -> Access:
    """The access that is asked for, either at an address or into a BAR of a device.

    AccessError for one that names neither or both, a device or BAR that the description does not
    have, or an operation that the file does not know.
    """
    for name, value in (("--address", address), ("--length", length), ("--offset", offset)):
        if value is not None and not 0 <= value <= U64:
            raise AccessError(f"{name}: expected a number from 0 to 2^64 - 1, got {value:#x}")
    length = USUAL.get(op, 4) if length is None else length
    if bdf is None:
        if bar is not None or offset is not None:
            raise AccessError("expected --bdf with --bar and --offset, got none")
        if address is None:
            raise AccessError("expected --address or --bdf and --bar, got neither")
        if via in ("sysfs", "proc"):
            device, found = _at(known, address, via)
            bdf, bar, offset = device.bdf, found.index, address - found.start
        access = Access(via or "devmem", op, address, length, bdf or "", bar or 0, offset or 0)
    else:
        if address is not None:
            raise AccessError("expected --address or --bdf, got both")
        if bar is None:
            raise AccessError("expected --bar N with --bdf, got none")
        found = _bar(known, bdf, bar)
        offset = offset or 0
        access = Access(via or "sysfs", op, found.start + offset, length, bdf, bar, offset)
    _check(known, access)
    return replace(access, **more)


def _check(known: Description, access: Access) -> None:
    if known.iomem is None and access.via == "devmem":
        if not access.maps:
            raise AccessError(
                f"--iomem: expected a dump, for {access.op}(2) of /dev/mem depends on where RAM "
                "ends; got none"
            )
        _at(known, access.start, "devmem without a dump of /proc/iomem")
    if access.via == "proc" and not access.maps:
        raise AccessError(
            "--op: expected mmap, load or store with --via proc, for read and write reach the "
            f"configuration space there; got {access.op}"
        )
    if access.via == "port" and access.maps:
        raise AccessError(f"--op: expected read or write with --via port, got {access.op}")


def _at(known: Description, address: int, via: str) -> tuple[Device, Bar]:
    for device, bar in known.holders(address):
        if bar.index < 6:
            return device, bar
    raise AccessError(
        f"--address: expected one in a BAR of the machine's PCI devices for --via {via}, "
        f"got {address:#x}"
    )


def _bar(known: Description, bdf: str, index: int) -> Bar:
    device = known.devices.get(bdf)
    if device is None:
        have = ", ".join(sorted(known.devices)[:8]) or "no PCI device at all"
        raise AccessError(f"--bdf: expected a device of the machine ({have}), got {bdf}")
    found = next((bar for bar in device.bars if bar.index == index), None)
    if found is None:
        have = ", ".join(str(bar.index) for bar in device.bars if bar.index < 6) or "none"
        why = ", of which the description lacks address or size" if index in device.missing else ""
        raise AccessError(f"--bar: expected one that {bdf} has ({have}), got {index}{why}")
    return found


def acts_of(access: Access) -> tuple[Act, ...]:
    """The acts of process P: open, then read, write or map, then touch."""
    return (*opening(access), *using(access))


def mapping(access: Access) -> tuple[Act, ...]:
    """The acts up to the mapping."""
    return tuple(act for act in acts_of(access) if act.key not in ("load", "store"))


def opening(access: Access) -> tuple[Act, ...]:
    """The acts that give the descriptor, "open"."""
    mode = access.mode or {"read": "r", "load": "r", "write": "w"}.get(access.op, "rw")
    if access.via == "devmem":
        return (_act("open", "open_devmem", mode=mode, dsync=access.sync),)
    if access.via == "proc":
        asks = _act("ask", "pciioc_mmap_is_mem", fd=Ref("open"))
        return _act("open", "open_proc_pci", bdf=access.bdf), asks
    if access.via == "port" and not access.bdf:
        return (_act("open", "open_ioport", mode=mode),)
    return (_act("open", "open_resource", bdf=access.bdf, bar=access.bar, mode=mode),)


def using(access: Access) -> tuple[Act, ...]:
    """The acts on the descriptor."""
    kind = {"devmem": "devmem", "proc": "proc_pci", "sysfs": "resource", "port": "ioport"}
    into_bar = access.via == "sysfs" or (access.via == "port" and access.bdf != "")
    name = "resource" if into_bar else kind[access.via]
    at = access.offset if into_bar else access.start
    if access.op == "read":
        return (_act("read", f"read_{name}", fd=Ref("open"), count=access.length, offset=at),)
    if access.op == "write":
        data = bytes(min(access.length, 1 << 20))
        return (_act("write", f"write_{name}", fd=Ref("open"), data=data, offset=at),)
    inside = at % PAGE_SIZE
    prot = ("r" if access.op == "load" else "rw") + ("x" if access.exec else "")
    maps = _act(
        *("mmap", f"mmap_{name}"),
        fd=Ref("open"),
        offset=at - inside,
        length=access.length + inside if access.length else 0,
        prot=prot,
        shared=not access.private,
    )
    if access.op == "mmap":
        return (maps,)
    size = next(size for size in (8, 4, 2, 1) if size <= max(access.length, 1))
    where: dict[str, Any] = {"address": Ref("mmap", inside), "size": size}
    if access.op == "store":
        return maps, _act("store", "store", **where, value=0)
    return maps, _act("load", "load", **where, live=True)


def _act(key: str, operation: str, /, *, live: bool = False, **arguments: Any) -> Act:
    return Act(key, ACTOR, operation, {"pid": ACTOR, **arguments}, live=live)
