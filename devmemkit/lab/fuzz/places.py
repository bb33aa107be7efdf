"""Where random sequences map: fresh windows of memory, device registers, and refused places.

Up to 6.15 a kernel keeps some cache types of split mappings for good. So each sequence has its own
windows: memory that one may map write-back and another uncached is not used twice in a guest. The
other places are mapped with one type only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import LABS, PC, Lab
from devmemkit.scenarios.play import Act

WINDOW_PAGES = 16
"""Pages of a window; sequences map its first half and claim anywhere in it."""
FIRST = 8
"""Number of the first window: its offsets are beyond the end of every BAR of registers."""
BAR_SIZE = 64 << 20
"""Bytes of the BAR in which windows lie."""
NOBODY = "0000:00:1f.0"
"""A PCI address without a device."""
VGA, VGA_BAR = "0000:00:02.0", 0xFC00_0000
"""A device of the first machine alone."""


class Place(NamedTuple):
    """Physical pages that /dev/mem maps; `sync` is the only O_SYNC allowed, None for either."""

    start: int
    pages: int
    sync: bool | None


class Bar(NamedTuple):
    """A BAR as sysfs and procfs map it, `start` its address."""

    bdf: str
    number: int
    start: int
    pages: int


@dataclass(frozen=True)
class Places:
    """Where sequences map, read and claim on machines that are like `lab`.

    `high` begins an empty window of the PCI host bridge above 4 GiB. `shown` is what /dev/mem
    shows besides the windows; the machine uses it, so nothing is stored there. `refused` has
    (start, minimum number of pages) that no kernel maps through /dev/mem, `edges` (start, size) of
    claims that even an idle machine refuses, `odd` where a read or write may be refused. `into` has
    offsets in a page, `across` those from which a load reaches into the next page, `user` is the
    end of a process's addresses. With `oops` an access of a debugger can end the kernel where
    that of the process would fault: then no debugger writes or reads in a child, and each mapping
    has a right. So can an unaligned read of a port's file.

    A recorded run compares `ops` outcomes of the operations in `file`. Single accesses go to
    `fixed`, too, besides what the tree shows; `ports` that may be read are (first, number),
    `mtrr_ends` the borders of the firmware's MTRR ranges, as the model knows no mapping across one.
    `answers` are (first, last) of what answers a load without a node; None: anything may be loaded.
    """

    lab: Lab
    high: int
    shown: tuple[Place, ...]
    refused: tuple[tuple[int, int], ...]
    registers: tuple[Bar, ...]
    port_bar: Bar
    edges: tuple[tuple[int, int], ...]
    odd: tuple[int, ...]
    into: tuple[int, ...]
    across: tuple[int, ...]
    user: int
    file: str
    fixed: tuple[int, ...]
    ports: tuple[tuple[int, int], ...] = ()
    mtrr_ends: tuple[int, ...] = ()
    answers: tuple[tuple[int, int], ...] | None = None
    ops: int = 100_000
    oops: bool = False

    @property
    def page(self) -> int:
        """Bytes of a page."""
        return 1 << self.lab.page_shift

    @property
    def window(self) -> int:
        """Bytes of a window."""
        return WINDOW_PAGES << self.lab.page_shift

    @property
    def count(self) -> int:
        """The number of windows in the BAR."""
        return BAR_SIZE // self.window - FIRST

    @cached_property
    def memory_bar(self) -> Bar:
        """The BAR of the device without a driver, which is memory."""
        return Bar(self.lab.ivshmem, 2, self.lab.ivshmem_bar, BAR_SIZE // self.page)

    def windows(self, number: int) -> tuple[int, int, int]:
        """The windows of this number: in persistent memory, in the BAR, above 4 GiB."""
        into = (FIRST + number % self.count) * self.window
        return self.lab.pmem + into, self.lab.ivshmem_bar + into, self.high + into

    def to_clear(self, number: int) -> tuple[tuple[int, int], ...]:
        """(start, size) of the memory in these windows, which must be zeroed before use."""
        memory, bar, _ = self.windows(number)
        return (memory, self.window), (bar, self.window)

    def moved(self, acts: tuple[Act, ...], old: int, new: int) -> tuple[Act, ...]:
        """The same acts in other windows."""
        by = self.windows(new)[0] - self.windows(old)[0]
        return tuple(replace(act, arguments=self._moved(act, old, by)) for act in acts)

    def _moved(self, act: Act, old: int, by: int) -> dict[str, Any]:
        arguments = dict(act.arguments)
        bases: tuple[int, ...] = self.windows(old)
        if act.operation in ("mmap_resource", "read_block"):
            bases = (bases[0] - self.lab.pmem,)
        for name in ("offset", "start"):
            value = arguments.get(name)
            if isinstance(value, int) and any(base <= value < base + self.window for base in bases):
                arguments[name] = value + by
        return arguments


def _beyond(page: int = PAGE_SIZE) -> tuple[tuple[int, int], ...]:
    """Pages beyond every physical address, and beyond the largest offset, with more weight."""
    return (1 << 52, 1), *[((1 << 64) - page, 2)] * 3


_X86_64 = Places(
    PC,
    high=1 << 32,
    shown=(
        Place(0, 2, False),  # reserved, then RAM
        # RAM below 1 MiB, as far as every kernel reserves it: what ptrace can read depends on that
        Place(0x2000, 14, False),
        # no range across 0xa0000: a fixed MTRR ends there, and the model has no MTRRs
        Place(0x9_F000, 1, False),  # RAM, then reserved
        Place(0xA_0000, 16, None),  # the ISA range
        Place(0xC_0000, 16, None),  # ROM
        Place(0xF_0000, 16, None),
        Place(0x7FFD_8000, 8, False),  # reserved by the firmware
        Place(PC.hole, 16, None),
        Place(0xFED0_0000, 1, None),  # the HPET is not
        Place(0xFFFC_0000, 16, None),  # the firmware's flash
        Place(VGA_BAR, 16, None),
        Place(0xFEBF_4000, 2, None),  # registers: VGA, then ivshmem
        Place(PC.e1000_bar, 32, None),
        Place(PC.nvme_bar, 4, None),
    ),
    refused=(
        (0x10_0000, 1),  # System RAM
        (0x6000_0000, 1),
        (0x3FFF_F000, 2),  # System RAM before persistent memory, and behind it
        (0x4FFF_F000, 2),
        (0xFEC0_0000, 1),  # the IOAPIC is busy
        ((1 << 40) - PAGE_SIZE, 2),  # beyond the physical address width
        *_beyond(),
    ),
    registers=(
        Bar(PC.ivshmem, 0, 0xFEBF_5000, 1),
        Bar(PC.e1000, 0, PC.e1000_bar, 32),
        Bar(PC.nvme, 0, PC.nvme_bar, 4),
        Bar(VGA, 0, VGA_BAR, 16),
        Bar(VGA, 2, 0xFEBF_4000, 1),
    ),
    port_bar=Bar(PC.e1000, 1, 0xC000, 1),
    edges=(
        (PC.ivshmem_bar - PAGE_SIZE, 2 * PAGE_SIZE),  # across the ends of a BAR
        (VGA_BAR - 0x800, PAGE_SIZE),
        (0xFEBF_5080, 0x100),
        (0xFEC0_0000, 0x100),  # the IOAPIC is busy
        (0xFED0_0000, PAGE_SIZE),
        (1 << 40, PAGE_SIZE),  # outside of the tree
    ),
    odd=(0x1_0000, 0x9_E800, 0x10_0000, 0x3FFF_F000),
    into=(0, 8, 100, 4088),
    across=(4093,),
    user=1 << 47,
    file="operations.xz",
    fixed=(PC.hole, 0xA_0000, 0xC_0000, 0xF_0000, 1 << 32),
    ports=((0x80, 16), (0xFFFC, 8)),  # the DMA page registers, and the last eight
    mtrr_ends=(0xA_0000, 0xC_0000, 1 << 31, 1 << 32),
)


def _virt(lab: Lab) -> Places:
    """The places of an arm64 machine, by the size of its pages."""
    page = 1 << lab.page_shift
    e1000, nvme = 0x2_0000 // page, max(1, 0x2000 // page)
    return Places(
        lab,
        high=0x81_0000_0000,
        # Elsewhere the bus answers nobody, and a load ends with an external abort, which depends on
        # the board; above the CPU's 44 address bits the kernel ends the process.
        shown=(
            Place(0, 16, None),  # the flash's two halves
            Place(0x400_0000, 16, None),
            Place(lab.hole, 16, None),
            Place(0x1002_0000, 1, None),  # registers of ivshmem
            Place(lab.e1000_bar, e1000, None),
            # behind them is MSI-X, which refuses a load of a byte
            Place(lab.nvme_bar, nvme, None),
            Place(lab.nvme_bar + 0x1_0000, 16, None),  # behind them, in the same window
        ),
        refused=(
            (0x4020_0000, 1),  # System RAM
            (0x6000_0000, 1),
            (lab.pmem - page, 2),  # System RAM before persistent memory
            (0x0900_0000, 1),  # the UART and the clock are busy
            (0x0901_0000, 1),
            *_beyond(page),
        ),
        registers=(
            Bar(lab.ivshmem, 0, 0x1002_0000, 1),
            Bar(lab.e1000, 0, lab.e1000_bar, e1000),
            Bar(lab.nvme, 0, lab.nvme_bar, nvme),
        ),
        port_bar=Bar(lab.e1000, 1, 0x1000, 1),
        edges=(
            (lab.ivshmem_bar - page, 2 * page),  # across the ends of a BAR and its window
            (lab.e1000_bar - 0x800, page),
            (0x1002_0080, 0x100),
            (0x0901_0000, 0x100),  # the clock is busy
            (0x0900_0000, page),
        ),
        odd=(0, 0x1_0000, 0x6000_0000, lab.pmem - page),
        # a processor refuses unaligned accesses to device memory, QEMU does not
        into=(0, 8, 104, page - 8),
        across=(),
        user=1 << (48 if page == PAGE_SIZE else 47),
        file=f"operations-{lab.name}.xz",
        fixed=(lab.hole, 0, 0x400_0000, 0x81_0000_0000),
        # with larger pages fewer, to keep the data small
        ops=100_000 if page == PAGE_SIZE else 20_000,
        answers=((0, 0x7FF_FFFF), (lab.pmem, lab.pmem_end)),  # the flash has no node
        # 6.1: generic_access_phys maps a page as the process's PTE has it, be that clean or old
        oops=True,
    )


PLACES = {name: _X86_64 if lab.arch == PC.arch else _virt(lab) for name, lab in LABS.items()}
"""The places of each machine of LABS; those of the two of x86-64 are the same."""
