"""How each program of data/reproducers is run: its arguments, and how the guest is prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.scenarios.machines import PC
from devmemkit.scenarios.stories.reproducer import NO_DEVICE, PMEM_DEVICE, Device, ramoops

RAMOOPS = "/sys/bus/platform/drivers/ramoops ramoops"
NOBODY = 0xE000_0000
"""An address of the PCI bus without a device: all bits read as 1, and ipmi_si gives up."""
BIG_MIB, BIG_BAR = 1024, 0x8000_0000
"""The size of a BAR that takes a while to map, and the address that the firmware gives it."""


@dataclass(frozen=True)
class Run:
    """The arguments of a program, the guest `calls` before it, and the `device` that it binds."""

    arguments: str
    calls: tuple[Mapping[str, Any], ...] = ()
    shared_mib: int = 64
    device: Device = NO_DEVICE


def _claims(arguments: str, start: int, size: int, *, shared_mib: int = 64) -> Run:
    """A run in which ramoops, loaded beforehand for this range, claims it when it binds."""
    call = {"operation": "request_mem_region", "start": start, "size": size, "name": "ramoops"}
    return Run(f"{arguments} {RAMOOPS}", (call,), shared_mib, ramoops(start, size))


def _with(run: Run, word: str) -> Run:
    """The run with one more argument at the end."""
    return replace(run, arguments=f"{run.arguments} {word}")


def _made(length: int) -> Run:
    return _claims(f"/dev/mem {BIG_BAR:#x} {length:#x}", BIG_BAR, 0x1000, shared_mib=BIG_MIB)


def _first_page(start: int) -> Run:
    page = 0x5000
    arguments = f"/sys/bus/pci/devices/{PC.ivshmem}/resource2 {page:#x} {PC.ivshmem_bar + page:#x}"
    return _claims(arguments, start, 0x8000)


def _nd_pmem(address: int) -> Run:
    bound = {"bdf": "namespace0.0", "driver": "nd_pmem"}
    calls = ({"operation": "bind", **bound}, {"operation": "unbind", **bound})
    arguments = f"/dev/mem {address:#x} /sys/bus/nd/drivers/nd_pmem namespace0.0"
    return Run(arguments, calls, device=PMEM_DEVICE)


def _low_megabyte(address: int) -> Run:
    """A run in which ipmi_si claims registers at `address`, finds no controller, and lets go."""
    module = {"operation": "load_module", "name": "ipmi_si", "parameters": "unload_when_empty=0"}
    told = "/sys/module/ipmi_si/parameters/hotmod"
    return Run(f"/dev/mem {address:#x} {told} add,kcs,mem,{address:#x}", (module,))


RUNS: dict[str, tuple[Run, ...]] = {
    "mapping-in-the-making": (_made(BIG_MIB << 20), _with(_made(0x1000), "200000")),
    "unaligned-claim": (
        _claims(f"/dev/mem {PC.pmem + 0x1800:#x} 0x1000", PC.pmem + 0x1800, 0x1000),
        _claims(f"/dev/mem {PC.pmem + 0x1000:#x} 0x2000", PC.pmem + 0x1000, 0x2000),
    ),
    "first-page-check": (_first_page(PC.ivshmem_bar + 0x4000), _first_page(PC.ivshmem_bar)),
    "removal-leaves-mapped": (Run(f"/sys/bus/pci/devices/{PC.ivshmem} 2"),),
    "low-megabyte": (_low_megabyte(0xB0000), _low_megabyte(NOBODY)),
    "dead-mapping": (
        _claims(f"/dev/mem {PC.pmem:#x}", PC.pmem, 0x1000),
        _with(_claims(f"/dev/mem {PC.pmem:#x}", PC.pmem, 0x1000), "uncached"),
    ),
    "nd-pmem-gaps": (
        _nd_pmem(PC.pmem),
        _claims(f"/dev/mem {PC.pmem:#x}", PC.pmem, 0x1000),  # a driver that claims once
    ),
    "held-write": (_nd_pmem(PC.pmem + 0x4_0000), _with(_nd_pmem(PC.pmem + 0x4_0000), "late")),
}
"""By name: the run that reproduces, and its control (without one, older kernels are it)."""
