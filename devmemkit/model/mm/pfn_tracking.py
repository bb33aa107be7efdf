"""Which mapping holds which cache type: the bookkeeping up to 6.15, and its successor.

Up to 6.15 a VMA has a flag that it reserved a type (VM_PAT) and frees it by page numbers, at its
first zap or its end; a split in between leaks the reservation. From 6.16 on all pieces of a VMA
share the reservation, which is freed with the last of them (pfnmap_track_ctx).
Source: track_pfn_remap, track_pfn_copy, untrack_pfn (arch/x86/mm/pat/memtype.c); measured on 5.10,
6.1, 6.12, 6.18 and 7.3.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import (
    CacheType,
    memtype_copy,
    memtype_erase,
    memtype_free,
    memtype_reserve,
)
from devmemkit.model.process.task import VM, Vma, find_vma, put_vmas


def owner(pid: str, vma: Vma) -> tuple[str | int, ...]:
    """The owner of the reservation of this VMA (6.16 on)."""
    return ("vma", pid, vma.start)


NOBODY: tuple[str | int, ...] = ("vma",)
"""The owner of every reservation up to 6.15, as memtype_erase frees pages by number alone."""


def _by_number(m: View) -> bool:
    return bool(m.kernel["memtype_lives"] == "until zap")


def track_remap(m: View, pid: str, vma: Vma, wanted: CacheType) -> Vma | None:
    """Reserve the type for the whole VMA; gives the VMA with VM_PAT, None when types conflict."""
    if not m.kernel["cache_types"]:
        return vma
    first, last = vma.entry(pid)[:2]
    whose = NOBODY if _by_number(m) else owner(pid, vma)
    if memtype_reserve(m, first, last, wanted, whose) is None:
        return None
    return replace(vma, flags=vma.flags | VM.PAT)


def untrack_zap(m: View, pid: str, start: int) -> None:
    """Up to 6.15 a zap of any page of the VMA at `start` frees its reservation."""
    vma = find_vma(m, pid, start) if _by_number(m) else None
    if vma is not None and VM.PAT in vma.flags:
        memtype_erase(m, *vma.entry(pid)[:2])
        put_vmas(m, pid, remove=(vma,), add=(replace(vma, flags=vma.flags & ~VM.PAT),))


def untrack_end(m: View, pid: str, vma: Vma) -> None:
    """Free the reservation of a VMA that is unmapped."""
    if not _by_number(m):
        memtype_free(m, owner(pid, vma))
    elif VM.PAT in vma.flags:
        memtype_erase(m, *vma.entry(pid)[:2])


def split_memtype(m: View, pid: str, whole: Vma, parts: list[Vma]) -> None:
    """From 6.16 on each piece of a split VMA holds the whole reservation; before, none is added."""
    for part in parts if not _by_number(m) else ():
        if part.start != whole.start:
            memtype_copy(m, owner(pid, whole), owner(pid, part))


def move_memtype(m: View, pid: str, old: Vma, new: Vma, rest: list[Vma]) -> None:
    """A moved VMA keeps its reservation; up to 6.15 the pieces that stay lose VM_PAT.

    Source: untrack_pfn_moved, from 6.1 untrack_pfn_clear (measured on 5.10 to 6.12).
    """
    if not _by_number(m):
        memtype_copy(m, owner(pid, old), owner(pid, new))
        memtype_free(m, owner(pid, old))
        return
    for vma in rest:
        put_vmas(m, pid, remove=(vma,), add=(replace(vma, flags=vma.flags & ~VM.PAT),))


def can_copy(m: View, pid: str, vma: Vma) -> bool:
    """Whether fork can copy the VMA: up to 6.15 not when its first page was copied on write.

    track_pfn_copy reads the type from that PTE, which by then maps ordinary memory.
    """
    tracked = _by_number(m) and VM.PAT in vma.flags
    return not tracked or m["pagetable", pid].pfn(vma.start >> vma.page_shift) is not None


def untrack_copy(m: View, vma: Vma) -> None:
    """On 5.10 the clean-up of a failed copy frees the reservation of the parent."""
    if m.kernel["failed_copy_frees"]:
        memtype_erase(m, *vma.entry("")[:2])


def copy_memtype(m: View, pid: str, child: str, vma: Vma) -> None:
    """The child's VMA reserves its type anew (up to 6.15), or shares the reservation (6.16 on)."""
    if not _by_number(m):
        memtype_copy(m, owner(pid, vma), owner(child, vma))
        return
    first, last = vma.entry(pid)[:2]
    held = [r for r in m.get("memtype", ()) if r.first <= last and r.last >= first]
    if VM.PAT in vma.flags and held:
        memtype_reserve(m, first, last, held[0].type, NOBODY)
