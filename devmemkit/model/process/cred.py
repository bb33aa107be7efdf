"""Processes that give up their privileges: root's identity, or the capabilities alone.

Source: kernel/sys.c:__sys_setresuid, kernel/capability.c:capset; the same in 5.10 to 7.3.
"""

from __future__ import annotations

from devmemkit.model.machine import View
from devmemkit.model.process.task import Task
from devmemkit.model.step import Frame, Next, Return, operation


def sys_setuid(m: View, f: Frame) -> Next:
    """setuid to an ordinary user, which also drops the capabilities."""
    m["task", f.pid] = Task(root=False, capabilities=frozenset())
    return Return(0)


setuid = operation("setuid", sys_setuid, needs=("pid",))


def sys_capset(m: View, f: Frame) -> Next:
    """capset drops all capabilities of a process that stays root."""
    m["task", f.pid] = Task(root=m["task", f.pid].root, capabilities=frozenset())
    return Return(0)


capset = operation("capset", sys_capset, needs=("pid",))
