"""Where random sequences point: fresh windows of memory, device registers, and what is refused.

Up to 6.15 a kernel keeps some page cache types of mappings that were split, for good. So memory
that may be mapped write-back by one sequence and uncached by another is never used twice in one
guest: each sequence has windows of its own. The other places are mapped with one type only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.stories.script import (
    E1000,
    E1000_BAR,
    IVSHMEM,
    IVSHMEM_BAR,
    NVME,
    NVME_BAR,
    PMEM,
)

WINDOW = 0x10000
"""Bytes of one window; sequences map its first half and claim anywhere in it."""
FIRST = 8
"""The first in use: an offset into it is never one into a BAR of registers."""
WINDOWS = (64 << 20) // WINDOW - FIRST
"""As many as the 64 MiB BAR has."""
HIGH = 1 << 32
"""A window of the PCI host bridge above 4 GiB in which nothing is."""
VGA, VGA_BAR = "0000:00:02.0", 0xFC00_0000
HOLE = 0xD000_0000
"""Addresses of the PCI bus that no device has."""


class Place(NamedTuple):
    """Physical pages that /dev/mem maps; `sync` is the only O_SYNC allowed, None for either."""

    start: int
    pages: int
    sync: bool | None


PLACES = (
    Place(0, 2, False),  # reserved, then RAM
    # RAM below 1 MiB: as much as every kernel keeps for itself, what ptrace can read depends on it
    Place(0x2000, 14, False),
    # a range across 0xa0000 is left out: the fixed MTRRs, which the model does not have, end there
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
    Place(E1000_BAR, 32, None),
    Place(NVME_BAR, 4, None),
)
"""What /dev/mem shows besides the windows. Its contents are the machine's own."""

REFUSED = (
    (0x10_0000, 1),  # System RAM
    (0x6000_0000, 1),
    (0x3FFF_F000, 2),  # System RAM before persistent memory, and behind it
    (0x4FFF_F000, 2),
    (0xFEC0_0000, 1),  # the IOAPIC is busy
    ((1 << 40) - PAGE_SIZE, 2),  # beyond the physical address width
    (1 << 52, 1),
    *[((1 << 64) - PAGE_SIZE, 2)] * 3,  # beyond the largest offset; more often, as it is alone
)
"""(start, at least so many pages) that no kernel maps through /dev/mem."""


class Bar(NamedTuple):
    """A BAR as sysfs and procfs map it, `start` its address."""

    bdf: str
    number: int
    start: int
    pages: int


MEMORY_BAR = Bar(IVSHMEM, 2, IVSHMEM_BAR, (64 << 20) // PAGE_SIZE)
REGISTERS = (
    Bar(IVSHMEM, 0, 0xFEBF_5000, 1),
    Bar(E1000, 0, E1000_BAR, 32),
    Bar(NVME, 0, NVME_BAR, 4),
    Bar(VGA, 0, VGA_BAR, 16),
    Bar(VGA, 2, 0xFEBF_4000, 1),
)
PORTS = Bar(E1000, 1, 0xC000, 1)

EDGES = (
    (IVSHMEM_BAR - PAGE_SIZE, 2 * PAGE_SIZE),  # across the ends of a BAR
    (VGA_BAR - 0x800, PAGE_SIZE),
    (0xFEBF_5080, 0x100),
    (0xFEC0_0000, 0x100),  # the IOAPIC is busy
    (0xFED0_0000, PAGE_SIZE),
    (1 << 40, PAGE_SIZE),  # outside of the tree
)
"""(start, size) of claims that are refused on an idle machine, too."""


def windows(number: int) -> tuple[int, int, int]:
    """Where the windows of a number are: persistent memory, BAR, above 4 GiB."""
    into = (FIRST + number % WINDOWS) * WINDOW
    return PMEM + into, IVSHMEM_BAR + into, HIGH + into


def to_clear(number: int) -> tuple[tuple[int, int], ...]:
    """(start, size) of a number's memory, which holds zeroes before it is used."""
    memory, bar, _ = windows(number)
    return (memory, WINDOW), (bar, WINDOW)


def moved(acts: tuple[Act, ...], old: int, new: int) -> tuple[Act, ...]:
    """The same acts in other windows."""
    by = windows(new)[0] - windows(old)[0]
    return tuple(replace(act, arguments=_moved(act, windows(old), by)) for act in acts)


def _moved(act: Act, bases: tuple[int, ...], by: int) -> dict[str, Any]:
    arguments = dict(act.arguments)
    if act.operation in ("mmap_resource", "read_block"):
        bases = (bases[0] - PMEM,)
    for name in ("offset", "start"):
        value = arguments.get(name)
        if isinstance(value, int) and any(base <= value < base + WINDOW for base in bases):
            arguments[name] = value + by
    return arguments
