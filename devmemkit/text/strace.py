"""Lines of strace as an access to device memory: its file, its arguments, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.pasted.devices import full_bdf
from devmemkit.text.pasted.line import typewritten

LONGEST = 1 << 16
"""Characters of a text that are read; of each line 4096, where real ones have some hundred."""

_FD = r"(\d+)(?:<([^>]*)>)?"
_NUMBER = r"(0x[0-9a-f]{1,16}|\d{1,20})"
_END = r"\)\s*= (?:-1 (E[A-Z0-9]+)|(0x[0-9a-f]+|\d+))"
_OPEN = re.compile(rf'\bopen(?:at\([^"]*|\()"([^"]*)", (O_[A-Z_|]+)(?:, 0\d*)?{_END}')
_MMAP = re.compile(
    rf"\bmmap2?\((?:NULL|0x[0-9a-f]+), {_NUMBER}, ([A-Z_|]+|0), ([A-Z_|0-9x]+), "
    rf"{_FD}, {_NUMBER}{_END}"
)
_AT = re.compile(rf"\bp(read|write)(?:64)?\({_FD}, .*, {_NUMBER}, {_NUMBER}{_END}")
_HERE = re.compile(rf"\b(read|write)\({_FD}, .*, {_NUMBER}{_END}")
_SEEK = re.compile(rf"\b_?l?lseek\({_FD}, {_NUMBER}, (?:\[\d+\], )?SEEK_SET{_END}")
_PORTS = re.compile(rf"\b(?:ioperm\({_NUMBER}, {_NUMBER}, [1-9]\d*|iopl\({_NUMBER}){_END}")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,32}[mK]")
_WRAPPED = re.compile(r"(?<=([,|]))\r?\n[>\t ]{0,40}")
_PID = re.compile(r"\[pid +\d{1,10}\]|^\d{1,10} ")
_CALL = re.compile(r"\b(\w{1,30})\(")
_UNFINISHED = "<unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. (\w{1,30}) resumed>")
_SIGNAL = re.compile(r"--- (SIGBUS|SIGSEGV) \{(?:[^}]*si_code=(BUS_\w+))?")
_SYSFS = re.compile(
    r"/sys/.*/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/(?:resource([0-5])(_wc)?|resource|config)"
)
_PROT = {"PROT_READ": "r", "PROT_WRITE": "w"}
_PROC = re.compile(r"/proc/bus/pci/(?:([0-9a-f]{4,8}):)?([0-9a-f]{2})/([0-9a-f]{2}\.[0-7])")


@dataclass(frozen=True)
class Traced:
    """An access: its arguments by name, as far as shown; `got` is its symptom, or ""."""

    access: dict[str, Any] = field(default_factory=dict)
    got: str = ""


def parse_strace(
    text: str, *, source: str = "--strace", unknown: Mapping[str, Any] | None = None
) -> Traced:
    """The last access to device memory or ports in lines of strace; TextError if there is none.

    A descriptor is that of the file `unknown`, by default /dev/mem, unless its open is in the text,
    or strace -y shows its path.
    """
    unknown = unknown or {"via": "devmem"}
    files: dict[str, dict[str, Any]] = {}
    seeks: dict[str, int] = {}
    found: Traced | None = None
    for line in (whole[:4096] for whole in _whole(text[:LONGEST])):
        if match := _SIGNAL.search(line):
            found = found and Traced(
                {**found.access, "op": "load"}, " ".join(filter(None, match.groups()))
            )
        elif match := _OPEN.search(line):
            file = file_of(match[1])
            files[match[4] or ""] = file and file | _modes(match[2])
            if file:
                found = Traced({"op": "open", **file, **_modes(match[2])}, match[3] or "")
        elif match := _SEEK.search(line):
            seeks[match[1]] = int(match[3], 0)
        else:
            found = _transfer(line, files, seeks, unknown) or _ports(line) or found
    if found is None:
        shown = printable(text.strip()[:40])
        call = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0xfe000000) = -1 EPERM"
        raise TextError(source, 1, f"expected a call such as {call}; got '{shown}'")
    return found


def _whole(text: str) -> Iterator[str]:
    """The lines without colours and quoting, wrapped ones and those of two threads put together."""
    begun: dict[tuple[str, str], str] = {}
    plain = _WRAPPED.sub(lambda match: " " * (match[1] == ","), _COLOUR.sub("", typewritten(text)))
    for line in (whole[:4096].rstrip() for whole in plain.splitlines()):
        who = match[0] if (match := _PID.search(line)) else ""
        resumed = _RESUMED.search(line)
        if line.endswith(_UNFINISHED) and (call := _CALL.search(line)):
            begun[who, call[1]] = line.removesuffix(_UNFINISHED).rstrip(" ,")
        elif resumed and (who, resumed[1]) in begun:
            yield begun.pop((who, resumed[1])) + line[resumed.end() :]
        else:
            yield line


def _ports(line: str) -> Traced | None:
    """A call that asks for access to ports; iopl asks for all of them."""
    match = _PORTS.search(line)
    if match is None:
        return None
    first, count, level, errno, _ = match.groups()
    if level:
        access = {"op": "iopl", "address": 0, "length": 1 << 16, "offset": int(level, 0)}
    else:
        access = {"op": "ioperm", "address": int(first, 0), "length": int(count, 0)}
    return Traced({"via": "port", **access}, errno or "")


def _transfer(
    line: str,
    files: dict[str, dict[str, Any]],
    seeks: dict[str, int],
    unknown: Mapping[str, Any],
) -> Traced | None:
    """An mmap, read or write of device memory."""
    if match := _MMAP.search(line):
        length, prot, flags, fd, path, at, errno, _ = match.groups()
        letters = "".join(letter for word, letter in _PROT.items() if word in prot)
        more = {"op": "mmap", "prot": letters, "exec": "PROT_EXEC" in prot}
        more["private"] = "MAP_PRIVATE" in flags
    elif match := _AT.search(line):
        op, fd, path, length, at, errno, _ = match.groups()
        more = {"op": op}
    elif (match := _HERE.search(line)) and match[2] in seeks:
        op, fd, path, length, errno, _ = match.groups()
        more, at = {"op": op}, str(seeks[fd])
    else:
        return None
    file = file_of(path) if path else files.get(fd, unknown)
    where = "offset" if file.get("via") == "sysfs" else "address"
    access = {**file, **more, "length": int(length, 0), where: int(at, 0)}
    return Traced(access, errno or "") if file else None


def file_of(path: str) -> dict[str, Any]:
    """The fields of an access that name its file; none for a file of something else.

    >>> file_of("/sys/bus/pci/devices/0000:03:00.0/resource2_wc")
    {'via': 'sysfs', 'bdf': '0000:03:00.0', 'bar': 2, 'wc': True}
    """
    if path in ("/dev/mem", "/dev/port"):
        return {"via": {"/dev/mem": "devmem", "/dev/port": "port"}[path]}
    if match := _SYSFS.fullmatch(path):
        device = {"via": "sysfs", "bdf": match[1]}
        if match[2] is None:
            return {**device, "other": path}
        return {**device, "bar": int(match[2]), **({"wc": True} if match[3] else {})}
    if match := _PROC.fullmatch(path):
        return {"via": "proc", "bdf": full_bdf(f"{match[1] or '0000'}:{match[2]}:{match[3]}")}
    return {}


def _modes(flags: str) -> dict[str, Any]:
    words = flags.split("|")
    mode = {"O_RDONLY": "r", "O_WRONLY": "w"}.get(words[0], "rw")
    return {"mode": mode, "sync": "O_SYNC" in words or "O_DSYNC" in words}
