"""What is known of a machine; a field that is None is unknown, and the answer covers each case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from devmemkit.model import flags as fl
from devmemkit.model.pci.device import BDF, Bar
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text import TextError, architecture
from devmemkit.text.iomem import Dump, parse
from devmemkit.text.iomem_tree import tree_of
from devmemkit.text.lspci import Device, parse_lspci
from devmemkit.text.one_dump import one_dump
from devmemkit.text.pci_resource import bars_of, parse_resources

SOMEWHERE = 0xE000_0000
"""Where a place is supposed that nobody tells: where BARs usually are, and RAM may be."""


@dataclass(frozen=True)
class Description:
    """What is known of a machine; None means unknown.

    `devices` are those that a text tells of, `release` is uname -r, `config` maps CONFIG_X to "y",
    "m" or "n", `lockdown` is the state in force ("" for a kernel without lockdown), `phys_bits` the
    width of a physical address. `root` and `capable` describe the process (None: as root), `group`
    says whether it is in the group of /dev/mem, `modes` has the modes of files by path,
    `dev_mem` and `dev_port` say whether the nodes exist, `mtrr_uc` lists the page ranges (first,
    last) that the MTRRs make uncachable, `mounts` has the options of /dev, /sys and /proc that
    decide about their files.
    """

    iomem: Dump | None = None
    ioports: Dump | None = None
    devices: Mapping[str, Device] = field(default_factory=dict)
    release: str | None = None
    arch: str | None = None
    config: Mapping[str, str] | None = None
    cmdline: str | None = None
    lockdown: str | None = None
    phys_bits: int | None = None
    root: bool | None = None
    capable: bool | None = None
    group: bool | None = None
    modes: Mapping[str, int] = field(default_factory=dict)
    dev_mem: bool | None = None
    dev_port: bool | None = None
    mtrr_uc: tuple[tuple[int, int], ...] = ()
    mounts: Mapping[str, frozenset[str]] | None = None

    @cached_property
    def found(self) -> Mapping[str, Device]:
        """The devices; those whose BARs no text tells have the regions of the dumps."""
        dumped = {bdf: self.devices.get(bdf, Device(bdf)) for bdf in self._regions}
        numbered = {
            bdf: replace(one, bars=tuple(_numbered(self._regions[bdf])))
            for bdf, one in dumped.items()
            if not (one.bars or one.missing)
        }
        return {**self.devices, **numbered}

    @cached_property
    def _regions(self) -> Mapping[str, list[Bar]]:
        """The regions of each device in the dumps, memory before ports, without numbers.

        Those that somebody has claimed come first: a driver claims BARs, never the ROM.
        """
        regions: dict[str, list[Bar]] = {}
        for dump, kind in ((self.iomem, fl.IORESOURCE_MEM), (self.ioports, fl.IORESOURCE_IO)):
            if dump is None:
                continue
            claimed = set(dump.parents)
            order = sorted(range(len(dump.entries)), key=lambda at: at not in claimed)
            for entry in map(dump.entries.__getitem__, order):
                if BDF.fullmatch(entry.name) and entry.start <= entry.end:
                    regions.setdefault(entry.name, []).append(Bar(0, *entry[:2], kind))
        return regions

    @cached_property
    def memory(self) -> Resource | None:
        """The tree of /proc/iomem, None without a dump; many answers share it, so only read it."""
        return self._tree(self.iomem)

    @cached_property
    def ports(self) -> Resource | None:
        """The tree of /proc/ioports, as `memory`."""
        return self._tree(self.ioports, ports=True)

    def _tree(self, dump: Dump | None, *, ports: bool = False) -> Resource | None:
        if dump is None:
            return None
        return tree_of(dump, root_end=fl.U64, ports=ports, pc=self.rules == "x86_64")

    @cached_property
    def needed_bits(self) -> int:
        """Bits of the highest address in the description."""
        ends = [entry.end for entry in self.iomem.entries] if self.iomem else []
        ends += [bar.end for device in self.found.values() for bar in device.bars]
        return max(ends, default=0).bit_length()

    def assumes(self, bdf: str) -> bool:
        """Whether a device's BARs have numbers that are assumed."""
        return bdf in self.found and self.found[bdf] is not self.devices.get(bdf)

    def holders(self, address: int) -> Iterator[tuple[Device, Bar]]:
        """The devices whose memory contains an address, each with its BAR (6: the ROM)."""
        for device in self.found.values():
            for bar in device.bars:
                if bar.memory and bar.start <= address <= bar.end:
                    yield device, bar

    @cached_property
    def shown_architecture(self) -> str | None:
        """The architecture that the description shows, an unknown one by its own name."""
        told = self.arch and (architecture.named(self.arch) or printable(self.arch[:20]))
        told = told or architecture.of_config(self.config) or architecture.of_release(self.release)
        return told or architecture.of_dump(self.iomem)

    @property
    def architecture(self) -> str:
        """The machine's architecture; x86_64 if nothing in the description shows another."""
        return self.shown_architecture or "x86_64"

    @property
    def foreign(self) -> str:
        """The architecture if it is not x86, else ""."""
        return "" if self.architecture in architecture.X86 else self.architecture

    @property
    def rules(self) -> str:
        """The architecture whose rules the model follows, one of model.features.ARCHITECTURES."""
        if self.architecture in architecture.X86:
            return "x86_64"
        return "arm64" if self.architecture == "arm64" else "other"

    @property
    def shown_page_shift(self) -> int | None:
        """The page size as a power of two, None if the description does not show it."""
        shown = architecture.page_shift_of(self.config, self.release)
        return shown if self.rules == "arm64" else fl.PAGE_SHIFT

    @property
    def page_shift(self) -> int:
        """The page size as a power of two; 12 if the description does not show it."""
        return self.shown_page_shift or fl.PAGE_SHIFT

    @property
    def this_architecture(self) -> str:
        """The architecture as a sentence names it, also one without a name."""
        return "this architecture" if self.foreign == architecture.OTHER else self.architecture


def _numbered(regions: list[Bar]) -> Iterator[Bar]:
    """The BARs that a device may have: its one region by any number, else in order."""
    numbers = range(6)
    for index, region in zip(numbers, regions * 6 if len(regions) == 1 else regions, strict=False):
        yield Bar(index, region.start, region.end, region.flags)


def dump_of(text: str | bytes, source: str, *, ports: bool = False) -> Dump:
    """The dump of /proc/iomem, or ioports, in a text; TextError for none with addresses, or two."""
    dump = one_dump(parse(text, source=source), source=source, ports=ports)
    if dump.masked:
        raise TextError(source, 1, "expected addresses, got zeroes only: it must be read by root")
    return dump


def with_lspci(known: Description, text: str | bytes, source: str) -> Description:
    """The description with the devices that lspci printed added."""
    found = {one.bdf: one for one in parse_lspci(text, source=source)}
    return replace(known, devices={**known.devices, **found})


def with_resource(
    known: Description, bdf: str | None, text: str | bytes, source: str
) -> Description:
    """The description with the BARs from `resource` files; `bdf` is whose a file without name is.

    TextError if nothing says whose it is, or if the files are of other devices than `bdf`.
    """
    found = parse_resources(text, source=source)
    if "" in found and bdf is not None:
        found = {bdf: found[""]}
    if "" in found or (bdf is not None and bdf not in found):
        wanted = f"a resource file of {bdf}" if bdf else "--bdf, or the files' names in the text"
        got = "none" if "" in found else f"those of {', '.join([*found][:3])}"
        raise TextError(source, 1, f"expected {wanted}, got {got}")
    devices = {
        name: replace(
            known.devices.get(name, Device(name)), bars=bars_of(rows), missing=(), numbered=True
        )
        for name, rows in found.items()
    }
    return replace(known, devices={**known.devices, **devices})


def with_device(known: Description, bdf: str, given: Mapping[str, Any]) -> Description:
    """The description with the trace's device; one that has not got it is of another machine."""
    if bdf in known.found:
        return known
    start = given.get("address", SOMEWHERE)
    bars: tuple[Bar, ...] = ()
    if given["via"] == "sysfs" or "address" in given:
        length = given.get("offset", 0) + given.get("length", 1)
        end = start + max(1 << known.page_shift, 1 << (length - 1).bit_length()) - 1
        bars = (Bar(given.get("bar", 0), start, end, fl.IORESOURCE_MEM | fl.IORESOURCE_PREFETCH),)
    device = Device(bdf, bars, driver="", missing=tuple(bar.index for bar in bars))
    return replace(known, iomem=None, ioports=None, devices={bdf: device})
