"""System calls on mappings that exist: munmap, mprotect, madvise, msync, mlock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import U64
from devmemkit.model.machine import View
from devmemkit.model.mm.pfn_tracking import split_memtype, untrack_end
from devmemkit.model.process.task import (
    VM,
    Vma,
    link_vma,
    put_vmas,
    unlink_vma,
    vm_prot,
)
from devmemkit.model.step import Frame, Next, Return, lock, operation


def touched(m: View, f: Frame, wraps: str, *, round_to_0: bool = False) -> list[Vma]:
    """Take mmap_lock; the VMAs that overlap [address, address+length), in order.

    EINVAL for an address inside a page; `wraps` is the errno for a range beyond 2^64. A length that
    rounds up to 2^64 is 0 with `round_to_0`, and wraps without.
    """
    lock(m, f, "mmap", f.pid)
    if f.address % m.kernel.page_size or f.length < 0:
        raise KernelError("EINVAL", f"address {f.address:#x}, length {f.length}")
    end = f.address + m.kernel.page_align(f.length)
    if round_to_0 and m.kernel.page_align(f.length) > U64:
        end, f.length = f.address, 0
    if end > U64 and f.length:
        raise KernelError(wraps, f"{f.address:#x}+{f.length:#x} wraps")
    return _between(m, f.pid, f.address, end)


def _between(m: View, pid: str, start: int, end: int) -> list[Vma]:
    return [vma for vma in m["vmas", pid] if vma.start < end and vma.end > start and start < end]


def hole_in(m: View, f: Frame, vmas: list[Vma]) -> int | None:
    """The first address of the range outside every VMA, None when all are mapped."""
    at = f.address
    for vma in vmas:
        if vma.start > at:
            break
        at = vma.end
    return at if at < f.address + m.kernel.page_align(f.length) else None


def not_mapped(f: Frame) -> KernelError:
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


def check_range(m: View, address: int, length: int) -> None:
    """munmap gives EINVAL for a range beyond TASK_SIZE."""
    if address + m.kernel.page_align(length) > m.kernel["task_size"]:
        raise KernelError("EINVAL", f"{address:#x}+{length:#x} is beyond the process's addresses")


def unmap(m: View, pid: str, address: int, length: int) -> bool:
    """Remove the VMAs, PTEs and memtypes of [address, address+length), or none if one is sealed.

    False for a sealed one. If it is not the first, that has been split (vms_gather_munmap_vmas).
    """
    end = address + m.kernel.page_align(length)
    vmas = _between(m, pid, address, end)
    if any(VM.SEALED in vma.flags for vma in vmas):
        if VM.SEALED not in vmas[0].flags:
            split(m, pid, vmas[0], address, end)
        return False
    remove_vmas(m, pid, vmas, address, end)
    return True


def remove_vmas(m: View, pid: str, vmas: list[Vma], address: int, end: int) -> None:
    """Remove what lies in [address, end) of these VMAs, with its PTEs and memtypes."""
    for vma in vmas:
        part = split(m, pid, vma, address, end)
        untrack_end(m, pid, part)
        m.edit(("pagetable", pid)).zap(*part.vpns)
        unlink_vma(m, pid, part)
        put_vmas(m, pid, remove=(part,))


def sealed(m: View, f: Frame) -> Next:
    """munmap, mremap and mprotect give EPERM for a sealed mapping."""
    raise KernelError("EPERM", "the mapping is sealed")


def do_munmap(m: View, f: Frame) -> Next:
    """munmap unlinks the VMAs and clears their PTEs; holes are allowed, length 0 is EINVAL."""
    touched(m, f, "EINVAL")
    if not f.length:
        raise KernelError("EINVAL", "length 0")
    check_range(m, f.address, f.length)
    return Return(0) if unmap(m, f.pid, f.address, f.length) else sealed


operation("munmap", do_munmap, sealed, needs=("pid", "address", "length"))


WRITABLE = VM.WRITE | VM.SHARED


def reflag(m: View, f: Frame, vma: Vma, flags: VM) -> None:
    """Give the part of a VMA in the range other flags; a VMA that has them is not split."""
    if flags == vma.flags:
        return
    part = split(m, f.pid, vma, f.address, f.address + m.kernel.page_align(f.length))
    put_vmas(m, f.pid, remove=(part,), add=(replace(part, flags=flags),))
    if f.operation == "mprotect" and part.file.kind == "resource" and WRITABLE in flags:
        table = m.edit(("pagetable", f.pid))
        kept = table.dirty if m.kernel["mprotect_keeps"] == "dirty" else table.dirty & table.soft
        table.protect(*part.vpns, kept)  # the file's page_mkwrite


def do_mprotect(m: View, f: Frame) -> Next:
    """mprotect goes from VMA to VMA; those before a failure keep the new protection."""
    vmas = touched(m, f, "ENOMEM")
    wanted, hole = vm_prot(f.prot), hole_in(m, f, vmas)
    for vma in vmas:
        if hole is not None and vma.start >= hole:
            break
        missing = {VM.WRITE: VM.MAYWRITE, VM.EXEC: VM.MAYEXEC}
        if any(bit in wanted and may not in vma.flags for bit, may in missing.items()):
            return mprotect_denied
        if VM.SEALED in vma.flags:
            return sealed
        reflag(m, f, vma, (vma.flags & ~(VM.READ | VM.WRITE | VM.EXEC)) | wanted)
    return Return(0) if hole is None else mprotect_hole


def mprotect_denied(m: View, f: Frame) -> Next:
    """mprotect gives EACCES beyond the open mode, and for PROT_EXEC under noexec."""
    raise KernelError("EACCES", f"protection {f.prot!r} is more than the file allows")


def mprotect_hole(m: View, f: Frame) -> Next:
    """mprotect gives ENOMEM at a hole."""
    raise not_mapped(f)


operation(
    "mprotect",
    do_mprotect,
    mprotect_denied,
    sealed,
    mprotect_hole,
    needs=("pid", "address", "length", "prot"),
)

POPULATE = frozenset({"POPULATE_READ", "POPULATE_WRITE"})
READS, HUGE = VM.SEQ_READ | VM.RAND_READ, VM.HUGEPAGE | VM.NOHUGEPAGE
TAKEN: dict[str, tuple[VM, VM]] = {
    "NORMAL": (READS, VM(0)),
    "RANDOM": (READS, VM.RAND_READ),
    "SEQUENTIAL": (READS, VM.SEQ_READ),
    "DONTFORK": (VM(0), VM.DONTCOPY),
    "HUGEPAGE": (HUGE, VM.HUGEPAGE),
    "NOHUGEPAGE": (HUGE, VM.NOHUGEPAGE),
} | dict.fromkeys(
    ("WILLNEED", "DONTDUMP", "KEEPONFORK", "MERGEABLE", "UNMERGEABLE"), (VM(0), VM(0))
)
"""Advice that succeeds on a remapped VMA, and the flags it clears and sets (M, 5.10 to 7.3)."""

REFUSED = frozenset(
    {"DONTNEED", "DONTNEED_LOCKED", "FREE", "WIPEONFORK", "COLD", "PAGEOUT"}
    | {"DOFORK", "DODUMP"}
    | POPULATE
)
"""Advice that is EINVAL on a remapped VMA (M, 5.10 to 7.3)."""


def do_madvise(m: View, f: Frame) -> Next:
    """madvise goes on behind a hole and gives ENOMEM at the end; DOFORK is EINVAL.

    POPULATE_READ and POPULATE_WRITE are unknown on 5.10; from 6.12 on they stop at a hole.
    """
    if f.advice not in TAKEN and f.advice not in REFUSED:
        known = ", ".join(sorted(REFUSED | TAKEN.keys()))
        raise ValueError(f"advice: expected one of {known}; got {f.advice!r}")
    if f.advice in POPULATE and m.kernel["populate"] == "unknown":
        raise KernelError("EINVAL", f"there is no MADV_{f.advice}")
    vmas = touched(m, f, "EINVAL")
    ends_at_hole = f.advice in POPULATE and m.kernel["populate"] == "in order"
    if ends_at_hole and hole_in(m, f, vmas) == f.address:
        raise not_mapped(f)
    if vmas and f.advice in REFUSED:
        raise KernelError("EINVAL", f"MADV_{f.advice} on a VM_PFNMAP mapping")
    for vma in vmas:
        cleared, added = TAKEN[f.advice]
        reflag(m, f, vma, vma.flags & ~cleared | added)
    return Return(0) if hole_in(m, f, vmas) is None else madvise_hole


def madvise_hole(m: View, f: Frame) -> Next:
    """madvise gives ENOMEM for a hole, after it has advised the other pages."""
    raise not_mapped(f)


operation("madvise", do_madvise, madvise_hole, needs=("pid", "address", "length", "advice"))


@operation("msync", needs=("pid", "address", "length"))
def do_msync(m: View, f: Frame) -> Next:
    """msync(MS_SYNC) gives EINVAL for a shared mapping of a file without fsync, ENOMEM at a hole.

    /dev/mem and procfs have no fsync; that of sysfs does nothing.
    """
    vmas = touched(m, f, "ENOMEM", round_to_0=True)
    if any(VM.SHARED in vma.flags and vma.file.kind != "resource" for vma in vmas):
        raise KernelError("EINVAL", "the file has no fsync operation")
    if hole_in(m, f, vmas) is not None:
        raise not_mapped(f)
    return Return(0)


@operation("mlock", needs=("pid", "address", "length"))
def do_mlock(m: View, f: Frame) -> Next:
    """mlock rounds to whole pages and revives no page; ENOMEM at a hole."""
    into = f.address % m.kernel.page_size
    f.address, f.length = f.address - into, f.length + into
    if hole_in(m, f, touched(m, f, "EINVAL", round_to_0=True)) is not None:
        raise not_mapped(f)
    return Return(0)
