"""Small files that describe a machine: lockdown state, address sizes, MTRRs."""

from __future__ import annotations

import re

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.process.permission import OPTIONS

AROUND = {
    "/dev": ("/", "/dev", "/dev/mem"),
    "/sys": ("/", "/sys"),
    "/proc": ("/", "/proc", "/proc/bus", "/proc/bus/pci"),
}
"""Where something may be mounted, as containers do; the innermost mount decides about the files."""


def parse_lockdown(text: str) -> str:
    """The state in brackets of "none [integrity] confidentiality"; "" for any other text."""
    match = re.search(r"\[(none|integrity|confidentiality)\]", text)
    return match[1] if match else ""


def parse_address_sizes(text: str) -> int | None:
    """Bits of a physical address, from /proc/cpuinfo; None if it does not say."""
    match = re.search(r"^address sizes\s*: (\d{2}) bits physical", text, re.M)
    return int(match[1]) if match and 32 <= int(match[1]) <= 52 else None


def parse_mounts(text: str) -> dict[str, list[str]]:
    """The options ro, noexec and nodev of /dev, /sys and /proc, from /proc/self/mounts."""
    lines = (words for line in text.splitlines() if len(words := line.split()) > 3)
    given = {words[1]: sorted(OPTIONS & {*words[3].split(",")}) for words in lines}
    return {
        mount: given[place]
        for mount, places in AROUND.items()
        for place in places
        if place in given
    }


def parse_mtrr(text: str) -> tuple[tuple[int, int], ...]:
    """First and last page of each range that /proc/mtrr calls uncachable."""
    found = []
    line = r"^reg\d+: base=0x([0-9a-f]{1,16}) .*?, size= *(\d{1,9})([KM])B, count=\d+: uncachable$"
    for match in re.finditer(line, text, re.M):
        first = int(match[1], 16) >> PAGE_SHIFT
        pages = int(match[2]) << (10 if match[3] == "K" else 20) >> PAGE_SHIFT
        found.append((first, first + pages - 1))
    return tuple(found)
