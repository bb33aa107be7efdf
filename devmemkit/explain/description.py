"""What is known of a machine; a field that is None is unknown, and the answer covers each case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from devmemkit.model.pci.device import Bar
from devmemkit.text import TextError
from devmemkit.text.iomem import Dump, parse
from devmemkit.text.lspci import Device, parse_lspci
from devmemkit.text.pci_resource import bars_of, parse_resource


@dataclass(frozen=True)
class Description:
    """What is known of a machine; None means unknown.

    `release` is uname -r, `config` maps CONFIG_X to "y", "m" or "n", `lockdown` is the state in
    force ("" for a kernel without lockdown), `phys_bits` the width of a physical address. `root`
    and `capable` describe the process (None: as root), `dev_mem` and `dev_port` say whether the
    nodes exist, `mtrr_uc` lists the page ranges (first, last) that the MTRRs make uncachable.
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
    dev_mem: bool | None = None
    dev_port: bool | None = None
    mtrr_uc: tuple[tuple[int, int], ...] = ()

    def holders(self, address: int) -> Iterator[tuple[Device, Bar]]:
        """The devices whose memory contains an address, each with its BAR (6: the ROM)."""
        for device in self.devices.values():
            for bar in device.bars:
                if bar.memory and bar.start <= address <= bar.end:
                    yield device, bar

    @property
    def x86(self) -> bool:
        """False if the description says that the machine has another architecture."""
        named = self.arch in (None, "x86_64", "i386", "i486", "i586", "i686", "amd64")
        return named and (self.config is None or self.config.get("CONFIG_X86", "y") != "n")


def dump_of(text: bytes, source: str) -> Dump:
    """A dump of /proc/iomem or ioports with addresses; TextError for one without."""
    dump = parse(text, source=source)
    if not any(entry.end for entry in dump.entries):
        raise TextError(source, 1, "expected addresses, got zeroes only: it must be read by root")
    return dump


def with_lspci(known: Description, text: bytes, source: str) -> Description:
    """The description with the devices that lspci printed added."""
    found = {one.bdf: one for one in parse_lspci(text, source=source)}
    return replace(known, devices={**known.devices, **found})


def with_resource(known: Description, bdf: str, text: bytes, source: str) -> Description:
    """The description with the BARs from a device's `resource` file."""
    bars = bars_of(parse_resource(text, source=source))
    device = known.devices.get(bdf, Device(bdf))
    return replace(known, devices={**known.devices, bdf: replace(device, bars=bars, missing=())})
