"""System calls on mappings that exist: munmap, mprotect, mremap, madvise, msync, mlock, fork."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View
from devmemkit.model.memtype import memtype_copy, memtype_free
from devmemkit.model.pagetable import PageTable
from devmemkit.model.step import Frame, Next, Return, lock, operation
from devmemkit.model.task import (
    VM,
    Vma,
    find_vma,
    link_vma,
    page_align,
    put_vmas,
    unlink_vma,
    vm_prot,
)


def _mmap_lock(m: View, f: Frame) -> None:
    lock(m, f, f"mmap {f.pid}")


def _touched(m: View, f: Frame) -> list[Vma]:
    if f.address % PAGE_SIZE or f.length < 0:
        raise KernelError("EINVAL", f"address {f.address:#x}, length {f.length}")
    end = f.address + page_align(f.length)
    return [vma for vma in m["vmas", f.pid] if vma.start < end and vma.end > f.address]


def _no_hole(f: Frame, touched: list[Vma]) -> None:
    end = f.address + page_align(f.length)
    covered = sum(min(vma.end, end) - max(vma.start, f.address) for vma in touched)
    if covered < end - f.address:
        raise KernelError("ENOMEM", f"part of {f.address:#x}+{f.length:#x} is not mapped")


def _split(m: View, f: Frame, vma: Vma) -> Vma:
    """Cut `vma` at the borders of [address, address+length); gives the piece inside."""
    start = max(vma.start, f.address)
    end = min(vma.end, f.address + page_align(f.length))
    cuts = [vma.start, start, end, vma.end]
    parts = [vma.part(a, b) for a, b in pairwise(cuts) if a < b]
    if len(parts) > 1:
        unlink_vma(m, f.pid, vma)
        put_vmas(m, f.pid, remove=(vma,), add=tuple(parts))
        for part in parts:
            link_vma(m, f.pid, part)
            if part.start != vma.start:
                memtype_copy(m, ("vma", f.pid, vma.start), ("vma", f.pid, part.start))
    return next(part for part in parts if part.start == start)


def _unmap(m: View, pid: str, address: int, length: int) -> None:
    where = Frame(pid=pid, address=address, length=length)
    for vma in _touched(m, where):
        part = _split(m, where, vma)
        m.edit(("pagetable", pid)).zap(*part.vpns)
        unlink_vma(m, pid, part)
        put_vmas(m, pid, remove=(part,))
        memtype_free(m, ("vma", pid, part.start))


def do_munmap(m: View, f: Frame) -> Next:
    """munmap: the VMAs leave the i_mmap and their PTEs go; a hole is no error."""
    _mmap_lock(m, f)
    if not f.length:
        raise KernelError("EINVAL", "length 0")
    _unmap(m, f.pid, f.address, f.length)
    return Return(0)


munmap = operation("munmap", do_munmap)


def do_mprotect(m: View, f: Frame) -> Next:
    """mprotect: ENOMEM over a hole, EACCES beyond the file's open mode; revives nothing."""
    _mmap_lock(m, f)
    touched = _touched(m, f)
    _no_hole(f, touched)
    wanted = vm_prot(f.prot)
    for vma in touched:
        if VM.WRITE in wanted and VM.MAYWRITE not in vma.flags:
            raise KernelError("EACCES", "a shared mapping of a file opened read-only")
    for vma in touched:
        part = _split(m, f, vma)
        flags = (part.flags & ~(VM.READ | VM.WRITE | VM.EXEC)) | wanted
        put_vmas(m, f.pid, remove=(part,), add=(replace(part, flags=flags),))
    return Return(0)


mprotect = operation("mprotect", do_mprotect)

MADVISE = frozenset({"NORMAL", "RANDOM", "SEQUENTIAL", "WILLNEED", "DONTFORK", "DONTDUMP"})
"""Advice that succeeds on a remapped VMA; all other is EINVAL (M, 5.10 to 7.3)."""


def do_madvise(m: View, f: Frame) -> Next:
    """madvise: DONTFORK cannot be taken back (DOFORK is EINVAL on VM_IO)."""
    _mmap_lock(m, f)
    touched = _touched(m, f)
    if touched and f.advice not in MADVISE:
        raise KernelError("EINVAL", f"MADV_{f.advice} on a VM_PFNMAP mapping")
    _no_hole(f, touched)
    if f.advice == "DONTFORK":
        for vma in touched:
            part = _split(m, f, vma)
            put_vmas(m, f.pid, remove=(part,), add=(replace(part, flags=part.flags | VM.DONTCOPY),))
    return Return(0)


madvise = operation("madvise", do_madvise)


def do_msync(m: View, f: Frame) -> Next:
    """msync(MS_SYNC): EINVAL always, the files have no fsync; ENOMEM where nothing is mapped."""
    _mmap_lock(m, f)
    touched = _touched(m, f)
    if touched:
        raise KernelError("EINVAL", "the file has no fsync operation")
    _no_hole(f, touched)
    return Return(0)


msync = operation("msync", do_msync)


def do_mlock(m: View, f: Frame) -> Next:
    """mlock: rounds to whole pages, brings nothing back; ENOMEM over a hole."""
    _mmap_lock(m, f)
    into = f.address % PAGE_SIZE
    pages = Frame(pid=f.pid, address=f.address - into, length=f.length + into)
    _no_hole(pages, _touched(m, pages))
    return Return(0)


mlock = operation("mlock", do_mlock)


def do_mremap(m: View, f: Frame) -> Next:
    """mremap: growing is EFAULT (VM_DONTEXPAND); shrinking and moving (to `to`) work.

    A moved VMA keeps its page offset, so a later claim still finds it; dead pages stay dead. What
    was mapped at `to` goes (MREMAP_FIXED); EINVAL when old and new range overlap.
    """
    _mmap_lock(m, f)
    old, new = page_align(f.length), page_align(f.new_length)
    vma = find_vma(m, f.pid, f.address)
    if f.address % PAGE_SIZE or not old or not new:
        raise KernelError("EINVAL", f"address {f.address:#x}, lengths {old}, {new}")
    if f.to is not None:
        if f.to % PAGE_SIZE or (f.to < f.address + old and f.address < f.to + new):
            raise KernelError("EINVAL", f"cannot move {f.address:#x}+{old:#x} to {f.to:#x}")
        _unmap(m, f.pid, f.to, new)
    if vma is None or f.address + old > vma.end or new > old:
        raise KernelError("EFAULT", "not one mapping, or one that must not grow")
    if new < old:
        _unmap(m, f.pid, f.address + new, old - new)
        vma = find_vma(m, f.pid, f.address)
    if f.to is None or vma is None:
        return Return(f.address)
    part = _split(m, Frame(pid=f.pid, address=f.address, length=new), vma)
    moved = replace(part, start=f.to, end=f.to + new)
    m.edit(("pagetable", f.pid)).move(*part.vpns, f.to >> PAGE_SHIFT)
    unlink_vma(m, f.pid, part)
    put_vmas(m, f.pid, remove=(part,), add=(moved,))
    link_vma(m, f.pid, moved)
    memtype_copy(m, ("vma", f.pid, part.start), ("vma", f.pid, moved.start))
    memtype_free(m, ("vma", f.pid, part.start))
    return Return(f.to)


mremap = operation("mremap", do_mremap, to=None)


def dup_mm(m: View, f: Frame) -> Next:
    """fork, first: a child with the parent's files and no memory yet."""
    _mmap_lock(m, f)
    m["task", f.child] = m["task", f.pid]
    m["files", f.child] = m["files", f.pid]
    m["vmas", f.child] = ()
    m["pagetable", f.child] = PageTable()
    f.todo = tuple(vma for vma in m["vmas", f.pid] if VM.DONTCOPY not in vma.flags)
    return "dup_mmap" if f.todo else Return(f.child)


def dup_mmap(m: View, f: Frame) -> Next:
    """One VMA of the child goes into the i_mmap, right after the parent's, before it has PTEs."""
    vma = f.todo[0]
    put_vmas(m, f.child, add=(vma,))
    link_vma(m, f.child, vma)
    memtype_copy(m, ("vma", f.pid, vma.start), ("vma", f.child, vma.start))
    return None


def copy_page_range(m: View, f: Frame) -> Next:
    """Its PTEs are copied: dead pages stay dead in the child, private copies are its own."""
    vma, *rest = f.todo
    parent = m["pagetable", f.pid]
    child = m.edit(("pagetable", f.child))
    for first, last, pfn in parent.between(*vma.vpns):
        child.set(first, last, pfn)
    low, high = vma.vpns
    child.private.update({v: page for v, page in parent.private.items() if low <= v <= high})
    f.todo = tuple(rest)
    return "dup_mmap" if rest else Return(f.child)


fork = operation("fork", dup_mm, dup_mmap, copy_page_range)
"""Fork `pid` into `child`; gives the child's name."""
