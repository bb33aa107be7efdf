"""Which mapping holds which cache type: the bookkeeping that 6.16 replaced.

Up to 6.15 a VMA only remembers that it reserved something (VM_PAT) and frees it by page numbers, at
its first zap or its end; whoever splits it in between leaks. From 6.16 the record is shared by all
pieces and lives until the last of them dies (pfnmap_track_ctx).
Source: track_pfn_remap, track_pfn_copy, untrack_pfn (arch/x86/mm/pat/memtype.c); measured on 5.10,
6.1, 6.12, 6.18 and 7.3.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.flags import PAGE_SHIFT
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
    """To whom a reservation of this VMA belongs, from 6.16 on."""
    return ("vma", pid, vma.start)


NOBODY: tuple[str | int, ...] = ("vma",)
"""Up to 6.15 a reservation does not know its owner: whoever frees these pages frees any of them."""


def _by_number(m: View) -> bool:
    return bool(m.kernel["memtype_lives"] == "until zap")


def track_remap(m: View, pid: str, vma: Vma, wanted: CacheType) -> Vma | None:
    """Reserve for the whole VMA; the VMA as it then is, None when types conflict."""
    first, last = vma.entry(pid)[:2]
    whose = NOBODY if _by_number(m) else owner(pid, vma)
    if memtype_reserve(m, first, last, wanted, whose) is None:
        return None
    return replace(vma, flags=vma.flags | VM.PAT)


def untrack_zap(m: View, pid: str, start: int) -> None:
    """A zap of any page of the VMA at `start`: up to 6.15 its type is given back."""
    vma = find_vma(m, pid, start) if _by_number(m) else None
    if vma is not None and VM.PAT in vma.flags:
        memtype_erase(m, *vma.entry(pid)[:2])
        put_vmas(m, pid, remove=(vma,), add=(replace(vma, flags=vma.flags & ~VM.PAT),))


def untrack_end(m: View, pid: str, vma: Vma) -> None:
    """The VMA dies."""
    if not _by_number(m):
        memtype_free(m, owner(pid, vma))
    elif VM.PAT in vma.flags:
        memtype_erase(m, *vma.entry(pid)[:2])


def split_memtype(m: View, pid: str, whole: Vma, parts: list[Vma]) -> None:
    """From 6.16 every piece holds the whole; before, nothing is written down."""
    for part in parts if not _by_number(m) else ():
        if part.start != whole.start:
            memtype_copy(m, owner(pid, whole), owner(pid, part))


def move_memtype(m: View, pid: str, old: Vma, new: Vma, rest: list[Vma]) -> None:
    """A moved VMA keeps its type; up to 6.15 the pieces that stay behind forget that they have one.

    Source: untrack_pfn_moved, from 6.1 untrack_pfn_clear (measured on 5.10 to 6.12).
    """
    if not _by_number(m):
        memtype_copy(m, owner(pid, old), owner(pid, new))
        memtype_free(m, owner(pid, old))
        return
    for vma in rest:
        put_vmas(m, pid, remove=(vma,), add=(replace(vma, flags=vma.flags & ~VM.PAT),))


def can_copy(m: View, pid: str, vma: Vma) -> bool:
    """Up to 6.15 fork fails when the first page of a tracked private VMA was copied on write.

    The kernel reads the type off that page's PTE, which shows ordinary memory by then.
    """
    tracked = _by_number(m) and VM.PAT in vma.flags
    return not tracked or m["pagetable", pid].pfn(vma.start >> PAGE_SHIFT) is not None


def untrack_copy(m: View, vma: Vma) -> None:
    """The copy that failed dies with the child: on 5.10 it frees what its parent had reserved."""
    if m.kernel["failed_copy_frees"]:
        memtype_erase(m, *vma.entry("")[:2])


def copy_memtype(m: View, pid: str, child: str, vma: Vma) -> None:
    """The child's VMA gets a reservation of its own, up to 6.15; from 6.16 a share."""
    if not _by_number(m):
        memtype_copy(m, owner(pid, vma), owner(child, vma))
        return
    first, last = vma.entry(pid)[:2]
    held = [r for r in m.get("memtype", ()) if r.first <= last and r.last >= first]
    if VM.PAT in vma.flags and held:
        memtype_reserve(m, first, last, held[0].type, NOBODY)
