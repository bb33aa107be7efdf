"""A buffer of a process whose pages are missing, so that a kernel copy has to wait for them."""

from __future__ import annotations

from devmemkit.model.errors import Blocked
from devmemkit.model.machine import Key, View
from devmemkit.model.step import Frame, Next, Return, operation


def _key(f: Frame) -> Key:
    return ("buffer", f.buffer, f.pid)


def wait_for_buffer(m: View, f: Frame) -> None:
    """A copy from or to the operation's `buffer` waits until the process fills it; "" is there.

    The wait holds no lock of the address space.
    Source: handle_userfault (fs/userfaultfd.c), which drops mmap_lock, 5.10 to 7.3.
    """
    if f.buffer and not m.get(_key(f)):
        raise Blocked(f"buffer {f.buffer}")


@operation("uffdio_copy", needs=("pid", "buffer"))
def userfaultfd_copy(m: View, f: Frame) -> Next:
    """UFFDIO_COPY fills all pages of a process's buffer, and wakes the copies that wait for it."""
    m[_key(f)] = True
    return Return(0)
