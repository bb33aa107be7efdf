"""Lines of strace as an access to device memory: its file, its arguments, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.pasted.devices import full_bdf
from devmemkit.text.pasted.line import typewritten

LONGEST = 1 << 16
"""Characters of a text that are read; of each line 4096, where real ones have some hundred."""

_FD = r"(?P<fd>\d+)(?:<(?P<path>[^<>]*)(?:<[^>]*>)?>)?"
_NUMBER = r"(0x[0-9a-f]{1,16}|\d{1,20})"
_END = r"\)\s*= (?:-1 (?P<errno>E[A-Z0-9]+)|(?P<value>0x[0-9a-f]+|\d+))"
_OPEN = re.compile(rf'\bopen(?:at\([^"]*|\()"([^"]*)", (O_[A-Z_|]+)(?:, 0\d*)?{_END}')
_LENGTH, _AT = f"(?P<length>{_NUMBER})", f"(?P<at>{_NUMBER})"
_TRANSFERS = (
    re.compile(
        rf"\b(?P<op>mmap)2?\((?:NULL|0x[0-9a-f]+|0), {_LENGTH}, (?P<prot>[A-Z_|]+|0x\d+|\d), "
        rf"(?P<flags>[A-Z_|0-9x]+), {_FD}, {_AT}{_END}"
    ),
    re.compile(rf"\bp(?P<op>read|write)(?:64)?\({_FD}, .*, {_LENGTH}, {_AT}{_END}"),
    re.compile(rf"\b(?P<op>read|write)\({_FD}, .*, {_LENGTH}{_END}"),
)
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
_DRIVERS = re.compile(r"/dev/(?!(?:zero|null|full|shm|hugepages)\b)[\w./!-]{1,200}")
_PROT = {"PROT_READ": "r", "PROT_WRITE": "w", "PROT_EXEC": "x"}  # 1, 2, 4
_PROC = re.compile(r"/proc/bus/pci/(?:([0-9a-f]{4,8}):)?([0-9a-f]{2})/([0-9a-f]{2}\.[0-7])")


class Traced(NamedTuple):
    """An access: its arguments by name, as far as shown; `got` is its symptom, or ""."""

    access: dict[str, Any]
    got: str


def parse_strace(
    text: str, *, source: str = "--strace", unknown: Mapping[str, Any] | None = None
) -> Traced:
    """The last access to device memory or ports in lines of strace; TextError if there is none.

    A descriptor is that of the file `unknown`, by default /dev/mem, unless its open is in the text,
    or strace -y shows its path.
    """
    unknown = unknown or {"via": "devmem"}
    files: dict[str, dict[str, Any]] = {}
    seeks: dict[str, str] = {}
    found: Traced | None = None
    for line in (whole[:4096] for whole in _whole(text[:LONGEST])):
        if match := _SIGNAL.search(line):
            found = found and Traced(
                {**found.access, "op": "load"}, " ".join(filter(None, match.groups()))
            )
        elif match := _OPEN.search(line):
            file = file_of(match[1])
            files[match["value"] or ""] = file and file | _modes(match[2])
            if file and file["via"] != "driver":
                found = Traced({"op": "open", **file, **_modes(match[2])}, match["errno"] or "")
        elif match := _SEEK.search(line):
            seeks[match["fd"]] = match[3]
        else:
            last = _transfer(line, files, seeks, unknown) or _ports(line) or found
            if found is None or (last and last.access["via"] != "driver"):
                found = last
    if found is None:
        shown = printable(text.strip()[:40])
        if _SIGNAL.search(text[:LONGEST]):
            words = "expected the mmap before the signal, or --got with --address"
            raise TextError(source, 1, f"{words}; got '{shown}'")
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
    line: str, files: dict[str, dict[str, Any]], seeks: dict[str, str], unknown: Mapping[str, Any]
) -> Traced | None:
    """An mmap, read or write of device memory."""
    match = next(filter(None, (call.search(line) for call in _TRANSFERS)), None)
    said = match.groupdict() if match else {}
    at = said.get("at") or seeks.get(said.get("fd", ""))
    if at is None:
        return None
    more: dict[str, Any] = {"op": said["op"], "length": int(said["length"], 0)}
    if "prot" in said:
        prot = _names(said["prot"], _PROT)
        more["prot"] = "".join(_PROT[word] for word in ("PROT_READ", "PROT_WRITE") if word in prot)
        more["exec"] = "PROT_EXEC" in prot
        more["private"] = "MAP_PRIVATE" in _names(said["flags"], ("MAP_SHARED", "MAP_PRIVATE"))
    file = file_of(said["path"]) if said["path"] else files.get(said["fd"], unknown)
    where = "offset" if file.get("via") in ("sysfs", "driver") else "address"
    access = {**file, **more, where: int(at, 0)}
    return Traced(access, said["errno"] or "") if file else None


def file_of(path: str) -> dict[str, Any]:
    """The fields of an access that name its file; none for a file of something else.

    >>> file_of("/sys/bus/pci/devices/0000:03:00.0/resource2_wc")
    {'via': 'sysfs', 'bdf': '0000:03:00.0', 'bar': 2, 'wc': True}
    """
    if path in ("/dev/mem", "/dev/port"):
        return {"via": {"/dev/mem": "devmem", "/dev/port": "port"}[path]}
    if path == "anon_inode:[vfio-device]":
        path = "/dev/vfio"
    if _DRIVERS.fullmatch(path):
        return {"via": "driver", "other": path}
    if match := _SYSFS.fullmatch(path):
        device = {"via": "sysfs", "bdf": match[1]}
        if match[2] is None:
            return {**device, "other": path}
        return {**device, "bar": int(match[2]), **({"wc": True} if match[3] else {})}
    if match := _PROC.fullmatch(path):
        return {"via": "proc", "bdf": full_bdf(f"{match[1] or '0000'}:{match[2]}:{match[3]}")}
    return {}


def _names(flags: str, names: Iterable[str]) -> list[str]:
    """The names of flags that strace prints by name or (-X raw) as a number."""
    if not flags[0].isdigit():
        return flags.split("|")
    return [name for bit, name in enumerate(names) if int(flags, 0) >> bit & 1]


def _modes(flags: str) -> dict[str, Any]:
    words = flags.split("|")
    mode = {"O_RDONLY": "r", "O_WRONLY": "w"}.get(words[0], "rw")
    return {"mode": mode, "sync": "O_SYNC" in words or "O_DSYNC" in words}
