"""The BARs and drivers of PCI functions, from the output of `lspci -v`.

Source: pciutils, ls-kernel.c and lspci.c (show_bases, show_rom, show_kernel).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.iomem import LINES

ROM = 6
LONGEST = 4096
"""Characters of a line that are read; real lines have some hundred."""
MANY = 1 << 16
"""Functions of one text at most; a bus has 256, a domain 65,536."""

_QUOTE = re.compile(r"^(?:> ?|\xa0)+")
_FUNCTION = re.compile(
    r"((?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]) (?:\"?[^\s\d].*|[0-9a-f]{4}:.*)$"
)
_SIZE = r"(?:.*\[size=(?P<size>\d+)(?P<unit>[KMGT]?)\])?"
_REGION = re.compile(
    r"(?P<indent>\s+)(?:Region (?P<index>\d+)|(?P<rom>Expansion ROM)|(?P<plain>Memory|I/O ports))"
    r"(?:(?P<colon>:) |(?= at ))(?P<words>.*)$"
)
_AT = re.compile(
    r"(?:\[virtual\] )?(?:(?P<what>Memory|I/O ports) )?at "
    r"(?P<at>[0-9a-fA-F]{1,16}|<unassigned>|<ignored>)" + _SIZE
)
_DRIVER = re.compile(r"\s+Kernel driver in use: (\S+)")
_MODULES = re.compile(r"\s+Kernel modules: (.*\S)")
_DECODES = re.compile(r"\s+Control: I/O(?P<ports>[+-]) Mem(?P<memory>[+-])")
_CAPABILITY = re.compile(r"(\s+)(?:Capabilities: |Capability:)")


@dataclass(frozen=True)
class Device:
    """A PCI device: BARs, bound driver, matching modules, whether it decodes memory (Mem+).

    `driver` is "" for none, and None where it is not known. `missing` lists BARs that the
    description names without address or size.
    """

    bdf: str
    bars: tuple[Bar, ...] = ()
    driver: str | None = None
    modules: tuple[str, ...] = ()
    decodes: bool | None = None
    missing: tuple[int, ...] = ()

    @property
    def claimant(self) -> str:
        """The name of what claims the device's BARs, in words where it is not known."""
        return self.driver or f"the driver of {self.bdf}"

    def bar(self, index: int) -> Bar | None:
        """The BAR of that number; 6 is the ROM."""
        return next((bar for bar in self.bars if bar.index == index), None)


def parse_lspci(text: str | bytes, *, source: str = "<lspci>") -> tuple[Device, ...]:
    """The devices in the output of lspci (-v to -vvv, -n, -nn, -k, -x), quoted or indented.

    Skips BARs of virtual functions, bridge windows and hex dumps. TextError for a text without a
    device, or with an impossible region.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    raw = text.splitlines()
    if len(raw) > LINES:
        raise TextError(source, LINES + 1, f"expected at most {LINES} lines, got more")
    lines = [_QUOTE.sub("", line[:LONGEST]).rstrip() for line in raw]
    heads: list[tuple[int, str]] = []
    for i, line in enumerate(lines):
        if head := _FUNCTION.match(line if heads else line.lstrip()):
            heads.append((i, full_bdf(head[1])))
    found: dict[str, Device] = {}
    for (start, bdf), (end, _) in pairwise([*heads, (len(lines), "")]):
        if len(found) == MANY and bdf not in found:
            raise TextError(source, start + 1, f"expected at most {MANY} functions, got more")
        device = _device(bdf, lines, start + 1, end, source)
        if bdf not in found or not (found[bdf].bars or found[bdf].missing):
            found[bdf] = device  # of a text pasted twice the first counts
    if not found:
        first = next((line for line in raw if line.strip()), "")
        shown = f"'{printable(first[:60])}'" if first else "an empty text"
        raise TextError(
            source,
            1,
            "expected what lspci -v prints, beginning with a line like "
            f"'00:1f.0 ISA bridge: ...', got {shown}",
        )
    # lspci prints drivers for all devices or, without /sys, for none
    told = any(_DRIVER.match(line) or _MODULES.match(line) for line in lines)
    none = "" if told else None
    return tuple(one if one.driver else replace(one, driver=none) for one in found.values())


def _device(bdf: str, lines: list[str], start: int, end: int, source: str) -> Device:
    """Read the lines below a device's first one."""
    regions: dict[int, Bar | None] = {}
    facts: dict[str, Any] = {}
    deep: int | None = None  # the indent of the capability around the line
    for number, line in enumerate(lines[start:end], start + 1):
        if capability := _CAPABILITY.match(line):
            deep = len(capability[1].expandtabs())
        elif region := _REGION.match(line):
            # regions below SR-IOV belong to virtual functions
            if deep is None or len(region["indent"].expandtabs()) <= deep:
                _add(region, regions, bdf, source, number)
        elif driver := _DRIVER.match(line):
            facts["driver"] = driver[1]
        elif modules := _MODULES.match(line):
            facts["modules"] = tuple(modules[1].replace(",", " ").split())
        elif decodes := _DECODES.match(line):
            facts["decodes"] = decodes["memory"] == "+"
    bars = tuple(bar for bar in regions.values() if bar is not None)
    missing = tuple(index for index, bar in regions.items() if bar is None)
    return Device(bdf, bars, missing=missing, **facts)


def _add(
    region: re.Match[str], regions: dict[int, Bar | None], bdf: str, source: str, number: int
) -> None:
    """Add a region's BAR, None if lspci printed no address or no size."""
    words = region["words"].lstrip()
    if region["plain"]:
        words = f"{region['plain']} {words}"
    match = _AT.match(words)
    if match is None:
        if region["index"] is None:
            return
        shown = printable(region["words"][:60])
        raise TextError(source, number, f"expected 'Memory at' or 'I/O ports at', got '{shown}'")
    if region["rom"]:
        index = ROM
    elif region["index"] is None:  # lspci -v prints no numbers, only the order
        index = next((i for i in range(ROM) if i not in regions), ROM)
    else:
        index = int(region["index"])
    if index > ROM or index in regions:
        if region["index"] is None:
            return
        raise TextError(
            source, number, f"expected each of Region 0 to 5 once in {bdf}, got Region {index}"
        )
    regions[index] = None
    if match["at"][0] == "<" or not int(match["size"] or 0):
        return
    start = int(match["at"], 16)
    size = int(match["size"]) << "KMGT".find(match["unit"] or " ") * 10 + 10
    if start + size > 1 << 64:
        raise TextError(source, number, f"expected a range below 2^64, got {size} at {start:#x}")
    flags = fl.IORESOURCE_IO if match["what"] == "I/O ports" else fl.IORESOURCE_MEM
    if flags == fl.IORESOURCE_MEM and "non-prefetchable" not in words and "prefetchable" in words:
        flags |= fl.IORESOURCE_PREFETCH
    regions[index] = Bar(index, start, start + size - 1, flags)


def full_bdf(text: str) -> str:
    """A PCI address with its domain, of at least four digits, in lower case."""
    text = text.lower()
    return text if text.count(":") == 2 else f"0000:{text}"
