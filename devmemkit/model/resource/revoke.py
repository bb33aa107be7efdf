"""The steps of a claim after its node is in the tree: whether to revoke, which pages; refuse, wait.

Source: revoke_devmem (drivers/char/mem.c, v5.8 to 5.11), revoke_iomem (kernel/resource.c, v5.12
on), unmap_mapping_range (mm/memory.c). Steps that no kernel has are those of the counterfactual
policies in policy.py.
"""

from __future__ import annotations

from devmemkit.model.errors import Blocked, KernelError
from devmemkit.model.flags import IORESOURCE_MUXED, PAGE_SHIFT
from devmemkit.model.machine import Key, View
from devmemkit.model.mm.address_space import Mapped
from devmemkit.model.mm.pfn_tracking import untrack_zap
from devmemkit.model.resource.region import release_region
from devmemkit.model.resource.strict import devmem_is_allowed, wait_for_resource_lock
from devmemkit.model.step import Frame, Next, Return, Step, lock, unlock

IOMEM: Key = ("i_mmap", "iomem")
GRACE = 100
"""Ticks that RevokeAfterGrace waits."""


def zapped_pages(start: int, size: int, page_shift: int = PAGE_SHIFT) -> tuple[int, int]:
    """First and last page (pfn) that unmap_mapping_range zaps for bytes [start, start+size).

    The page count leaves out the offset of `start` inside its page, so the last page of an
    unaligned range can stay mapped. Source: mm/memory.c, all versions (5.10 to 7.3).

    >>> zapped_pages(0x1800, 0x1000)
    (1, 1)
    >>> zapped_pages(0x1800, 0x1000, 16)
    (0, 0)
    """
    first = start >> page_shift
    return first, first + -(-size >> page_shift) - 1


def pages_of(m: View, start: int, size: int) -> tuple[int, int]:
    """First and last page (pfn) with a byte of [start, start+size)."""
    return start >> m.kernel.page_shift, (start + size - 1) >> m.kernel.page_shift


def zap_vma(m: View, mapped: Mapped, first: int, last: int) -> None:
    """Clear the PTEs of one VMA for file pages [first, last], private copies with them.

    The VMA stays. Up to 6.15 any zap also frees the VMA's memtype (untrack_pfn).
    """
    table: Key = ("pagetable", mapped.pid)
    m.edit(table).zap(*_vpns(m, mapped, first, last))
    untrack_zap(m, mapped.pid, mapped.start)


def _vpns(m: View, mapped: Mapped, first: int, last: int) -> tuple[int, int]:
    """First and last virtual page of a VMA for file pages [first, last], clipped to the VMA."""
    offset = (mapped.start >> m.kernel.page_shift) - mapped.first
    return max(first, mapped.first) + offset, min(last, mapped.last) + offset


def both_ends(m: View, f: Frame) -> Next:
    """The test of revoke_iomem at both ends of the claim: whether it goes on to the other steps.

    It does not without IO_STRICT_DEVMEM, without the inode, or if both END pages are allowed: the
    claim succeeds all the same. Allowed ends mean iomem=relaxed to the kernel, since a strict one
    denies what was just claimed; below 1 MiB every page is allowed.
    """
    if not (m.kernel.config.io_strict_devmem and m.get("iomem_inode")):
        return Return(f.start)
    first, last = pages_of(m, f.start, f.size)
    if devmem_is_allowed(m, first) and devmem_is_allowed(m, last):
        return Return(f.start)
    return _after(m, f, both_ends)


def _after(m: View, f: Frame, step: Step) -> Next:
    """Jump to the policy's step behind this one, or end the claim if it was the last."""
    steps = [STEPS[name] for name in m.kernel.policy.after_insert]
    return Return(f.start) if steps[-1] == step else steps[steps.index(step) + 1]


def free_region(m: View, tree: str, start: int, size: int) -> bool:
    """__release_region frees the exact range and wakes MUXED waiters; False if there is none."""
    wait_for_resource_lock(m, tree)
    freed = release_region(m.edit(tree), start, size)
    if freed is None:
        return False
    if freed.flags & IORESOURCE_MUXED:
        for actor in m.get("muxed_wait", ()):
            m["sleeping", actor] = None
    return True


def mappers(m: View, start: int, size: int) -> list[Mapped]:
    """The VMAs on the iomem inode that have a page of the region present."""
    space = m.get(IOMEM)
    first, last = pages_of(m, start, size)
    return [
        mapped
        for mapped in (space.overlapping(first, last) if space else [])
        if m["pagetable", mapped.pid].present(*_vpns(m, mapped, first, last))
    ]


def zap_begin(m: View, f: Frame) -> Next:
    """unmap_mapping_range takes the rmap lock, so that no VMA is linked or unlinked meanwhile."""
    lock(m, f, "i_mmap", "iomem", write=m.kernel["zap_lock"] == "write")
    f.first, f.last = zapped_pages(f.start, f.size, m.kernel.page_shift)
    f.done = 0
    return None


def zap(m: View, f: Frame) -> Next:
    """unmap_mapping_range walks the i_mmap; with Machine.fine, one page of one VMA a step."""
    space = m.get(IOMEM)
    found = space.overlapping(f.first, f.last) if space else []
    if not m.machine.fine:
        for mapped in found:
            zap_vma(m, mapped, f.first, f.last)
        return _zapped(m, f)
    pages = [
        (mapped, page)
        for mapped in found
        for page in range(max(f.first, mapped.first), min(f.last, mapped.last) + 1)
    ]
    if f.done < len(pages):
        mapped, page = pages[f.done]
        zap_vma(m, mapped, page, page)
        f.done += 1
    return zap if f.done < len(pages) else _zapped(m, f)


def _zapped(m: View, f: Frame) -> Next:
    unlock(m, f, "i_mmap", "iomem")
    return _after(m, f, zap)


def refuse_if_mapped(m: View, f: Frame) -> Next:
    """RefuseClaim: undo the insertion when a VMA maps the region, even if its pages are zapped."""
    space = m.get(IOMEM)
    first, last = pages_of(m, f.start, f.size)
    if not (space and space.overlapping(first, last)):
        return _after(m, f, refused)
    free_region(m, "iomem", f.start, f.size)
    return refused


def refused(m: View, f: Frame) -> Next:
    """RefuseClaim: the driver gets EBUSY."""
    raise KernelError("EBUSY", f"{f.start:#x}-{f.start + f.size - 1:#x} is mapped by a process")


def notify(m: View, f: Frame) -> Next:
    """RevokeAfterGrace: tell each process that has a page of the region present."""
    for pid in sorted({mapped.pid for mapped in mappers(m, f.start, f.size)}):
        told = {*m.get(("notices", pid), ()), (f.start, f.start + f.size - 1)}
        m["notices", pid] = tuple(sorted(told))  # a retried claim adds nothing
    if "wait_for_unmap" in m.kernel.policy.after_insert:
        f.deadline = m["clock"] + GRACE
    return _after(m, f, notify)


def signal_mappers(m: View, f: Frame) -> Next:
    """SignalNow: SIGBUS, BUS_MCEERR_AO, to each process with a VMA of the region, PTEs or not.

    The address is that of the VMA's first page in the region. Source: collect_procs_pfn and
    kill_proc (mm/memory-failure.c, 7.3).
    """
    space = m.get(IOMEM)
    first, last = pages_of(m, f.start, f.size)
    for mapped in space.overlapping(first, last) if space else []:
        address = _vpns(m, mapped, first, last)[0] << m.kernel.page_shift
        sent = {*m.get(("signals", mapped.pid), ()), address}
        m["signals", mapped.pid] = tuple(sorted(sent))  # a pending signal is not sent twice
    return _after(m, f, signal_mappers)


def wait_for_unmap(m: View, f: Frame) -> Next:
    """RevokeAfterGrace: wait until no process maps the region, or the grace is over."""
    if mappers(m, f.start, f.size) and m["clock"] < f.deadline:
        raise Blocked("grace", until=f.deadline)
    return _after(m, f, wait_for_unmap)


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        *(both_ends, zap_begin, zap, refuse_if_mapped, refused),
        *(notify, wait_for_unmap, signal_mappers),
    )
}
