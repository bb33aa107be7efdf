"""What a tool's message shows of the access that failed: the call, the file, the place."""

from __future__ import annotations

import re
from typing import Any

from devmemkit.model.pci.sysfs import config_path
from devmemkit.text.pasted.devices import full_bdf
from devmemkit.text.strace import file_of
from devmemkit.text.symptom import ANY, FAILS, parse_symptom

_OPS = {
    "iopl": r"\bioperm\b|\biopl\b|\bI/?O[- ](?:ports\b|(?:port )?(?:privilege|permission))",
    "mmap": r"\bmmap|\bmap(?:ping)?\b",
    "open": r"\bopen(?:ing)?\b",
    "write": r"\bp?writ(?:e|ing)\b",
    "read": r"\bp?read(?:ing)?\b(?!-only)",
}
_DEVICE = re.compile(r"\b([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\b", re.I)
_PCIUTILS = re.compile(
    r"\b(?:ls|set)pci\b.* -\w*s ?((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.I
)
_BAR = re.compile(r"\b(?:BAR|resource)[ _]?([0-5])\b", re.I)
_FAULT = re.compile(
    r"unhandled|segfault at|external abort|alignment (?:fault|exc|trap)|machine check|si_addr", re.I
)
"""Lines about a signal, whose addresses are those of the process."""
_PLATFORM = re.compile(r"\b(?:gpio|bcm2\d{3}|pinctrl|peripherals?)", re.I)
"""Blocks of registers that no PCI device has."""
_FILE = re.compile(r"/(?:dev/(?:mem|port)|(?:sys|proc/bus/pci)/[\w:./-]{1,200})\b")
_HEX = r"(0x[0-9a-f]{1,16})\b"
_COUNT = r"(0x[0-9a-f]{1,16}|\d{1,10})"
_BYTES_AT = re.compile(rf"{_COUNT} bytes (?:at|from) (?:address )?{_HEX}", re.I)
_AT_FOR = re.compile(rf"\b(?:at|address) {_HEX} for {_COUNT} bytes", re.I)
_AT_LENGTH = re.compile(rf"{_HEX} ?\[{_COUNT}\]", re.I)
_AT = re.compile(rf"(mapped |virtual )?\b(?:at|address|at address|devmem2?) +{_HEX}", re.I)
_VIRTUAL = range(0x5000_0000_0000, 1 << 47)
"""Where programs and their mappings are on x86-64."""


def access_in(text: str) -> dict[str, Any]:
    """The fields of an access that a message shows: op, via, bdf, bar, wc, address, length.

    >>> access_in("Error accessing RCRB, 0x4000 bytes at 0xfed1c000: /dev/mem mmap failed")
    {'op': 'mmap', 'via': 'devmem', 'address': 4275159040, 'length': 16384}
    """
    said = text[:1000]
    op = next((name for name, rule in _OPS.items() if re.search(rule, said, re.I)), "")
    if op == "iopl":
        return {"op": op, "via": "port", "address": 0, "length": 1 << 16, "offset": 3}
    found: dict[str, Any] = {"op": op} if op else {}
    if "pcilib: sysfs_" in said:  # of lspci and setpci
        return {**found, "via": "sysfs", "bdf": ANY, "other": config_path(ANY)}
    if path := _FILE.search(said):
        found |= file_of(path[0])
    if "via" not in found and (device := _DEVICE.search(said)):
        bar = bar_in(said)
        found |= {"via": "sysfs", "bdf": device[1].lower()}
        found |= {} if bar is None else {"bar": bar}
    if "via" not in found and _PLATFORM.search(said):
        found["via"] = "devmem"
    return found if "bdf" in found or _FAULT.search(said) else found | _place(said)


def denied_in(text: str) -> dict[str, Any]:
    """The call and the file that a line of SELinux or AppArmor says it denies.

    >>> denied_in('apparmor="DENIED" operation="open" name="/dev/mem"')
    {'op': 'open', 'via': 'devmem'}
    """
    said = text[:1000]
    maps = re.search(r"\{[^{}]*\bmap\b|operation=\W?file_mmap", said)
    node = re.search(r"\bname=\W?(mem|port)\b", said)  # SELinux shows the last part of the path
    path = _FILE.search(f"/dev/{node[1]}" if node else said)
    named = file_of(path[0]) if path else {}
    return {"op": "mmap" if maps else "open", "via": "devmem", **named}


def config_read_in(command: str) -> str:
    """The PCI device whose configuration space setpci or lspci reads, "" for another command.

    >>> config_read_in("sudo setpci -s 03:00.0 COMMAND")
    '0000:03:00.0'
    """
    named = _PCIUTILS.search(command[:1000])
    return full_bdf(named[1]) if named else ""


def bar_in(text: str) -> int | None:
    """The number of a BAR that a message names."""
    named = _BAR.search(text[:1000])
    return int(named[1]) if named else None


def call_in(text: str) -> str:
    """The system call that a message says has failed, "" if it names none: its tool may do many.

    >>> call_in("mmap gpio failed (Operation not permitted)"), call_in("failed to map it")
    ('mmap', '')
    """
    named = re.search(r"\b(mmap|p(?:read|write))(?:2|64)?\b", text[:1000])
    return named[1].removeprefix("p") if named else ""


def tells_failure(text: str) -> bool:
    """Whether a line says that an access failed, without the errno of a symptom."""
    if not FAILS.search(text[:1000]) or parse_symptom(text):
        return False
    return "op" in access_in(text) or bool(_FILE.search(text[:1000]))


def _place(said: str) -> dict[str, int]:
    """The address and, where it is shown, the length."""
    if match := _BYTES_AT.search(said):
        return {"address": int(match[2], 0), "length": int(match[1], 0)}
    if match := _AT_FOR.search(said) or _AT_LENGTH.search(said):
        return {"address": int(match[1], 0), "length": int(match[2], 0)}
    seen = (int(match[2], 0) for match in _AT.finditer(said) if not match[1])
    address = next((one for one in seen if one not in _VIRTUAL), None)
    return {} if address is None else {"address": address}
