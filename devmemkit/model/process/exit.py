"""The end of a process, by exit or a signal (kernel/exit.c:do_exit)."""

from __future__ import annotations

from devmemkit.model.machine import View
from devmemkit.model.mm.syscalls import remove_vmas
from devmemkit.model.process.task import TASK_SIZE
from devmemkit.model.step import Frame, Next, Return, lock, operation


def exit_mmap(m: View, f: Frame) -> Next:
    """exit_mmap unmaps everything, what is sealed, too."""
    lock(m, f, "mmap", f.pid)
    remove_vmas(m, f.pid, list(m["vmas", f.pid]), 0, TASK_SIZE)
    return None


def exit_files(m: View, f: Frame) -> Next:
    """exit_files closes all files, a VFIO container among them; nothing of the process is left."""
    for part in ("files", "vmas", "pagetable", "task", "dma"):
        m[part, f.pid] = None
    return Return(0)


exit_ = operation("exit", exit_mmap, exit_files, needs=("pid",))
"""End a process that no other operation is using; a later act of it has nothing to act on."""
