"""fork of a process with device mappings, and its end by exit or a signal.

Source: kernel/fork.c:dup_mmap, mm/memory.c:copy_page_range, kernel/exit.c:do_exit.
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.page_table import PageTable
from devmemkit.model.mm.pfn_tracking import can_copy, copy_memtype, untrack_copy
from devmemkit.model.mm.syscalls import remove_vmas
from devmemkit.model.process.task import VM, link_vma, put_vmas, share_files
from devmemkit.model.step import Frame, Next, Return, lock, operation


def dup_mm(m: View, f: Frame) -> Next:
    """dup_mm makes a child with the parent's files and no memory; ValueError for a name in use.

    ENOMEM for a mapping that cannot be copied (see can_copy).
    """
    if m.get(("task", f.child)) is not None:
        raise ValueError(f"child: expected the name of no process, got {f.child!r}")
    lock(m, f, "mmap", f.pid)
    f.todo = tuple(vma for vma in m["vmas", f.pid] if VM.DONTCOPY not in vma.flags)
    for vma in f.todo:
        if not can_copy(m, f.pid, vma):
            untrack_copy(m, vma)
            return dup_mmap_failed
    m["task", f.child] = m["task", f.pid]
    share_files(m, f.pid, f.child)
    m["vmas", f.child] = ()
    m["pagetable", f.child] = PageTable()
    return dup_mmap if f.todo else Return(f.child)


def dup_mmap(m: View, f: Frame) -> Next:
    """dup_mmap links one VMA of the child after the parent's, before the VMA has PTEs."""
    vma = f.todo[0]
    put_vmas(m, f.child, add=(vma,))
    link_vma(m, f.child, vma)
    copy_memtype(m, f.pid, f.child, vma)
    f.page = vma.vpns[0]
    return None


def copy_page_range(m: View, f: Frame) -> Next:
    """copy_page_range copies the PTEs and private pages; zapped pages stay zapped in the child.

    In a fine machine it copies one page a step, so that a zap can come between two pages.
    """
    end = f.todo[0].vpns[1]
    last = f.page if m.machine.fine else end
    parent = m["pagetable", f.pid]
    child = m.edit(("pagetable", f.child))
    for first, until, pfn in parent.between(f.page, last):
        child.set(first, until, pfn)
    child.private.update({v: page for v, page in parent.private.items() if f.page <= v <= last})
    for bits in ("protected", "soft"):  # but clean: the child has written nothing
        copied = frozenset(v for v in getattr(parent, bits) if f.page <= v <= last)
        setattr(child, bits, getattr(child, bits) | copied)
    f.page = last + 1
    if f.page <= end:
        return copy_page_range
    f.todo = f.todo[1:]
    return dup_mmap if f.todo else Return(f.child)


def dup_mmap_failed(m: View, f: Frame) -> Next:
    """fork fails with ENOMEM and undoes the child."""
    raise KernelError("ENOMEM", "the first page of a tracked mapping is a private copy")


operation("fork", dup_mm, dup_mmap, copy_page_range, dup_mmap_failed, needs=("pid", "child"))
"""Fork `pid` into `child`; gives the child's name. ENOMEM."""


def exit_mmap(m: View, f: Frame) -> Next:
    """exit_mmap unmaps everything, what is sealed, too."""
    lock(m, f, "mmap", f.pid)
    remove_vmas(m, f.pid, list(m["vmas", f.pid]), 0, m.kernel["task_size"])
    return None


def exit_files(m: View, f: Frame) -> Next:
    """exit_files closes all files, a VFIO container among them; nothing of the process is left."""
    for part in ("files", "vmas", "pagetable", "task", "dma"):
        m[part, f.pid] = None
    return Return(0)


operation("exit", exit_mmap, exit_files, needs=("pid",))
"""End a process that no other operation is using; a later act of it has nothing to act on."""
