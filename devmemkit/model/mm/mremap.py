"""mremap of device mappings: shrinking and moving work, growing does not (mm/mremap.c)."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.mmap import is_gone
from devmemkit.model.mm.pfn_tracking import move_memtype
from devmemkit.model.mm.syscalls import check_range, sealed, split, unmap
from devmemkit.model.process.task import (
    VM,
    Vma,
    find_vma,
    link_vma,
    put_vmas,
    unlink_vma,
)
from devmemkit.model.step import Frame, Next, Return, lock, operation


def mremap_begin(m: View, f: Frame) -> Next:
    """The checks of mremap before it changes anything.

    EINVAL for addresses inside a page, a new length of 0 and ranges that overlap; EFAULT where
    nothing is mapped, EPERM where it is sealed. 5.10 does not check the source here; from 6.17 on
    all checks are here.
    """
    lock(m, f, "mmap", f.pid)
    f.length, f.new_length = map(m.kernel.page_align, (f.length, f.new_length))
    if f.address % m.kernel.page_size or not f.new_length:
        raise KernelError("EINVAL", f"address {f.address:#x}, new length {f.new_length}")
    if (
        m.kernel["mremap_checks"] == "alignment, source, target"
        and (f.to or 0) % m.kernel.page_size
    ):
        raise KernelError("EINVAL", f"new address {f.to:#x}")
    if m.kernel["mremap_checks"] in ("source, target", "alignment, source, target"):
        _source(m, f, f.address)
    if f.to is not None:
        _check_target(m, f)
    if m.kernel["mremap_checks"] == "all first":
        if f.new_length > m.kernel["task_size"]:
            raise KernelError("EINVAL", f"new length {f.new_length:#x}")
        if f.to is not None and f.length == f.new_length:
            f.next, f.moved = f.address, 0
            return remap_move
        _check_source(f, _source(m, f, f.address))
    return shrink if f.to is None else unmap_target


def _source(m: View, f: Frame, address: int) -> Vma:
    vma = find_vma(m, f.pid, address)
    if vma is None:
        raise KernelError("EFAULT", f"nothing is mapped at {address:#x}")
    if VM.SEALED in vma.flags:
        raise KernelError("EPERM", f"the mapping at {vma.start:#x} is sealed")
    return vma


def _check_target(m: View, f: Frame) -> None:
    end, to_end = f.address + f.length, f.to + f.new_length
    overlap = f.to < end and f.address < to_end
    if f.to % m.kernel.page_size or to_end > m.kernel["task_size"] or overlap:
        raise KernelError("EINVAL", f"cannot move {f.address:#x}-{end:#x} to {f.to:#x}")


def _check_source(f: Frame, vma: Vma) -> None:
    """Check a VMA that moves or grows: EFAULT when it grows, or ends before the range does."""
    if f.to is None and f.length >= f.new_length:
        return
    if not f.length and VM.MAYSHARE not in vma.flags:
        raise KernelError("EINVAL", "old length 0 of a private mapping")
    if min(f.length, f.new_length) > vma.end - f.address or f.new_length > f.length:
        raise KernelError("EFAULT", "not one mapping, or one that must not grow")


def unmap_target(m: View, f: Frame) -> Next:
    """MREMAP_FIXED unmaps the target range, even if the move fails afterwards."""
    return None if unmap(m, f.pid, f.to, f.new_length) else sealed


def shrink(m: View, f: Frame) -> Next:
    """mremap unmaps the end of the range, across VMAs and holes; without `to` it then ends."""
    if f.length > f.new_length:
        check_range(m, f.address, f.length)
        if not unmap(m, f.pid, f.address + f.new_length, f.length - f.new_length):
            return sealed
        f.length = f.new_length
    if f.to is None and f.length == f.new_length:
        return Return(f.address)
    return None


def move_vma(m: View, f: Frame) -> Next:
    """move_vma moves one VMA; EFAULT to grow it (VM_DONTEXPAND) or for a range of several VMAs.

    A moved VMA keeps its page offset, so a later claim finds it; zapped pages stay zapped.
    """
    vma = _source(m, f, f.address)
    _check_source(f, vma)
    if is_gone(m, vma.file):
        return get_unmapped_area
    _move(m, f.pid, vma, f.address, f.address + f.length, f.to)
    return Return(f.to)


def remap_move(m: View, f: Frame) -> Next:
    """remap_move (6.17 on) moves each VMA of the range and keeps the holes; one VMA a step.

    EFAULT when the range begins in a hole, or when a procfs mapping is one of several.
    """
    end = f.address + f.length
    around = (v for v in m["vmas", f.pid] if v.end > f.next and v.start < end)
    vma = next(around, None)
    if vma is None and f.moved:
        return Return(f.to)
    if vma is None:
        raise KernelError("EFAULT", f"nothing is mapped at {f.address:#x}")
    at, until = max(vma.start, f.address), min(vma.end, end)
    alone = vma.file.kind == "proc" and (f.moved or vma.end < end)
    if alone or (not f.moved and at != f.address) or at >= vma.end:
        raise KernelError("EFAULT", f"{at:#x} cannot move with the rest")
    to = f.to + at - f.address
    if VM.SEALED in vma.flags or not unmap(m, f.pid, to, until - at):
        return sealed
    if is_gone(m, vma.file):
        return get_unmapped_area
    vma = _source(m, f, at)  # the target may have been another part of it
    _move(m, f.pid, vma, at, until, to)
    f.next, f.moved = until, f.moved + 1
    return remap_move if until < end else Return(f.to)


def get_unmapped_area(m: View, f: Frame) -> Next:
    """get_unmapped_area of procfs fails with EIO for a removed device; the target is unmapped."""
    raise KernelError("EIO", "the device of the mapping is gone")


def _move(m: View, pid: str, vma: Vma, start: int, end: int, to: int) -> None:
    part = split(m, pid, vma, start, end)
    moved = replace(part, start=to, end=to + end - start)
    m.edit(("pagetable", pid)).move(*part.vpns, to >> vma.page_shift)
    unlink_vma(m, pid, part)
    put_vmas(m, pid, remove=(part,), add=(moved,))
    link_vma(m, pid, moved)
    rest = [v for v in m["vmas", pid] if v.start in (vma.start, end) and v.end in (start, vma.end)]
    move_memtype(m, pid, part, moved, [v for v in rest if v != moved])


operation(
    "mremap",
    mremap_begin,
    unmap_target,
    shrink,
    move_vma,
    remap_move,
    get_unmapped_area,
    sealed,
    needs=("pid", "address", "length", "new_length"),
    to=None,
)
"""Resize or move; gives the address. `to` is a fixed new address, None to stay.
EINVAL, EFAULT, EIO, EPERM."""
