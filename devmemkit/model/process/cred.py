"""Credentials that a process gives up: root's identity, or the capabilities alone.

Source: kernel/sys.c:__sys_setresuid, kernel/capability.c:capset; the same in 5.10 to 7.3.
"""

from __future__ import annotations

from devmemkit.model.machine import View
from devmemkit.model.process.task import Task
from devmemkit.model.step import Frame, Next, Return, operation


def sys_setuid(m: View, f: Frame) -> Next:
    """Become an ordinary user, whose capabilities are gone with root's identity."""
    m["task", f.pid] = Task(root=False, capabilities=frozenset())
    return Return(0)


setuid = operation("setuid", sys_setuid, needs=("pid",))


def sys_capset(m: View, f: Frame) -> Next:
    """Stay root, without any capability."""
    m["task", f.pid] = Task(root=m["task", f.pid].root, capabilities=frozenset())
    return Return(0)


capset = operation("capset", sys_capset, needs=("pid",))
