"""The BARs and drivers of PCI functions, from the output of `lspci -v`.

Source: pciutils, ls-kernel.c and lspci.c (show_bases, show_rom, show_kernel).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.iomem import LINES
from devmemkit.text.pasted.devices import AT, DRIVER, HEAD, MODULES, REGION, Part, parts
from devmemkit.text.pasted.line import typewritten, unmangled
from devmemkit.text.pasted.marks import refuse_diff, without_prefixes
from devmemkit.text.pasted.rows import decode

ROM = 6
LONGEST = 4096
"""Characters of a line that are read; real lines have some hundred."""
MANY = 1 << 16
"""Functions of one text at most; a bus has 256, a domain 65,536."""

_DECODES = re.compile(r"Control: I/O[+-] Mem([+-])")
_FORUM = re.compile(r"\[/?(?:code|quote|pre|spoiler)\b[^\]]{0,80}\]", re.I)
_ID = re.compile(r"\b[0-9a-f]{4}:[0-9a-f]{4}\b")


CLAIM_NOTHING = {
    "pcieport": "pcie_portdrv_probe, drivers/pci/pcie/portdrv.c",
    "pci-stub": "pci_stub_probe, drivers/pci/pci-stub.c",
    "pciback": "pcistub_init_device, drivers/xen/xen-pciback/pci_stub.c",
    "uio_pci_generic": "probe, drivers/uio/uio_pci_generic.c",
}
"""Drivers that claim no BAR of the devices to which they are bound, and where that is seen."""


@dataclass(frozen=True)
class Device:
    """A PCI device: BARs, bound driver, matching modules, whether it decodes memory (Mem+).

    `driver` is "" for none, and None where it is not known. `missing` lists BARs that the
    description names without address or size; `numbered` is False where lspci -v printed no
    numbers, so that they count in order (a 64-bit BAR takes two).
    """

    bdf: str
    bars: tuple[Bar, ...] = ()
    driver: str | None = None
    modules: tuple[str, ...] = ()
    decodes: bool | None = None
    missing: tuple[int, ...] = ()
    numbered: bool = True

    @property
    def claims(self) -> bool | None:
        """Whether the bound driver has claimed the BARs; None where that is not known.

        VFIO claims them only while a program uses the device (vfio_pci_core_setup_barmap, or
        vfio_pci_core_enable).
        """
        if self.driver is None or "vfio" in self.driver:
            return None
        return bool(self.driver) and self.driver not in CLAIM_NOTHING

    @property
    def claimant(self) -> str:
        """The name of what claims the device's BARs, in words where it is not known."""
        if self.claims is False and self.driver:
            return f"another driver of {self.bdf}"
        return self.driver or f"the driver of {self.bdf}"

    def bar(self, index: int) -> Bar | None:
        """The BAR of that number; 6 is the ROM."""
        return next((bar for bar in self.bars if bar.index == index), None)


def parse_lspci(text: str | bytes, *, source: str = "<lspci>") -> tuple[Device, ...]:
    """The devices in the output of lspci (-v to -vvv, -n, -nn, -k, -x), however it was pasted.

    Skips BARs of virtual functions, bridge windows and hex dumps; what several commands printed
    about a device is put together. TextError for a text without a device, a region that is
    impossible or below no device, and a device that appears twice with different contents.
    """
    raw = decode(text, []).splitlines()
    if len(raw) > LINES:
        raise TextError(source, LINES + 1, f"expected at most {LINES} lines, got more")
    lines = without_prefixes([_cleaned(line[:LONGEST]) for line in raw], HEAD.match)
    refuse_diff(lines, (HEAD, REGION, DRIVER), source)
    found: dict[str, tuple[Part, Device]] = {}
    told = False
    more: set[str] = set()  # devices of which all is printed, and more than the name
    for part in parts(lines, source):
        told |= any(DRIVER.match(line) or MODULES.match(line) for _, line in part.below)
        more |= {part.bdf} if part.below and not part.cut else set()
        if len(found) == MANY and part.bdf not in found:
            raise TextError(source, part.line, f"expected at most {MANY} functions, got more")
        device = _device(part, source)
        first, known = found.get(part.bdf, (part, device))
        found[part.bdf] = first, _both(first, known, part, device, source)
    if not found:
        got = next((line for line in raw if line.strip()), "")
        shown = f"'{printable(got[:60])}'" if got else "an empty text"
        raise TextError(
            source,
            1,
            "expected what lspci -v prints, beginning with a line like "
            f"'00:1f.0 ISA bridge: ...', got {shown}",
        )
    # lspci prints drivers for all of these or, without /sys, for none
    unbound = more if told else set()
    return tuple(
        one if one.driver else replace(one, driver="" if one.bdf in unbound else None)
        for _, one in found.values()
    )


def _cleaned(line: str) -> str:
    """A line without what browsers, mails, forums and cat -A put into it."""
    line = typewritten(unmangled(_FORUM.sub("", line))[0])
    return line.rstrip().removesuffix("$").removesuffix("^M").rstrip()


def _device(part: Part, source: str) -> Device:
    """Read the lines below a device's first one."""
    regions: dict[int, Bar | None] = {}
    facts: dict[str, Any] = {}
    virtual_functions = False
    free = 0  # the next BAR, where lspci prints no numbers
    for number, line in part.below:
        if line.startswith(("Capabilities: ", "Capability: ")):
            virtual_functions = "Single Root I/O" in line
        elif region := REGION.match(line):
            if virtual_functions:
                continue
            if region["rom"]:
                index = ROM
            else:
                index = int(region["index"] or free)
                free = index + (2 if "64-bit" in line else 1)
                facts["numbered"] = region["index"] is not None
            if index in regions or (index >= ROM and not region["rom"]):
                expected = f"expected each of Region 0 to 5 and the ROM once in {part.bdf}"
                raise TextError(source, number, f"{expected}, got '{printable(line[:60])}'")
            regions[index] = _bar(index, region["words"], source, number)
        elif driver := DRIVER.match(line):
            facts["driver"] = driver[1]
        elif modules := MODULES.match(line):
            facts["modules"] = tuple(modules[1].replace(",", " ").split())
        elif decodes := _DECODES.match(line):
            facts["decodes"] = decodes[1] == "+"
    bars = tuple(bar for bar in regions.values() if bar is not None)
    missing = tuple(index for index, bar in regions.items() if bar is None)
    return Device(part.bdf, bars, missing=missing, **facts)


def _bar(index: int, words: str, source: str, number: int) -> Bar | None:
    """The BAR that a line describes, None if lspci printed no address or no size."""
    match = AT.match(words)
    if match is None:
        shown = printable(words.strip()[:60])
        raise TextError(
            source, number, f"expected 'Memory at' or 'I/O ports at' and an address, got '{shown}'"
        )
    if not match["at"] or not int(match["size"] or 0):
        return None
    start = int(match["at"], 16)
    size = int(match["size"]) << "KMGT".find(match["unit"] or " ") * 10 + 10
    if start + size > 1 << 64:
        raise TextError(source, number, f"expected a range below 2^64, got {size} at {start:#x}")
    # lspci calls a region that the kernel alone knows [virtual], and its ports memory
    ports = match["what"] == "I/O ports" or ("[virtual]" in words and start + size <= 1 << 16)
    flags = fl.IORESOURCE_IO if ports else fl.IORESOURCE_MEM
    if not ports and "non-prefetchable" not in words and "prefetchable" in words:
        flags |= fl.IORESOURCE_PREFETCH
    return Bar(index, start, start + size - 1, flags)


def _both(first: Part, known: Device, part: Part, device: Device, source: str) -> Device:
    """A device from two outputs; TextError if they are of two machines, or of two moments."""
    if part is first:
        return device
    pairs = [(known.driver, device.driver), (known.modules, device.modules)]
    regions = [_regions(one, known.numbered and device.numbered) for one in (known, device)]
    if all(regions):
        same = regions[0] == regions[1] and all(a == b for a, b in pairs)
    else:
        same = all(a == b for a, b in pairs if a and b)
    decodes = {known.decodes, device.decodes} - {None}
    if not same or len(decodes) > 1 or not _same_name(first.what, part.what):
        raise TextError(
            source,
            part.line,
            f"expected the output of one machine, got {part.bdf} twice with different contents, "
            f"first on line {first.line}: keep one of the two",
        )
    better = device if regions[1] and (not regions[0] or not known.numbered) else known
    return replace(
        better,
        driver=known.driver or device.driver,
        modules=known.modules or device.modules,
        decodes=next(iter(decodes), None),
    )


def _regions(device: Device, numbered: bool) -> list[tuple[int, ...]]:
    """A device's regions in order, with or without their numbers, to compare them."""
    found = [(bar.index, bar.start, bar.end, bar.flags) for bar in device.bars]
    found += [(index, -1, -1, -1) for index in device.missing]
    return [one if numbered else (0, *one[1:]) for one in sorted(found)]


def _same_name(one: str, other: str) -> bool:
    """Whether two first lines can be one device's: by number if both have it, else by name."""
    if one == other:
        return True
    ids = [_ID.findall(what)[-1:] for what in (one, other)]
    if all(ids):
        return ids[0] == ids[1]
    names = [re.sub(r"\[[^\]]*(?:\]|$)|\(.*|[\W_]", "", what).lower() for what in (one, other)]
    numeric = any(re.match(r"\"?(?:Class )?[0-9a-f]{4}\b", what) for what in (one, other))
    return numeric or names[0].startswith(names[1]) or names[1].startswith(names[0])
