"""What a tool's message shows of an access: its operation, its file and its physical address."""

from __future__ import annotations

import re
from typing import Any

from devmemkit.text.strace import file_of

_OPS = {
    "iopl": r"\bioperm\b|\biopl\b|I/O privileges",
    "mmap": r"\bmmap|\bmap(?:ping)?\b",
    "open": r"\bopen(?:ing)?\b",
    "write": r"\bp?writ(?:e|ing)\b",
    "read": r"\bp?read(?:ing)?\b(?!-only)",
}
_FILE = re.compile(r"/(?:dev/(?:mem|port)|(?:sys|proc/bus/pci)/[\w:./-]{1,200})\b")
_HEX = r"(0x[0-9a-f]{1,16})\b"
_COUNT = r"(0x[0-9a-f]{1,16}|\d{1,10})"
_BYTES_AT = re.compile(rf"{_COUNT} bytes (?:at|from) (?:address )?{_HEX}", re.I)
_AT_FOR = re.compile(rf"\b(?:at|address) {_HEX} for {_COUNT} bytes", re.I)
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
    if path := _FILE.search(said):
        found |= file_of(path[0])
    return found if "bdf" in found else found | _place(said)


def _place(said: str) -> dict[str, int]:
    """The address and, where it is shown, the length."""
    if match := _BYTES_AT.search(said):
        return {"address": int(match[2], 0), "length": int(match[1], 0)}
    if match := _AT_FOR.search(said):
        return {"address": int(match[1], 0), "length": int(match[2], 0)}
    seen = (int(match[2], 0) for match in _AT.finditer(said) if not match[1])
    address = next((one for one in seen if one not in _VIRTUAL), None)
    return {} if address is None else {"address": address}
