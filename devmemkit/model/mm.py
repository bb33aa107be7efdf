"""System calls on mappings that exist: munmap, mprotect, madvise, msync, mlock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.machine import View
from devmemkit.model.step import Frame, Next, Return, lock, operation
from devmemkit.model.task import (
    VM,
    Vma,
    link_vma,
    page_align,
    put_vmas,
    unlink_vma,
    vm_prot,
)
from devmemkit.model.track import split_memtype, untrack_end


def touched(m: View, f: Frame) -> list[Vma]:
    """The VMAs that [address, address+length) touches, in order, mmap_lock taken; EINVAL."""
    lock(m, f, f"mmap {f.pid}")
    if f.address % PAGE_SIZE or f.length < 0:
        raise KernelError("EINVAL", f"address {f.address:#x}, length {f.length}")
    return _between(m, f.pid, f.address, f.address + page_align(f.length))


def _between(m: View, pid: str, start: int, end: int) -> list[Vma]:
    return [vma for vma in m["vmas", pid] if vma.start < end and vma.end > start and start < end]


def _hole(f: Frame, vmas: list[Vma]) -> int | None:
    """The first address of the range that no VMA holds, None when there is none."""
    at = f.address
    for vma in vmas:
        if vma.start > at:
            break
        at = vma.end
    return at if at < f.address + page_align(f.length) else None


def _not_mapped(f: Frame) -> KernelError:
    return KernelError("ENOMEM", f"part of {f.address:#x}+{f.length:#x} is not mapped")


def split(m: View, pid: str, vma: Vma, start: int, end: int) -> Vma:
    """Cut `vma` at the borders of [start, end); gives the piece inside."""
    start, end = max(vma.start, start), min(vma.end, end)
    cuts = [vma.start, start, end, vma.end]
    parts = [vma.part(a, b) for a, b in pairwise(cuts) if a < b]
    if len(parts) > 1:
        unlink_vma(m, pid, vma)
        put_vmas(m, pid, remove=(vma,), add=tuple(parts))
        for part in parts:
            link_vma(m, pid, part)
        split_memtype(m, pid, vma, parts)
    return next(part for part in parts if part.start == start)


def unmap(m: View, pid: str, address: int, length: int) -> None:
    """Take [address, address+length) out of the process: VMAs, PTEs, memtypes."""
    end = address + page_align(length)
    for vma in _between(m, pid, address, end):
        part = split(m, pid, vma, address, end)
        untrack_end(m, pid, part)
        m.edit(("pagetable", pid)).zap(*part.vpns)
        unlink_vma(m, pid, part)
        put_vmas(m, pid, remove=(part,))


def do_munmap(m: View, f: Frame) -> Next:
    """munmap: the VMAs leave the i_mmap and their PTEs go; a hole is no error, length 0 is."""
    touched(m, f)
    if not f.length:
        raise KernelError("EINVAL", "length 0")
    unmap(m, f.pid, f.address, f.length)
    return Return(0)


munmap = operation("munmap", do_munmap, needs=("pid", "address", "length"))


def _reflag(m: View, f: Frame, vma: Vma, flags: VM) -> None:
    part = split(m, f.pid, vma, f.address, f.address + page_align(f.length))
    put_vmas(m, f.pid, remove=(part,), add=(replace(part, flags=flags),))


def do_mprotect(m: View, f: Frame) -> Next:
    """mprotect goes from VMA to VMA; those before a failure keep the new protection."""
    vmas = touched(m, f)
    wanted, hole = vm_prot(f.prot), _hole(f, vmas)
    for vma in vmas:
        if hole is not None and vma.start >= hole:
            break
        missing = {VM.WRITE: VM.MAYWRITE, VM.EXEC: VM.MAYEXEC}
        if any(bit in wanted and may not in vma.flags for bit, may in missing.items()):
            return "mprotect_denied"
        _reflag(m, f, vma, (vma.flags & ~(VM.READ | VM.WRITE | VM.EXEC)) | wanted)
    return Return(0) if hole is None else "mprotect_hole"


def mprotect_denied(m: View, f: Frame) -> Next:
    """EACCES beyond what the file was opened for, or PROT_EXEC on sysfs and procfs."""
    raise KernelError("EACCES", f"protection {f.prot!r} is more than the file allows")


def mprotect_hole(m: View, f: Frame) -> Next:
    """ENOMEM where nothing is mapped."""
    raise _not_mapped(f)


mprotect = operation(
    "mprotect",
    do_mprotect,
    mprotect_denied,
    mprotect_hole,
    needs=("pid", "address", "length", "prot"),
)

TAKEN = frozenset({"NORMAL", "RANDOM", "SEQUENTIAL", "WILLNEED", "DONTFORK", "DONTDUMP"})
REFUSED = frozenset(
    {"DONTNEED", "DONTNEED_LOCKED", "FREE", "WIPEONFORK", "COLD", "PAGEOUT"}
    | {"POPULATE_READ", "POPULATE_WRITE", "DOFORK", "DODUMP"}
)
"""Advice that succeeds, and that is EINVAL, on a remapped VMA (M, 5.10 to 7.3)."""


def do_madvise(m: View, f: Frame) -> Next:
    """madvise: a hole is told at the end; DONTFORK cannot be taken back (DOFORK is EINVAL)."""
    if f.advice not in TAKEN | REFUSED:
        known = ", ".join(sorted(TAKEN | REFUSED))
        raise ValueError(f"advice: expected one of {known}; got {f.advice!r}")
    vmas = touched(m, f)
    if vmas and f.advice in REFUSED:
        raise KernelError("EINVAL", f"MADV_{f.advice} on a VM_PFNMAP mapping")
    for vma in vmas if f.advice == "DONTFORK" else ():
        _reflag(m, f, vma, vma.flags | VM.DONTCOPY)
    return Return(0) if _hole(f, vmas) is None else "madvise_hole"


def madvise_hole(m: View, f: Frame) -> Next:
    """ENOMEM, the rest being done."""
    raise _not_mapped(f)


madvise = operation(
    "madvise", do_madvise, madvise_hole, needs=("pid", "address", "length", "advice")
)


def do_msync(m: View, f: Frame) -> Next:
    """msync(MS_SYNC): a shared mapping is EINVAL where the file has no fsync; a hole ENOMEM.

    /dev/mem and procfs have none; sysfs has one that does nothing.
    """
    vmas = touched(m, f)
    if any(VM.SHARED in vma.flags and vma.file.kind != "resource" for vma in vmas):
        raise KernelError("EINVAL", "the file has no fsync operation")
    if _hole(f, vmas) is not None:
        raise _not_mapped(f)
    return Return(0)


msync = operation("msync", do_msync, needs=("pid", "address", "length"))


def do_mlock(m: View, f: Frame) -> Next:
    """mlock: rounds to whole pages, brings nothing back; ENOMEM over a hole."""
    into = f.address % PAGE_SIZE
    f.address, f.length = f.address - into, f.length + into
    if _hole(f, touched(m, f)) is not None:
        raise _not_mapped(f)
    return Return(0)


mlock = operation("mlock", do_mlock, needs=("pid", "address", "length"))
