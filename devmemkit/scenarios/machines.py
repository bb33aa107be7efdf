"""Recorded machines as states of the model: resource trees and PCI devices of real kernels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from os.path import exists
from pathlib import Path
from typing import Any

from devmemkit.host.files import read
from devmemkit.model import flags as fl
from devmemkit.model.drivers.nvdimm import Namespace, namespaces
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.mm.memtype import WB, Memtype
from devmemkit.model.pci.device import Bar, PciDevice
from devmemkit.model.resource.tree import Resource
from devmemkit.text.architecture import flavour
from devmemkit.text.iomem import parse
from devmemkit.text.iomem_tree import tree_of
from devmemkit.text.pci_resource import bars_of, parse_resource

MTRR_UC = {"2g": 2, "5g": 3}
"""Uncachable in /proc/mtrr of the recorded guests: from so many GiB to 4 GiB, set by SeaBIOS."""

IO_SPACE_LIMIT = {"x86_64": 0xFFFF, "arm64": 0xFF_FFFF}
"""The last I/O port by architecture (arm64: PCI_IO_SIZE is 16 MiB)."""

PHYS_BITS = 46
"""Bits of a physical address, assumed for an iomem dump alone."""

NAMESPACE, DISK = "namespace0.0", "pmem0"
"""The persistent memory's namespace, and its disk once nd_pmem has bound."""


@dataclass(frozen=True)
class Lab:
    """One of the lab's machines: its architecture, its memory in MiB, and what lies where.

    `pmem` to `pmem_end` is idle persistent memory. `ivshmem` is a device without a driver, its BAR
    2 has 64 MiB; `nvme` and `e1000` have drivers, their BAR 0 has 16 and 128 KiB. `proc_bus` is
    their bus in /proc/bus/pci. At `ram` is System RAM, `busy` begins a page that is always claimed,
    at `hole` nothing answers, at `no_node` something that is not in the tree, and `outside` is
    beyond the end of the tree (0 where it has every address).
    """

    name: str
    arch: str
    memory: int
    pmem: int
    pmem_end: int
    ivshmem: str
    ivshmem_bar: int
    nvme: str
    nvme_bar: int
    e1000: str
    e1000_bar: int
    proc_bus: str
    ram: int
    busy: int
    hole: int
    no_node: int
    outside: int
    page_shift: int = fl.PAGE_SHIFT

    @property
    def flavour(self) -> str:
        """The kernels that run there: the architecture, and the size of their pages if unusual."""
        return flavour(self.arch, self.page_shift)


PC = Lab(
    "2g", "x86_64", 2048,
    pmem=0x4000_0000, pmem_end=0x4FFF_FFFF,
    ivshmem="0000:00:05.0", ivshmem_bar=0xF800_0000,
    nvme="0000:00:04.0", nvme_bar=0xFEBF_0000,
    e1000="0000:00:03.0", e1000_bar=0xFEBC_0000,
    proc_bus="00", ram=0x20_0000, busy=0xFEC0_0000, hole=0xD000_0000, no_node=1 << 39,
    outside=1 << 40,
)  # fmt: skip
"""The first machine (data/machines/README.md)."""
VIRT = Lab(
    "arm64", "arm64", 2048,
    pmem=0xB000_0000, pmem_end=0xBFFF_FFFF,
    ivshmem="0000:00:05.0", ivshmem_bar=0x80_0000_0000,
    nvme="0000:00:04.0", nvme_bar=0x80_0400_0000,
    e1000="0000:00:03.0", e1000_bar=0x1000_0000,
    proc_bus="0000:00", ram=0x6000_0000, busy=0x0901_0000, hole=0x3000_0000, no_node=0, outside=0,
)  # fmt: skip
"""QEMU's `virt`; 0 is its flash, and nothing in the tree says where its persistent memory is."""
LABS = {
    lab.name: lab
    for lab in (
        *(PC, replace(PC, name="5g", memory=5120)),
        *(VIRT, replace(VIRT, name="arm64-16k", page_shift=14)),
    )
}
"""The lab's machines by name; the 5 GiB of "5g" reach above the BARs."""


def drivers(lab: str) -> dict[str, str]:
    """The drivers of a machine of LABS, by device."""
    return {LABS[lab].e1000: "e1000", LABS[lab].nvme: "nvme", NAMESPACE: "nd_pmem"}


CHECKOUT = Path(__file__).resolve().parents[2]
"""Where the checkout is if this package is in one."""

VIAS = ("devmem", "sysfs")
"""The files through which processes map."""


def check_via(via: str) -> None:
    """ValueError for a file other than those of VIAS."""
    if via not in VIAS:
        raise ValueError(f"via: expected one of {', '.join(VIAS)}; got {via!r}")


def data_dir() -> Path:
    """The checkout's data folder: in or above the current directory, else beside the package.

    Raises FileNotFoundError when there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, CHECKOUT):
        if (folder / "data" / "machines").is_dir():
            return folder / "data"
    raise FileNotFoundError("data/machines: expected in a checkout of devmemkit, found none")


def recorded() -> tuple[str, ...]:
    """Names of the recorded machines, oldest kernel first."""
    folder = str(data_dir() / "machines")  # not by pathlib: a replay asks for thousands of times
    found = [name for name in os.listdir(folder) if exists(f"{folder}/{name}/machine.json")]
    return tuple(sorted(found, key=lambda name: ([*map(int, kernel_in(name).split("."))], name)))


def kernel_in(name: str) -> str:
    """The kernel of a recorded machine: "6.12" of "qemu-6.12" and of "qemu-6.12-5g"."""
    return name.split("-")[1]


def lab_in(name: str) -> Lab:
    """The machine of LABS that was recorded: the second for "qemu-6.12-5g"."""
    return LABS[(*name.split("-", 2), "2g")[2]]


def label(version: str, lab: str) -> str:
    """A kernel on a machine of LABS, as files are named: "6.12", or "6.12-5g" on the second."""
    return version if lab == "2g" else f"{version}-{lab}"


def load_machine(name: str, kernel: KernelProfile, *, state: str = "idle") -> Machine:
    """A machine before any process runs: a recorded one by name, or the path of an iomem dump.

    A recorded machine gives the kernel its architecture and the size of its pages. `state` is
    "idle" (no PCI driver loaded) or "bound"; a machine of a dump alone has no ports and no PCI
    devices. ValueError for another name or state, TextError for a bad dump.
    """
    if state not in ("idle", "bound"):
        raise ValueError(f"state: expected idle or bound, got {state!r}")
    if name in recorded():
        lab = lab_in(name)
        kernel = replace(kernel, arch=lab.arch, page_shift=lab.page_shift)
        return assemble(kernel, *_parsed(data_dir() / "machines" / name, state))
    path = Path(name)
    if not path.is_file():
        known = ", ".join(recorded())
        raise ValueError(f"machine: expected {known} or the path of an iomem dump; got {name!r}")
    dump = parse(read(name), source=path.name)
    bits = max(PHYS_BITS, *(entry.end.bit_length() for entry in dump.entries))
    return assemble(kernel, tree_of(dump, root_end=(1 << bits) - 1), bits, {})


@cache  # a replay asks for the same machine hundreds of times
def _parsed(folder: Path, state: str) -> tuple[Resource, int, Mapping[Key, Any]]:
    """The resource tree, the width of an address and the other components of a recorded machine."""
    bits: int = json.loads((folder / "machine.json").read_text())["physical_address_bits"]
    iomem, ioports = (
        parse((folder / state / name).read_text(), source=f"{folder.name}/{state}/{name}")
        for name in ("iomem", "ioports")
    )
    lab = lab_in(folder.name)
    tree = tree_of(iomem, root_end=(lab.outside or 1 << 64) - 1)
    port_tree = tree_of(ioports, root_end=IO_SPACE_LIMIT[lab.arch], ports=True)
    pci, bound = (json.loads((folder / s / "pci.json").read_text()) for s in (state, "bound"))
    more: dict[Key, Any] = {"ioport": port_tree}
    if lab.name in MTRR_UC:
        ends = MTRR_UC[lab.name] << 30 >> fl.PAGE_SHIFT, (4 << 30 >> fl.PAGE_SHIFT) - 1
        more["mtrr_uc"] = (ends,)
    if not namespaces(tree):  # of_pmem has it from the device tree, and makes no node
        driver = "nd_pmem" if any(tree.overlapping(lab.pmem, lab.pmem_end)) else None
        more["nd", NAMESPACE] = Namespace(NAMESPACE, lab.pmem, lab.pmem_end, driver)
    for bdf, entry in pci.items():
        bars = bars_of(parse_resource(entry["resource"]))
        held = held_of(bars, tree, port_tree)
        more["pci", bdf] = PciDevice(bdf, bars, entry["driver"], held, bound[bdf]["driver"] or "")
    return tree, bits, more


def held_of(bars: Iterable[Bar], iomem: Resource, ports: Resource) -> tuple[int, ...]:
    """Indices of the BARs that a driver holds: those with a claim of exactly their bytes."""
    return tuple(bar.index for bar in bars if _claim_of(bar, iomem if bar.memory else ports))


def _claim_of(bar: Bar, tree: Resource) -> Resource | None:
    at: Resource | None = tree
    while at is not None:  # the BAR's own node has the same bytes, but is idle
        below = at.overlapping(bar.start, bar.end)
        at = next((n for n in below if n.start <= bar.start and n.end >= bar.end), None)
        if at is not None and at.busy and (at.start, at.end) == (bar.start, bar.end):
            return at
    return None


def assemble(kernel: KernelProfile, iomem: Resource, bits: int, more: Mapping[Key, Any]) -> Machine:
    """A booted machine with a tree and `more` components; ValueError unless `bits` is 32 to 64."""
    if not (isinstance(bits, int) and 32 <= bits <= 64):
        raise ValueError(f"machine: expected 32 to 64 address bits, got {bits!r}")
    ram = [node.end + 1 for node in iomem.walk() if node.system_ram]
    components = {"iomem": iomem, "iomem_inode": True, "clock": 0, **more}
    spaces = namespaces(iomem)
    components |= {("nd", space.name): space for space in spaces}
    mapped = [  # as memremap_pages left it
        Memtype(one.start >> fl.PAGE_SHIFT, one.end >> fl.PAGE_SHIFT, WB, ("driver", one.name))
        for one in spaces
        if one.driver
    ]
    if mapped:
        components["memtype"] = tuple(mapped)
    return Machine(kernel, components, high_memory=max(ram, default=0), phys_bits=bits)


def sources(name: str) -> list[Path]:
    """The files that load_machine reads for a machine, to record them as inputs of a run."""
    if name not in recorded():
        return [Path(name)]
    folder = data_dir() / "machines" / name
    return [folder / "machine.json", *sorted((folder / "idle").iterdir())]
