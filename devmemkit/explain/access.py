"""One access to device memory, as a user asks about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.explain.description import Description
from devmemkit.model.features import newest
from devmemkit.model.flags import PAGE_SHIFT, U64
from devmemkit.model.pci.device import Bar
from devmemkit.model.pci.sysfs import proc_path, resource_path
from devmemkit.model.printable import printable
from devmemkit.text.lspci import Device

VIAS = ("devmem", "sysfs", "proc", "port")
OPS = ("read", "write", "mmap", "load", "store")
PLACE = ("address", "length", "bdf", "bar", "wc")
"""The arguments that say where an access is."""
UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


class AccessError(ValueError):
    """A question about an access that cannot be asked; says what was expected and got."""


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
    """An access to `length` bytes from `start`, a physical address or a port.

    For "sysfs" and "proc", `bdf` and `bar` name the file and `offset` counts from the BAR's start.
    `mode` ("r", "w") overrides the mode in which the operation opens the file, `prot` the
    protection of its mapping but for `exec`, `wc` means resourceN_wc. A `traced` access was made as
    it stands here, nothing is assumed; `other` is the path of a file of the device without memory,
    or that of another driver's file (via "driver").
    Without an operation `other` says in words what was refused, nobody knows by which call.
    The operations "ioperm" and "iopl" ask for ports, at the level `offset` of iopl.
    `failed` is the call that is known to have failed, "" if it may have been any of the access's.
    If it is `nowhere`, nobody told its place: `start` is made up, and so is `bdf` if it is ANY.
    `page_shift` is the kernel's, `names_0` says whether /proc/bus/pci names domain 0.
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
    prot: str | None = None
    wc: bool = False
    traced: bool = False
    nowhere: bool = False
    other: str = ""
    failed: str = ""
    page_shift: int = PAGE_SHIFT
    names_0: bool = False

    def __str__(self) -> str:
        flags = {"executable": self.exec, "private": self.private, "O_SYNC": self.sync}
        if not self.op:
            return self.other
        more = "".join(f", {word}" for word, on in flags.items() if on)
        if self.op == "open":
            return f"open of {self.file}{more}"
        if self.op == "iopl":
            return f"iopl({self.offset})"
        if self.op == "ioperm":
            return f"ioperm of {self.length:#x} ports from {self.start:#x} on"
        at, start = "at port" if self.via == "port" else "at", self.start
        if self.other or (self.bdf and (self.traced or self.nowhere)):
            at, start = "at offset", self.offset
        elif self.nowhere:
            return f"{self.op} through {self.file}{more}"
        return f"{self.op} of {self.length:#x} bytes {at} {start:#x} through {self.file}{more}"

    @property
    def file(self) -> str:
        """The path of the file that the process opens."""
        if self.other:
            return self.other
        if self.via == "devmem":
            return "/dev/mem"
        if self.via == "proc":
            return proc_path(self.bdf, names_0=self.names_0)
        return resource_path(self.bdf, self.bar, self.wc) if self.bdf else "/dev/port"

    @property
    def maps(self) -> bool:
        """Whether the operation needs a mapping."""
        return self.op in ("mmap", "load", "store")

    @property
    def pages(self) -> tuple[int, int]:
        """The first and the last page frame of the range."""
        last = self.start + max(self.length, 1) - 1
        return self.start >> self.page_shift, last >> self.page_shift

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << self.page_shift

    @property
    def page_bytes(self) -> tuple[int, int]:
        """The first and the last byte of the range's pages."""
        first, last = self.pages
        return first << self.page_shift, ((last + 1) << self.page_shift) - 1


def facts_of(known: Description) -> dict[str, Any]:
    """The fields of an access that are the machine's."""
    return {"page_shift": known.page_shift, "names_0": newest("proc_domain", known.rules)}


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
    anywhere: bool = False,
    **more: Any,
) -> Access:
    """The access at an address, or at an offset into a BAR of a device.

    The default length is a page for mmap and 4 bytes for the other operations. AccessError if
    neither is given, if the description lacks the device or the BAR, if the address is outside of
    it, or if the file does not support the operation. `anywhere` allows an address of which the
    description knows nothing.
    """
    for name, value in (("--address", address), ("--length", length), ("--offset", offset)):
        if value is not None and not 0 <= value <= U64:
            raise AccessError(f"{name}: expected a number from 0 to 2^64 - 1, got {value:#x}")
    if length is None:
        length = 1 << known.page_shift if op == "mmap" else 4
    if bdf is not None:
        if address is not None:
            bar, offset = _inside(known, bdf, bar, address, offset)
        if bar is None:
            raise AccessError("expected --bar N with --bdf, got none")
        via = via or "sysfs"
        address = _bar(known, bdf, bar).start + (offset or 0)
    elif bar is not None or offset is not None:
        raise AccessError("expected --bdf with --bar and --offset, got none")
    elif address is None:
        raise AccessError("expected --address or --bdf and --bar, got neither")
    elif via in ("sysfs", "proc"):
        device, found = _at(known, address, via)
        bdf, bar, offset = device.bdf, found.index, address - found.start
    where = bdf or "", bar or 0, offset or 0
    access = Access(via or "devmem", op, address, length, *where, **more)
    access = replace(access, **facts_of(known))
    if known.iomem is None and access.via == "devmem" and not anywhere:
        _at(known, access.start, "devmem without a dump of /proc/iomem")
    _check(known, access)
    return access


def _check(known: Description, access: Access) -> None:
    if known.rules == "other" and access.via in ("proc", "port"):
        raise AccessError(
            f"--via: expected devmem or sysfs on {known.foreign}, for the model knows "
            f"{access.file} on x86 and arm64 only; got {access.via}"
        )
    if access.via == "proc" and not access.maps:
        raise AccessError(
            "--op: expected mmap, load or store with --via proc, for read and write reach the "
            f"configuration space there; got {access.op}"
        )
    if access.wc and access.via != "sysfs":
        raise AccessError(f"--wc: expected --via sysfs, got {access.via}")
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


def _inside(
    known: Description, bdf: str, bar: int | None, address: int, offset: int | None
) -> tuple[int, int]:
    """The BAR of a device that has an address, and the offset into it."""
    if offset is not None:
        raise AccessError("expected --address or --offset, got both")
    bars = [one for one in device_of(known, bdf).bars if one.memory and one.index < 6]
    bars = [one for one in bars if bar in (None, one.index)]
    for one in bars:
        if one.start <= address <= one.end:
            return one.index, address - one.start
    have = ", ".join(f"{one.start:#x}-{one.end:#x}" for one in bars) or "none"
    raise AccessError(f"--address: expected one in a BAR of {bdf} ({have}), got {address:#x}")


def device_of(known: Description, bdf: str) -> Device:
    """The machine's device of that address; AccessError for none."""
    device = known.found.get(bdf)
    if device is None:
        have = ", ".join(sorted(known.found)[:8]) or "no PCI device at all"
        raise AccessError(f"--bdf: expected a device of the machine ({have}), got {bdf}")
    return device


def _bar(known: Description, bdf: str, index: int) -> Bar:
    device = device_of(known, bdf)
    found = device.bar(index)
    if found is None:
        have = ", ".join(str(bar.index) for bar in device.bars if bar.index < 6) or "none"
        why = ", of which the description lacks address or size" if index in device.missing else ""
        if known.assumes(bdf):
            starts = ", ".join(f"{bar.start:#x}" for bar in device.bars)
            why = f"; a dump does not number BARs, so ask with --address: {starts}"
        raise AccessError(f"--bar: expected one that {bdf} has ({have}), got {index}{why}")
    return found
