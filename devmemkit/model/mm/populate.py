"""The end of an mmap: link the VMA into its i_mmap, and fill its PTEs.

The order decides which mappings a claim in between misses. Kernels have two orders; the repaired
orders are counterfactuals (repairs.REPAIRS).
Source: mm/mmap.c, mm/vma.c, remap_pfn_range (mm/memory.c).
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError, Trap
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.mm.syscalls import unmap
from devmemkit.model.process.task import File, find_vma, link_vma, put_vmas
from devmemkit.model.repairs import UNLOCKED
from devmemkit.model.resource.strict import DENY, is_taken, page_is_allowed
from devmemkit.model.step import Frame, Next, Return, Step, lock


def fill(m: View, f: Frame, first: int, last: int) -> None:
    """Fill the PTEs of file pages [first, last] of the VMA (remap_pfn_range)."""
    vpn = f.vma.vpns[0] - f.vma.pgoff
    m.edit(("pagetable", f.pid)).set(vpn + first, vpn + last, first)


def remap_pfn_range(m: View, f: Frame) -> Next:
    """Populate the whole VMA before anybody can see it (up to 6.18, and every legacy ->mmap)."""
    fill(m, f, f.vma.pgoff, f.vma.pgoff + f.vma.pages - 1)
    return None


def remap_pfn_range_complete(m: View, f: Frame) -> Next:
    """Populate a linked VMA page by page (/dev/mem from 6.19 on)."""
    last = f.vma.pgoff + f.vma.pages - 1
    until = f.page if m.machine.fine else last
    fill(m, f, f.page, until)
    f.page = until + 1
    if f.page <= last:
        return remap_pfn_range_complete
    f.page = f.vma.pgoff
    return None


def vma_link_file(m: View, f: Frame) -> Next:
    """Make the VMA visible to unmap_mapping_range, under the rmap lock of its file."""
    put_vmas(m, f.pid, add=(f.vma,))
    link_vma(m, f.pid, f.vma)
    return None


def link_and_hold(m: View, f: Frame) -> Next:
    """hold-rmap links and keeps the rmap lock (hide_from_rmap_until_complete, 7.x)."""
    vma_link_file(m, f)
    lock(m, f, "i_mmap", f.vma.file.f_mapping)
    return None


def _is_denied(m: View, file: File, pfn: int) -> bool:
    return page_is_allowed(m, pfn) == DENY if file.kind == "mem" else is_taken(m, pfn)


def check_again(m: View, f: Frame) -> Next:
    """link-first and recheck check each page once more."""
    if _is_denied(m, f.vma.file, f.page):
        return unmap_region
    f.page += 1
    if f.page < f.vma.pgoff + f.vma.pages:
        return check_again
    f.page = f.vma.pgoff
    return None


def unmap_region(m: View, f: Frame) -> Next:
    """A failed check after the link unmaps the VMA (as a failed vm_ops->mapped does, 7.x)."""
    unmap(m, f.pid, f.vma.start, f.vma.end - f.vma.start)
    return mmap_denied


def mmap_denied(m: View, f: Frame) -> Next:
    """The mmap fails with EPERM; nothing is mapped."""
    raise KernelError("EPERM", f"page {f.page:#x} was claimed meanwhile")


def mmap_end(m: View, f: Frame) -> Next:
    """Drop mmap_lock; the value is the address."""
    return Return(f.vma.start)


ORDERS: dict[str, tuple[Step, ...]] = {
    "populate, link": (remap_pfn_range, vma_link_file),
    "link, populate": (vma_link_file, remap_pfn_range_complete),
}
"""The steps of kernels after the checks, by the value of feature devmem_mmap."""


def behind_checks(kernel: KernelProfile, order: str) -> tuple[Step, ...]:
    """The steps after the checks, in the kernel's own `order` or a repaired one."""
    own = (vma_link_file,) if kernel.on_fault == "insert" else ORDERS[order]
    steps: dict[str, tuple[Step, ...]] = {
        "": own,
        "fault": own,
        UNLOCKED: own,
        "link-first": (vma_link_file, check_again, remap_pfn_range_complete),
        "recheck": (*own, check_again),
        "hold-rmap": (link_and_hold, remap_pfn_range_complete),
    }
    mine = steps.get(kernel.repair, own)  # else a repair of another operation
    undo = (unmap_region, mmap_denied) if check_again in mine else ()
    return (*mine, mmap_end, *undo)


def fault_lock(m: View, f: Frame) -> Next:
    """The handler takes the rmap lock, which excludes a revocation meanwhile."""
    f.vma = find_vma(m, f.pid, f.faulted)  # cannot vanish: its process is in the fault
    if m.kernel.repair != UNLOCKED:
        lock(m, f, "i_mmap", f.vma.file.f_mapping)
    return None


def fault_check(m: View, f: Frame) -> Next:
    """A claimed page gives SIGBUS, and EFAULT to a copy by the kernel."""
    f.page = f.vma.pgoff + ((f.faulted - f.vma.start) >> f.vma.page_shift)
    if _is_denied(m, f.vma.file, f.page):
        if f.operation not in ("load", "store"):
            raise KernelError("EFAULT", f"the page at {f.faulted:#x} is claimed")
        raise Trap("SIGBUS", "BUS_ADRERR", f.faulted)
    return None
