"""What every mmap of device memory shares: the entry, filling the PTEs, linking the VMA."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View
from devmemkit.model.memtype import memtype_reserve
from devmemkit.model.step import Frame, Next, Return, lock
from devmemkit.model.task import (
    REMAPPED,
    VM,
    Vma,
    get_file,
    link_vma,
    page_align,
    put_vmas,
    vm_prot,
)

LOWEST = 0x7F00_0000_0000
"""Address of a process's first mapping; a real kernel draws it at random."""

MMAP_DEFAULTS: dict[str, Any] = {"prot": "rw", "shared": True, "offset": 0}


def do_mmap(m: View, f: Frame) -> Next:
    """Take mmap_lock and test what mm/mmap.c tests for any file: EINVAL, EBADF, EACCES.

    Also picks the address: the next free one, one page of hole between mappings.
    """
    lock(m, f, f"mmap {f.pid}")
    if f.offset % PAGE_SIZE:
        raise KernelError("EINVAL", f"offset {f.offset:#x} is not page aligned")
    file = get_file(m, f.pid, f.fd)
    if f.length <= 0:
        raise KernelError("EINVAL", f"length {f.length}")
    if not file.read or (f.shared and "w" in f.prot and not file.write):
        raise KernelError("EACCES", "the file is not open for that")
    length = page_align(f.length)
    start = max((vma.end for vma in m["vmas", f.pid]), default=LOWEST - PAGE_SIZE) + PAGE_SIZE
    flags = vm_prot(f.prot) | (VM.SHARED if f.shared else VM(0))
    if file.write or not f.shared:
        flags |= VM.MAYWRITE
    f.vma = Vma(start, start + length, flags, f.offset >> PAGE_SHIFT, file)
    f.page = f.vma.pgoff
    return None


def remap(m: View, f: Frame, wanted: str, error: str) -> None:
    """Reserve the memtype for the whole VMA; `error` when it conflicts (track_pfn_remap)."""
    first, last = f.vma.entry(f.pid)[:2]
    granted = memtype_reserve(m, first, last, wanted, ("vma", f.pid, f.vma.start))
    if granted is None:
        raise KernelError(error, f"memtype: wanted {wanted}, the pages are mapped WB")
    f.vma = replace(f.vma, memtype=granted, flags=f.vma.flags | REMAPPED)


def fill(m: View, f: Frame, first: int, last: int) -> None:
    """Make the PTEs of file pages [first, last] of the VMA (remap_pfn_range)."""
    vpn = f.vma.vpns[0] - f.vma.pgoff
    m.edit(("pagetable", f.pid)).set(vpn + first, vpn + last, first)


def remap_pfn_range(m: View, f: Frame) -> Next:
    """Populate the whole VMA before anybody can see it (up to 6.18, and every legacy ->mmap)."""
    fill(m, f, f.vma.pgoff, f.vma.pgoff + f.vma.pages - 1)
    return None


def vma_link_file(m: View, f: Frame) -> Next:
    """Make the VMA visible to unmap_mapping_range, under the rmap lock of its file."""
    put_vmas(m, f.pid, add=(f.vma,))
    link_vma(m, f.pid, f.vma)
    return None


def mmap_end(m: View, f: Frame) -> Next:
    """Drop mmap_lock; the value is the address."""
    return Return(f.vma.start)
