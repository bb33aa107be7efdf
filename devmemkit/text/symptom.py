"""Symptoms as people write them: an errno, a signal, a line of dmesg, a tool's message."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from devmemkit.model.pci.sysfs import config_path
from devmemkit.text.pasted.line import typewritten
from devmemkit.text.strace import file_of

MESSAGES = {
    "EPERM": "operation not permitted",
    "ENOENT": "no such file or directory",
    "EIO": "input/output error",
    "ENXIO": "no such device or address",
    "EBADF": "bad file descriptor",
    "EAGAIN": "resource temporarily unavailable",
    "ENOMEM": "cannot allocate memory",
    "EACCES": "permission denied",
    "EFAULT": "bad address",
    "EBUSY": "device or resource busy",
    "ENODEV": "no such device",
    "EINVAL": "invalid argument",
    "ENOTTY": "inappropriate ioctl for device",
    "EFBIG": "file too large",
    "ESPIPE": "illegal seek",
    "EROFS": "read-only file system",
    "ENOSYS": "function not implemented",
    "EOVERFLOW": "value too large for defined data type",
}
"""The errnos that an access gives, with the messages of the C library (strerror)."""

ANY = "BDF"
"""Stands for the address of a PCI device that nobody told."""
NUMBERS = {
    1: "EPERM", 2: "ENOENT", 5: "EIO", 6: "ENXIO", 9: "EBADF", 11: "EAGAIN", 12: "ENOMEM",
    13: "EACCES", 14: "EFAULT", 16: "EBUSY", 19: "ENODEV", 22: "EINVAL", 25: "ENOTTY",
    27: "EFBIG", 29: "ESPIPE", 30: "EROFS", 38: "ENOSYS", 75: "EOVERFLOW",
}  # fmt: skip
"""Their numbers under Linux (include/uapi/asm-generic/errno-base.h, errno.h), whatever runs us."""

SIGNALS = {
    "SIGBUS": ("bus error", "signal 7", "135"),
    "SIGSEGV": ("segmentation fault", "segfault", "signal 11", "139"),
}
"""135 and 139 are the exit statuses of a shell's command."""
WORDS = {
    **SIGNALS,
    "zeros": ("zeros", "zeroes", "zero", "0", "0x0", "0x00000000"),
    "ones": ("ones", "all ones", "ff", "0xff", "0xffff", "0xffffffff", "0xffffffffffffffff"),
}


class Symptom(NamedTuple):
    """A symptom by its name ("EPERM", "SIGBUS", "zeros").

    A line of dmesg names its `cause`, and some the first and the last byte of a range, `where`; the
    name is "" if it comes with several errnos. `asker` is the driver whose claim failed, `bdf` its
    device.
    """

    name: str
    cause: str = ""
    where: tuple[int, int] | None = None
    asker: str = ""
    bdf: str = ""


DMESG: tuple[tuple[str, Symptom], ...] = (
    (r"BUS_OBJERR|external abort", Symptom("SIGBUS", "external abort")),
    (r"BUS_ADRALN|\balignment fault", Symptom("SIGBUS", "alignment")),
    (r"BUS_ADRERR", Symptom("SIGBUS", "no abort")),
    (r"Lockdown: .* is restricted", Symptom("EPERM", "lockdown")),
    (r"Program \S+ tried to access /dev/mem between", Symptom("EPERM", "page refused")),
    # is_new_memtype_allowed: mmap takes any type but these, only fork demands the very same
    (r"x86/PAT: .*(conflicting memory types|memtype_reserve failed"
     r"|map pfn expected .*type (uncached-minus|write-\w+) .*got write-back"
     r"|map pfn expected .*type write-through .*got write-combining)",
     Symptom("", "other cache type")),
    (r"x86/PAT: .*map pfn RAM range req", Symptom("ok", "RAM's cache type")),
    (r"x86/PAT: .*map pfn expected", Symptom("ENOMEM", "fork's cache type")),
    (r"can't (claim|reserve|request) .*\[(mem|io) ", Symptom("EBUSY", "claim fails")),
    (r"could not (acquire|reserve|request) .*\[mem ", Symptom("EBUSY", "claim fails")),
    (r"resource \S+ \[mem .*conflicts with", Symptom("EBUSY", "claim fails")),
    (r"traps: .* general protection|segfault at", Symptom("SIGSEGV")),
)  # fmt: skip
"""What lines of the kernel's log say about an access, by pattern."""

_ASKER = re.compile(r"(\S+) ([0-9a-f]{4,8}:[0-9a-f:.]{7}): .*can't (?:claim|reserve|request)", re.I)
_WHERE = re.compile(
    r"\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})|"
    r"(?:between|types) ([0-9a-f]{1,16})->?([0-9a-f]{1,16})"
)


def refused(text: str) -> str:
    """What lockdown refused, in the words of its line of dmesg; "" for any other text.

    Distributions had it before 5.4, in lines that do not name the program.
    """
    match = re.search(r"Lockdown: (?:.{1,40}?: )?(.{1,99}) is restricted", text[:1000], re.I)
    return match[1] if match else ""


def parse_symptom(text: str) -> Symptom | None:
    """The symptom in a text, None for one that is not known.

    >>> parse_symptom("Operation not permitted").name, parse_symptom("eperm").name
    ('EPERM', 'EPERM')
    """
    said = typewritten(text.strip()[:1000])
    for pattern, symptom in DMESG:
        if re.search(pattern, said, re.I):
            asker = _ASKER.search(said)
            who = {"asker": asker[1], "bdf": asker[2].lower()} if asker else {}
            return symptom._replace(where=_where(said), **who)
    word = said.lower().strip(". ")
    number = re.fullmatch(r"-?(\d+)", word) or re.search(r"\berrno\W{1,3}(\d+)", word)
    # -1 says only that a call failed
    if number and word != "-1" and (name := NUMBERS.get(int(number[1]))):
        return Symptom(name)
    if exited := re.search(r"\b(?:status|code) (135|139)\b", word):
        word = exited[1]
    for name, words in SIGNALS.items():
        if word in words or any(len(w) > 4 and w in word for w in words):
            return Symptom(name)
    named = set(re.findall(r"\b(E[A-Z]{2,9}|SIG[A-Z]{3,4})\b", said.upper()))
    if names := named & {*MESSAGES, *WORDS}:
        return Symptom(names.pop()) if len(names) == 1 else None
    # the longest message first: "no such device or address" contains "no such device"
    for name, message in sorted(MESSAGES.items(), key=lambda item: -len(item[1])):
        if message in word:
            return Symptom(name)
    # last: (0xffffffffffffffff) behind an errno is what mmap returned, not what a load read
    word = value[1] if (value := re.search(r"[\w)] ?[:=] ?(0x0+|0xf+)$", word)) else word
    return next((Symptom(name) for name, words in WORDS.items() if word in words), None)


def _where(line: str) -> tuple[int, int] | None:
    """The range in a line of dmesg; the second form has the end behind it."""
    match = _WHERE.search(line)
    if match is None:
        return None
    start, end = (int(one, 16) for one in (match[1] or match[3], match[2] or match[4]))
    last = end if match[1] else end - 1
    return (start, last) if start <= last else None


_OPS = {
    "iopl": r"\bioperm\b|\biopl\b|I/O privilege",
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
    return found if "bdf" in found else found | _place(said)


def _place(said: str) -> dict[str, int]:
    """The address and, where it is shown, the length."""
    if match := _BYTES_AT.search(said):
        return {"address": int(match[2], 0), "length": int(match[1], 0)}
    if match := _AT_FOR.search(said) or _AT_LENGTH.search(said):
        return {"address": int(match[1], 0), "length": int(match[2], 0)}
    seen = (int(match[2], 0) for match in _AT.finditer(said) if not match[1])
    address = next((one for one in seen if one not in _VIRTUAL), None)
    return {} if address is None else {"address": address}
