"""Files that describe a machine: configuration, lockdown state, address sizes, mounts, MTRRs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import PARENTS, Config
from devmemkit.model.printable import printable
from devmemkit.model.process import permission
from devmemkit.text import TextError, architecture

OPTIONS = {f"CONFIG_{field.name.upper()}": field.name for field in fields(Config)}
"""The options that the model depends on, and their fields of Config."""

NAMES = (*OPTIONS, "CONFIG_DEVPORT", *architecture.OPTIONS, *architecture.PAGES)
WHOLE = 100
"""Options of a whole configuration at least; real ones have thousands."""

_SET = re.compile(r"\b(CONFIG_\w+)=(.*)$|# (CONFIG_\w+) is not set$", re.M)


def parse_config(text: str, *, source: str = "--config") -> dict[str, str]:
    """The options that the model depends on, and architectures: "y", "m" or "n" by CONFIG_X.

    What a whole configuration does not set is "n", what a part of one does not set is left out.

    TextError for a text that sets no option at all.
    """
    every = {m[1] or m[3]: m[2] or "n" for m in _SET.finditer(text)}
    if not every:
        shown = printable(text.strip().split("\n")[0][:40])
        raise TextError(source, 1, f"expected lines like CONFIG_STRICT_DEVMEM=y, got '{shown}'")
    if len(every) < WHOLE:
        return {name: value for name, value in every.items() if name in NAMES}
    return dict.fromkeys(OPTIONS, "n") | {n: every[n] for n in NAMES if n in every}


def told_of(options: Mapping[str, str]) -> dict[str, bool]:
    """The fields of Config that the options decide: an option is off without the one it needs."""
    told = {field: options[name] != "n" for name, field in OPTIONS.items() if name in options}
    for option, parent in PARENTS.items():
        if told.get(parent) is False:
            told[option] = False
    for option, parent in reversed(PARENTS.items()):
        if told.get(option):
            told[parent] = True
    return told


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
    given = {words[1]: sorted(permission.OPTIONS & {*words[3].split(",")}) for words in lines}
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
