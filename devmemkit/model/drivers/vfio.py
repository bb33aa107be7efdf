"""VFIO type 1: the DMA mappings that a process makes for its device; no zap reaches them.

Source: vaddr_get_pfns and follow_fault_pfn (drivers/vfio/vfio_iommu_type1.c, 7.3).
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError, Trap
from devmemkit.model.machine import View
from devmemkit.model.mm.access import BIOS, is_writable, must_fault, with_fault
from devmemkit.model.mm.populate import fault_lock
from devmemkit.model.process.task import VM
from devmemkit.model.resource.strict import LOW_MEGABYTE, has_ram
from devmemkit.model.step import Frame, Next, Return, lock, operation


def vaddr_get_pfns(m: View, f: Frame) -> Next:
    """Follow the PTE, faulting if there is none, and keep the pfn: no notifier will take it away.

    EFAULT without a page that can be written, for a private one, and for RAM in use.
    """
    lock(m, f, "mmap", f.pid, write=False)
    try:
        if must_fault(m, f, m.kernel.page_size, VM.READ | VM.WRITE):
            return fault_lock
    except Trap as trap:
        raise KernelError("EFAULT", f"no page at {f.address:#x}: {trap}") from None
    pfn = m["pagetable", f.pid].pfn(f.address >> m.kernel.page_shift)
    if pfn is None or not is_writable(m, f.pid, f.address) or _is_ram_in_use(m, pfn):
        raise KernelError("EFAULT", f"the page at {f.address:#x} is RAM or read-only")
    m["dma", f.pid] = tuple(sorted({*m.get(("dma", f.pid), ()), pfn}))
    return Return(0)


def _is_ram_in_use(m: View, pfn: int) -> bool:
    """Not is_invalid_reserved_pfn: below 1 MiB the kernel has reserved most of the RAM."""
    low = pfn < m.kernel["low_reserved"] or BIOS <= pfn < LOW_MEGABYTE
    return not low and has_ram(m, pfn)


operation("map_dma", choose=with_fault(vaddr_get_pfns), needs=("pid", "address"))
"""VFIO_IOMMU_MAP_DMA of one page, to read and write."""
