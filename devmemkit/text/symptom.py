"""Symptoms as people write them: an errno, a signal, a line of dmesg, a tool's message."""

from __future__ import annotations

import re
from typing import NamedTuple

from devmemkit.text.pasted.line import typewritten

ERRNOS = {
    "EPERM": (1, "operation not permitted"),
    "ENOENT": (2, "no such file or directory"),
    "EIO": (5, "input/output error"),
    "ENXIO": (6, "no such device or address"),
    "EBADF": (9, "bad file descriptor"),
    "EAGAIN": (11, "resource temporarily unavailable"),
    "ENOMEM": (12, "cannot allocate memory"),
    "EACCES": (13, "permission denied"),
    "EFAULT": (14, "bad address"),
    "EBUSY": (16, "device or resource busy"),
    "ENODEV": (19, "no such device"),
    "EINVAL": (22, "invalid argument"),
    "ENOTTY": (25, "inappropriate ioctl for device"),
    "EFBIG": (27, "file too large"),
    "ESPIPE": (29, "illegal seek"),
    "EROFS": (30, "read-only file system"),
    "ENOSYS": (38, "function not implemented"),
    "EOVERFLOW": (75, "value too large for defined data type"),
}
"""The errnos that an access gives, with the messages of the C library (strerror).

The numbers are Linux's (include/uapi/asm-generic/errno-base.h, errno.h), whatever runs us.
"""
MESSAGES = {name: message for name, (_, message) in ERRNOS.items()}
NUMBERS = {number: name for name, (number, _) in ERRNOS.items()}

ANY = "BDF"
"""Stands for the address of a PCI device that nobody told."""

SIGNALS = {
    "SIGBUS": ("bus error", "signal 7", "135"),
    "SIGSEGV": ("segmentation fault", "segfault", "signal 11", "139"),
}
"""135 and 139 are the exit statuses of a shell's command."""
WORDS = {
    **SIGNALS,
    "zeros": ("zeros", "zeroes", "zero", "0", "0x0", "0x00000000"),
    "ones": (
        "ones",
        "all ones",
        "0xff",
        "ff",
        *(f"{x}{'f' * n}" for n in (4, 8, 16) for x in ("", "0x")),
    ),
}


class Symptom(NamedTuple):
    """A symptom by its name ("EPERM", "SIGBUS", "zeros").

    A line of dmesg names its `cause`, and some the first and the last byte of a range, `where`; the
    name is "" if it comes with several errnos. `asker` is the driver whose claim failed, `bdf` its
    device. `arch` is the architecture whose kernel prints such a line, `likely` names the
    hypotheses that the words make likelier than the others.
    """

    name: str
    cause: str = ""
    where: tuple[int, int] | None = None
    asker: str = ""
    bdf: str = ""
    arch: str = ""
    likely: tuple[str, ...] = ()


DMESG: tuple[tuple[str, Symptom], ...] = (
    (r"BUS_OBJERR|external abort|machine check in (user|kernel) mode|oops: machine check",
     Symptom("SIGBUS", "external abort")),
    (r"BUS_ADRALN|\balignment (fault|exception|trap)", Symptom("SIGBUS", "alignment")),
    (r"BUS_ADRERR", Symptom("SIGBUS", "no abort")),
    # the security modules' own words: what they only log was let through
    (r"\bavc: .*\bpermissive=1|\bapparmor=\W*ALLOWED", Symptom("ok", "only logged")),
    (r"\bavc: +denied .*\btclass=lockdown|\blockdown_reason=",
     Symptom("EACCES", "SELinux lockdown")),
    (r"(\bavc: +denied|\bapparmor=\W*DENIED).*\bsys_rawio\b", Symptom("EPERM", "no capability")),
    (r"\bavc: +denied|\bapparmor=\W*DENIED", Symptom("EACCES", "security module")),
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
    (r"segfault at f{8}(f{8})?\b", Symptom("SIGSEGV", "map failed")),
    (r"traps: .* general protection|segfault at", Symptom("SIGSEGV")),
)  # fmt: skip
"""What lines of the kernel's log say about an access, by pattern."""

FAILS = re.compile(
    r"\b(fail(s|ed|ure|ing)?|can ?not|can't|could( ?not|n't)|(un|not )able|error|trouble|denied"
    r"|no (access|permission)|not obtained)\b",
    re.I,
)
"""How people and programs say that something failed."""

_ASKER = re.compile(r"(\S+) ([0-9a-f]{4,8}:[0-9a-f:.]{7}): .*can't (?:claim|reserve|request)", re.I)
_WHERE = re.compile(
    r"\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})|"
    r"(?:between|types) ([0-9a-f]{1,16})->?([0-9a-f]{1,16})"
)


_ARCHITECTURES = {
    "arm": r"linefetch|imprecise external|alignment (exception|trap)|fault: .*\(0x[0-9a-f]{3,4}\)",
    "arm64": r"[( ](0x)?9[0-9a-f]{7}\b|\bESR\b|\baarch64\b",
    "powerpc": r"machine check",
}
"""The architectures whose kernels write of a fault so (arch/*/mm/fault.c, fsr-2level.c)."""

_CONTAINER = re.compile(r"\b(docker|podman|container(s|d)?|runc|lx[cd]|kubernetes|k8s)\b")
_UNALIGNED = re.compile(r"\b_{0,2}mem(cpy|move|set)|/aarch64/|\b(not |un|mis)aligned\b")
_MAP_FAILED = re.compile(r"\b0xf{8}(f{8})?\b|\bMAP_FAILED\b", re.I)
_ONES = re.compile(
    r"\ball (ones|f'?s)\b|\b(read|return|value|register)\w*\b.*\b(0x)?(f{4}|f{8}|f{16})\b"
)
_WORD = r"(?:0x)?(?:f{16}|f{8}|f{4}|f{2})\b"
_ROW = re.compile(
    # an offset as hexdump, xxd and lspci print it, the values, and what xxd prints beside them
    rf"(?:(?:00:|[0-9a-f]{{7,16}}:?) )?{_WORD}(?:,? {_WORD})*(?: \|?\.+\|?)?$"
)
_VALUE = re.compile(r"(?:value|read) at address .*: (?:0x)?f+$")


def printed_ones(line: str) -> bool:
    """Whether a line is what a tool prints of memory or registers that read as ones.

    >>> printed_ones("FFFF FFFF"), printed_ones("00: ff ff ff ff"), printed_ones("mask = 0xff")
    (True, True, False)
    """
    word = " ".join(line[:1000].lower().split())
    return bool(_ROW.match(word) or _VALUE.match(word))


def refused(text: str) -> str:
    """What lockdown refused, in the words of its line of dmesg; "" for any other text.

    Distributions had it before 5.4, in lines that do not name the program. SELinux, too, writes
    for which of lockdown's reasons it refuses something.
    """
    found = r"Lockdown: (?:.{1,40}?: )?(.{1,99}) is restricted|lockdown_reason=\W?([^\"]{1,99})"
    match = re.search(found, text[:1000], re.I)
    return (match[1] or match[2]) if match else ""


def _with_hints(symptom: Symptom, said: str) -> Symptom:
    """The symptom with what else its words show: the architecture, where it ran, how it copied."""
    word = said.lower()
    likely: tuple[str, ...] = ()
    if symptom.name == "EPERM" and _CONTAINER.search(word):
        likely = ("cgroup", "no capability")
        if "--device" in word and "rawio" not in word:
            likely = likely[::-1]
    if symptom.name not in SIGNALS:
        return symptom._replace(likely=likely)
    if not symptom.cause and _MAP_FAILED.search(said):
        symptom = symptom._replace(cause="map failed")
    arch = next((name for name, rule in _ARCHITECTURES.items() if re.search(rule, said, re.I)), "")
    likely = ("alignment",) if _UNALIGNED.search(word) else ()
    return symptom._replace(arch=arch, likely=likely)


def parse_symptom(text: str) -> Symptom | None:
    """The symptom in a text, None for one that is not known.

    >>> parse_symptom("Operation not permitted").name, parse_symptom("eperm").name
    ('EPERM', 'EPERM')
    """
    said = typewritten(text.strip()[:1000])
    for pattern, symptom in DMESG:
        if re.search(pattern, said, re.I | re.S):
            if asker := _ASKER.search(said):
                symptom = symptom._replace(asker=asker[1], bdf=asker[2].lower())
            return _with_hints(symptom._replace(where=_where(said)), said)
    found = _named(said)
    return found and _with_hints(found, said)


def _named(said: str) -> Symptom | None:
    """The symptom by its name, its message, its number or the value that was read."""
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
    if printed_ones(said) or (_ONES.search(word) and not FAILS.search(word)):
        return Symptom("ones")
    return next((Symptom(name) for name, words in WORDS.items() if word in words), None)


def _where(line: str) -> tuple[int, int] | None:
    """The range in a line of dmesg; the second form has the end behind it."""
    match = _WHERE.search(line)
    if match is None:
        return None
    start, end = (int(one, 16) for one in (match[1] or match[3], match[2] or match[4]))
    last = end if match[1] else end - 1
    return (start, last) if start <= last else None
