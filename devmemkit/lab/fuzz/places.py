"""Where random sequences map: fresh windows of memory, device registers, and refused places.

Up to 6.15 a kernel keeps some cache types of split mappings for good. So each sequence has its own
windows: memory that one may map write-back and another uncached is not used twice in a guest. The
other places are mapped with one type only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import PC
from devmemkit.scenarios.play import Act

WINDOW = 0x10000
"""Bytes of a window; sequences map its first half and claim anywhere in it."""
FIRST = 8
"""Number of the first window: its offsets are beyond the end of every BAR of registers."""
WINDOWS = (64 << 20) // WINDOW - FIRST
"""Number of windows in the 64 MiB BAR."""
HIGH = 1 << 32
"""An empty window of the PCI host bridge above 4 GiB."""
VGA, VGA_BAR = "0000:00:02.0", 0xFC00_0000
NOBODY = "0000:00:1f.0"
"""A PCI address without a device."""
HOLE = 0xD000_0000
"""An address of the PCI bus without a device."""


class Place(NamedTuple):
    """Physical pages that /dev/mem maps; `sync` is the only O_SYNC allowed, None for either."""

    start: int
    pages: int
    sync: bool | None


PLACES = (
    Place(0, 2, False),  # reserved, then RAM
    # RAM below 1 MiB, as far as every kernel reserves it: what ptrace can read depends on that
    Place(0x2000, 14, False),
    # no range across 0xa0000: a fixed MTRR ends there, and the model has no MTRRs
    Place(0x9_F000, 1, False),  # RAM, then reserved
    Place(0xA_0000, 16, None),  # the ISA range
    Place(0xC_0000, 16, None),  # ROM
    Place(0xF_0000, 16, None),
    Place(0x7FFD_8000, 8, False),  # reserved by the firmware
    Place(HOLE, 16, None),
    Place(0xFED0_0000, 1, None),  # the HPET is not
    Place(0xFFFC_0000, 16, None),  # the firmware's flash
    Place(VGA_BAR, 16, None),
    Place(0xFEBF_4000, 2, None),  # registers: VGA, then ivshmem
    Place(PC.e1000_bar, 32, None),
    Place(PC.nvme_bar, 4, None),
)
"""What /dev/mem shows besides the windows; the machine uses it, so nothing is stored there."""

REFUSED = (
    (0x10_0000, 1),  # System RAM
    (0x6000_0000, 1),
    (0x3FFF_F000, 2),  # System RAM before persistent memory, and behind it
    (0x4FFF_F000, 2),
    (0xFEC0_0000, 1),  # the IOAPIC is busy
    ((1 << 40) - PAGE_SIZE, 2),  # beyond the physical address width
    (1 << 52, 1),
    *[((1 << 64) - PAGE_SIZE, 2)] * 3,  # beyond the largest offset, thrice for more weight
)
"""(start, minimum number of pages) that no kernel maps through /dev/mem."""


class Bar(NamedTuple):
    """A BAR as sysfs and procfs map it, `start` its address."""

    bdf: str
    number: int
    start: int
    pages: int


MEMORY_BAR = Bar(PC.ivshmem, 2, PC.ivshmem_bar, (64 << 20) // PAGE_SIZE)
REGISTERS = (
    Bar(PC.ivshmem, 0, 0xFEBF_5000, 1),
    Bar(PC.e1000, 0, PC.e1000_bar, 32),
    Bar(PC.nvme, 0, PC.nvme_bar, 4),
    Bar(VGA, 0, VGA_BAR, 16),
    Bar(VGA, 2, 0xFEBF_4000, 1),
)
PORTS = Bar(PC.e1000, 1, 0xC000, 1)

EDGES = (
    (PC.ivshmem_bar - PAGE_SIZE, 2 * PAGE_SIZE),  # across the ends of a BAR
    (VGA_BAR - 0x800, PAGE_SIZE),
    (0xFEBF_5080, 0x100),
    (0xFEC0_0000, 0x100),  # the IOAPIC is busy
    (0xFED0_0000, PAGE_SIZE),
    (1 << 40, PAGE_SIZE),  # outside of the tree
)
"""(start, size) of claims that even an idle machine refuses."""


def windows(number: int) -> tuple[int, int, int]:
    """The windows of this number: in persistent memory, in the BAR, above 4 GiB."""
    into = (FIRST + number % WINDOWS) * WINDOW
    return PC.pmem + into, PC.ivshmem_bar + into, HIGH + into


def to_clear(number: int) -> tuple[tuple[int, int], ...]:
    """(start, size) of the memory in these windows, which must be zeroed before use."""
    memory, bar, _ = windows(number)
    return (memory, WINDOW), (bar, WINDOW)


def moved(acts: tuple[Act, ...], old: int, new: int) -> tuple[Act, ...]:
    """The same acts in other windows."""
    by = windows(new)[0] - windows(old)[0]
    return tuple(replace(act, arguments=_moved(act, windows(old), by)) for act in acts)


def _moved(act: Act, bases: tuple[int, ...], by: int) -> dict[str, Any]:
    arguments = dict(act.arguments)
    if act.operation in ("mmap_resource", "read_block"):
        bases = (bases[0] - PC.pmem,)
    for name in ("offset", "start"):
        value = arguments.get(name)
        if isinstance(value, int) and any(base <= value < base + WINDOW for base in bases):
            arguments[name] = value + by
    return arguments
