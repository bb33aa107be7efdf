"""The lab's arm64 machine as Linux 6.12 shows it, without what only that kernel puts in its RAM."""

from __future__ import annotations

import json
from pathlib import Path

from devmemkit.scenarios.machines import VIRT

IOMEM = """\
09000000-09000fff : pl011@9000000
  09000000-09000fff : 9000000.pl011 pl011@9000000
09010000-09010fff : pl031@9010000
  09010000-09010fff : rtc-pl031
09030000-09030fff : pl061@9030000
  09030000-09030fff : 9030000.pl061 pl061@9030000
10000000-3efeffff : pcie@10000000
  10000000-1001ffff : 0000:00:03.0
  10020000-100200ff : 0000:00:05.0
40000000-afffffff : System RAM
  40200000-41f3ffff : Kernel code
  41f40000-4224ffff : reserved
  42250000-4270ffff : Kernel data
4010000000-401fffffff : PCI ECAM
8000000000-ffffffffff : pcie@10000000
  8000000000-8003ffffff : 0000:00:05.0
  8004000000-8004003fff : 0000:00:04.0
"""
CLAIMS = {
    "10000000-1001ffff : 0000:00:03.0": "    10000000-1001ffff : e1000",
    "00001000-0000103f : 0000:00:03.0": "    00001000-0000103f : e1000",
    "42250000-4270ffff : Kernel data": "b0000000-bfffffff : namespace0.0",
    "8004000000-8004003fff : 0000:00:04.0": "    8004000000-8004003fff : nvme",
}
"""What bound drivers add, behind which line."""
IOPORTS = """\
00000000-0000ffff : pcie@10000000
  00001000-0000103f : 0000:00:03.0
  00001040-0000105f : 0000:00:06.0
    00001040-0000105f : virtio-pci-legacy
"""
BARS = {
    VIRT.e1000: {0: (0x1000_0000, 0x1001_FFFF, 0x40200), 1: (0x1000, 0x103F, 0x40101)},
    VIRT.nvme: {0: (0x80_0400_0000, 0x80_0400_3FFF, 0x140204)},
    VIRT.ivshmem: {
        0: (0x1002_0000, 0x1002_00FF, 0x40200),
        2: (0x80_0000_0000, 0x80_03FF_FFFF, 0x14220C),
    },
    "0000:00:06.0": {0: (0x1040, 0x105F, 0x40101)},
}
DRIVERS = {VIRT.e1000: "e1000", VIRT.nvme: "nvme"}


def bound(text: str) -> str:
    """IOMEM or IOPORTS when every driver has bound."""
    lines = []
    for line in text.splitlines():
        lines += [line, *(claim for at, claim in CLAIMS.items() if line.strip() == at)]
    return "\n".join(lines) + "\n"


def write_machine(folder: Path) -> None:
    """Write the machine to a folder as the lab records one, unless there is a recorded one."""
    if folder.exists():
        return
    for state in ("idle", "bound"):
        (folder / state).mkdir(parents=True)
        (folder / state / "iomem").write_text(bound(IOMEM) if state == "bound" else IOMEM)
        (folder / state / "ioports").write_text(bound(IOPORTS) if state == "bound" else IOPORTS)
        pci = {
            bdf: {
                "resource": text,
                "driver": "virtio-pci" if bdf == "0000:00:06.0"
                else DRIVERS.get(bdf) if state == "bound" else None,
            }
            for bdf, text in resources().items()
        }  # fmt: skip
        (folder / state / "pci.json").write_text(json.dumps(pci))
    (folder / "machine.json").write_text(json.dumps({"physical_address_bits": 48}))


def resources() -> dict[str, str]:
    """The text of `resource` of each device."""
    return {
        bdf: "".join(
            f"0x{a:016x} 0x{b:016x} 0x{flags:016x}\n"
            for a, b, flags in (bars.get(index, (0, 0, 0)) for index in range(13))
        )
        for bdf, bars in BARS.items()
    }
