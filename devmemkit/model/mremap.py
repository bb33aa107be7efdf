"""mremap of device mappings: shrinking and moving work, growing does not (mm/mremap.c)."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View
from devmemkit.model.mm import split, unmap
from devmemkit.model.step import Frame, Next, Return, lock, operation
from devmemkit.model.task import VM, find_vma, link_vma, page_align, put_vmas, unlink_vma
from devmemkit.model.track import move_memtype


def mremap_to(m: View, f: Frame) -> Next:
    """The checks, the end that is cut off, and what is in the way at `to` (MREMAP_FIXED).

    EINVAL for addresses inside a page and ranges that overlap, EFAULT where nothing is. What was
    unmapped here stays so when the move fails.
    """
    lock(m, f, f"mmap {f.pid}")
    f.length, f.new_length = page_align(f.length), page_align(f.new_length)
    if f.address % PAGE_SIZE or not f.new_length:
        raise KernelError("EINVAL", f"address {f.address:#x}, new length {f.new_length}")
    if find_vma(m, f.pid, f.address) is None:
        raise KernelError("EFAULT", f"nothing is mapped at {f.address:#x}")
    if f.to is not None:
        end, to_end = f.address + f.length, f.to + f.new_length
        if f.to % PAGE_SIZE or (f.to < end and f.address < to_end):
            raise KernelError("EINVAL", f"cannot move {f.address:#x}-{end:#x} to {f.to:#x}")
        unmap(m, f.pid, f.to, f.new_length)
    if f.length >= f.new_length:
        unmap(m, f.pid, f.address + f.new_length, f.length - f.new_length)
        f.length = f.new_length
        if f.to is None:
            return Return(f.address)
    return None


def move_vma(m: View, f: Frame) -> Next:
    """Growing is EFAULT (VM_DONTEXPAND), so is a range that one VMA does not hold.

    A moved VMA keeps its page offset, so a later claim still finds it; dead pages stay dead.
    """
    vma = find_vma(m, f.pid, f.address)
    if vma is not None and not f.length and VM.MAYSHARE not in vma.flags:
        raise KernelError("EINVAL", "old length 0 of a private mapping")
    if vma is None or f.address + f.length > vma.end or f.new_length > f.length:
        raise KernelError("EFAULT", "not one mapping, or one that must not grow")
    part = split(m, f.pid, vma, f.address, f.address + f.length)
    moved = replace(part, start=f.to, end=f.to + f.length)
    m.edit(("pagetable", f.pid)).move(*part.vpns, f.to >> PAGE_SHIFT)
    unlink_vma(m, f.pid, part)
    put_vmas(m, f.pid, remove=(part,), add=(moved,))
    link_vma(m, f.pid, moved)
    move_memtype(m, f.pid, part, moved)
    return Return(f.to)


mremap = operation(
    "mremap", mremap_to, move_vma, needs=("pid", "address", "length", "new_length"), to=None
)
"""Resize or move; gives the address. `to` is a fixed new address, None to stay."""
