"""A pasted text with several texts in it, one below the other: which lines are of which kind.

A line that shows its kind begins a part or goes on with one; other lines belong to the part above,
as wrapped lines and the details of lspci do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from devmemkit.text import architecture
from devmemkit.text.iomem import LONGEST
from devmemkit.text.message import tells_failure
from devmemkit.text.pasted.devices import DRIVER, HEAD, MODULES, REGION
from devmemkit.text.symptom import MESSAGES, SIGNALS, parse_symptom, printed_ones

KINDS = {
    "iomem": "/proc/iomem",
    "ioports": "/proc/ioports",
    "lspci": "lspci -v",
    "resource": "resource files of sysfs",
    "config": "the kernel's configuration",
    "release": "the kernel's release",
    "cmdline": "the kernel's command line",
    "lockdown": "the lockdown state",
    "cpuinfo": "/proc/cpuinfo",
    "mtrr": "/proc/mtrr",
    "rights": "the file's mode, or who asks",
    "strace": "strace",
    "command": "a command",
    "symptom": "a symptom",
    "log": "the kernel's log",
    "other": "other text",
}
"""The kinds of texts, and what a person calls each."""
TYPED = 400
"""Characters that a line of the shorter kinds has at most."""

_LEAD = re.compile(r"[>|\s]*")
_RANGE = re.compile(
    r"(?<![\w.])(?:0x)?(?P<start>[0-9a-f]{4,16}) ?[-\u2013] ?(?:0x)?(?P<end>[0-9a-f]{4,16})"
    r"\s?(?::(?![0-9a-f]{2}\.)|=3A|=20:)",
    re.I,
)
_ROW = re.compile(r"0x[0-9a-f]{16} 0x[0-9a-f]{16} 0x[0-9a-f]{16}")
_ROWS_OF = re.compile(r"==> .*/resource <==|^\S*/[0-9a-f:]+\.[0-7]/resource:?$")
_CALL = re.compile(
    r"\b(?:open(?:at)?|mmap2?|p?(?:read|write)(?:64)?|_?l?lseek|ioperm|iopl|close)"
    r"\(.*(?:\) += |\.\.\.>$)"
    r"|--- SIG(?:BUS|SEGV) \{|<\.\.\. \w+ resumed>"
)
_CONFIG = re.compile(r"\bCONFIG_\w+=|# CONFIG_\w+ is not set")
_VERSION = r"\bLinux version \d|^Linux \S+ \d+\.\d+|^\d{1,2}\.\d{1,3}(?:\.\d+)?(?:[-+]\S*)?$"
_CMDLINE = re.compile(r"\bBOOT_IMAGE=|\b[Cc]ommand line: |^(?:[\w.-]+(?:=\S*)? ){0,40}iomem=\S+")
_COMMAND = (
    r"^(?:\S*|\S+@\S+ |\[\S+ \S+\])[$#] "
    r"|^(?:sudo )?(?:(?:busybox )?devmem2?|dd|hexdump|xxd|od|cat|z?grep|ls|uname) "
    r"|^(?:sudo )?(?:lspci|setpci|dmesg) "
    r"|^(?:id|dmesg|lspci)$"
)
_LOG = re.compile(r"^\[ *\d+\.\d+\] ")


class Part(NamedTuple):
    """Lines of one kind, a name in KINDS; `first` and `last` count from 1."""

    kind: str
    first: int
    last: int
    text: str


def _ports_of(line: str) -> bool:
    """Whether a range has the four digits of /proc/ioports."""
    match = _RANGE.search(line)
    return match is not None and len(match["start"]) == len(match["end"]) == 4


def _typed(pattern: str) -> Callable[[str], object]:
    shown = re.compile(pattern)
    return lambda line: len(line) <= TYPED and shown.search(line)


def _device(line: str) -> bool:
    line = _LEAD.sub("", line, count=1)
    return any(one.match(line) for one in (HEAD, REGION, DRIVER, MODULES))


def _symptom(line: str) -> bool:
    if len(line) > TYPED:
        return False
    if (found := parse_symptom(line)) is None:
        return not _LOG.match(line) and tells_failure(line)
    return bool(found.cause) or found.name in (*MESSAGES, *SIGNALS) or printed_ones(line)


SHOWS: dict[str, Callable[[str], object]] = {
    "strace": _CALL.search,
    "ioports": _ports_of,
    "iomem": _RANGE.search,
    "resource": lambda line: _ROW.search(line) or _ROWS_OF.search(line),
    "config": _CONFIG.search,
    "lspci": _device,
    "lockdown": _typed(r"\[?none\]? \[?integrity\]? \[?confidentiality\]?"),
    "release": _typed(_VERSION),
    "cmdline": _CMDLINE.search,
    "cpuinfo": _typed(r"^address sizes\s*:"),
    "mtrr": _typed(r"^reg\d+: base=0x"),
    "rights": _typed(r"^c[rwx-]{9}\S? +\d+ \S+ +\S+ +1, +[14] .* /dev/(mem|port)$|^uid=\d+\("),
    "symptom": _symptom,
    "command": _typed(_COMMAND),
    "log": _LOG.search,
}
"""Whether a line shows that it is of a kind; the first kind counts."""


def split(text: str) -> tuple[Part, ...]:
    """The parts of a pasted text, in its order."""
    found: list[Part] = []
    kind, first, lines = "", 1, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        shown = _kind(line[:LONGEST], kind)
        if shown and shown != kind:
            found += _part(kind, first, lines)
            kind, first, lines = shown, number, []
        lines.append(line)
    return (*found, *_part(kind, first, lines))


def _kind(line: str, above: str) -> str:
    """The kind that a line shows, "" if it belongs to what is above."""
    bare = _LEAD.sub("", line, count=1).rstrip()
    if not bare:
        return ""
    if above == "lspci" and line[:1] in "\t " and not _RANGE.search(line):
        return ""  # a device's details
    if above in SHOWS and above != "log" and SHOWS[above](bare):
        # most lines are of the kind above; but a dump of ports may follow one of memory
        return "ioports" if above == "iomem" and _ports_of(bare) else ""
    return next((kind for kind, shows in SHOWS.items() if shows(bare)), "" if above else "other")


def _part(kind: str, first: int, lines: list[str]) -> Iterator[Part]:
    while lines and not lines[-1].strip():
        lines.pop()
    if kind and lines:
        text = "\n".join(lines) + "\n"
        ends = [int(one["end"], 16) for one in _RANGE.finditer(text)] if kind == "iomem" else [0]
        if 0 < max(ends) < 1 << 16:
            kind = "ioports"  # some architectures print them with eight digits
        yield Part(kind, first, first + len(lines) - 1, text)


def release_in(text: str) -> str:
    """The release in uname -a, uname -r, /proc/version or the log's first line; "" for none."""
    match = re.search(r"(?:\bLinux version |^Linux \S+ |^)(\d+\.\d+\S*)", text, re.M)
    return match[1] if match else ""


def architecture_in(text: str) -> str:
    """The architecture that uname -a prints, "" for none."""
    words = text.split() if "GNU/Linux" in text or text.startswith("Linux ") else []
    return next((word for word in words[::-1] if architecture.named(word)), "")
