"""The BARs and drivers of PCI functions, from the output of `lspci -v`.

Source: pciutils, ls-kernel.c and lspci.c (show_bases, show_rom, show_kernel).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text.iomem import LINES, DumpError

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


@dataclass(frozen=True, slots=True)
class Region:
    """A line about a BAR; `start` and `size` are None if lspci printed none."""

    index: int
    memory: bool
    start: int | None
    size: int | None
    prefetch: bool = False

    @property
    def bar(self) -> Bar | None:
        """The BAR; None if its address or its size is unknown."""
        if self.start is None or not self.size:
            return None
        kind = fl.IORESOURCE_MEM if self.memory else fl.IORESOURCE_IO
        flags = kind | (fl.IORESOURCE_PREFETCH if self.prefetch else 0)
        return Bar(self.index, self.start, self.start + self.size - 1, flags)


@dataclass(slots=True)
class Function:
    """A PCI function by its address with domain: regions, bound driver, matching modules.

    `decodes` says whether it answers to memory accesses (Control: Mem+), None if not printed.
    """

    bdf: str
    regions: list[Region] = field(default_factory=list)
    driver: str | None = None
    modules: tuple[str, ...] = ()
    decodes: bool | None = None


def parse_lspci(text: str | bytes, *, source: str = "<lspci>") -> tuple[Function, ...]:
    """The functions in the output of lspci (-v to -vvv, -n, -nn, -k, -x), quoted or indented.

    Skips BARs of virtual functions, bridge windows and hex dumps. DumpError for a text without a
    function, or with an impossible region.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    found: dict[str, Function] = {}
    at: Function | None = None
    deep: int | None = None
    lines = text.splitlines()
    if len(lines) > LINES:
        raise DumpError(source, LINES + 1, f"expected at most {LINES} lines, got more")
    for number, raw in enumerate(lines, 1):
        line = _QUOTE.sub("", raw[:LONGEST]).rstrip()
        head = _FUNCTION.match(line.lstrip() if at is None else line)
        if head is not None:
            bdf = full_bdf(head[1])
            if len(found) == MANY and bdf not in found:
                raise DumpError(source, number, f"expected at most {MANY} functions, got more")
            at = Function(bdf)
            deep = None
            if (
                bdf not in found or not found[bdf].regions
            ):  # a text pasted twice: the first one counts
                found[bdf] = at
        elif at is not None:
            deep = _detail(line, number, at, deep, source)
    if not found:
        first = next((line for line in lines if line.strip()), "")
        shown = f"'{printable(first[:60])}'" if first else "an empty text"
        raise DumpError(
            source,
            1,
            "expected what lspci -v prints, beginning with a line like "
            f"'00:1f.0 ISA bridge: ...', got {shown}",
        )
    return tuple(found.values())


def _detail(line: str, number: int, at: Function, deep: int | None, source: str) -> int | None:
    """Read one line below a function's; `deep` is the indent of the capability around it."""
    if capability := _CAPABILITY.match(line):
        return len(capability[1].expandtabs())
    if region := _REGION.match(line):
        inside = deep is not None and len(region["indent"].expandtabs()) > deep
        if not inside:  # regions below SR-IOV belong to virtual functions
            _add(region, number, at, source)
    elif driver := _DRIVER.match(line):
        at.driver = driver[1]
    elif modules := _MODULES.match(line):
        at.modules = tuple(modules[1].replace(",", " ").split())
    elif decodes := _DECODES.match(line):
        at.decodes = decodes["memory"] == "+"
    return deep


def _add(region: re.Match[str], number: int, at: Function, source: str) -> None:
    words = region["words"]
    if region["plain"]:
        words = f"{region['plain']} {words.lstrip()}"
    match = _AT.match(words.lstrip())
    if match is None:
        if region["index"] is None:
            return
        shown = printable(words[:60])
        raise DumpError(source, number, f"expected 'Memory at' or 'I/O ports at', got '{shown}'")
    taken = {one.index for one in at.regions}
    if region["rom"]:
        index = ROM
    elif region["index"] is None:  # lspci -v prints no numbers, only the order
        index = next((i for i in range(ROM) if i not in taken), ROM)
    else:
        index = int(region["index"])
    if index > ROM or index in taken:
        if region["index"] is None:
            return
        raise DumpError(
            source, number, f"expected each of Region 0 to 5 once in {at.bdf}, got Region {index}"
        )
    size = match["size"] and int(match["size"]) << "KMGT".find(match["unit"] or " ") * 10 + 10
    start = int(match["at"], 16) if match["at"][0] != "<" else None
    if start is not None and size and start + size > 1 << 64:
        raise DumpError(source, number, f"expected a range below 2^64, got {size} at {start:#x}")
    memory = match["what"] != "I/O ports"
    prefetch = memory and "non-prefetchable" not in words and "prefetchable" in words
    at.regions.append(Region(index, memory, start, size or None, prefetch))


def full_bdf(text: str) -> str:
    """A PCI address with its domain, of at least four digits, in lower case."""
    text = text.lower()
    return text if text.count(":") == 2 else f"0000:{text}"
