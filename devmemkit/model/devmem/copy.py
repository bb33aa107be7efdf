"""/dev/mem: read and write, a check and a copy for each page, and the repaired orders of the two.

Source: read_mem and write_mem (drivers/char/mem.c), 5.10 to 7.3 unless a step says otherwise.
"""

from __future__ import annotations

from devmemkit.model.devmem.mem import REFUSED
from devmemkit.model.errors import KernelError
from devmemkit.model.flags import U64
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import WB, memtype_free, memtype_reserve
from devmemkit.model.mm.physical import read_physical, write_physical
from devmemkit.model.mm.user_buffer import wait_for_buffer
from devmemkit.model.process.task import get_file, update_file
from devmemkit.model.repairs import LOCKED
from devmemkit.model.resource.strict import (
    DENY,
    RESOURCE_LOCK,
    ZERO,
    has_ram,
    page_is_allowed,
    ram_contains,
    same_answer_until,
)
from devmemkit.model.step import Frame, Next, Return, Step, Steps, lock, operation, unlock

INT_MAX = 0x7FFF_FFFF
"""Whole pages below it are what one read or write transfers at most (MAX_RW_COUNT)."""


def valid_phys_addr_range(m: View, f: Frame) -> Next:
    """EFAULT beyond high_memory, on arm64 outside of a region of RAM, before any permission check.

    First come EINVAL for a negative offset, EBADF for a file not open for that, and EOVERFLOW
    for a length that wraps at a position of 2^63 or more (rw_verify_area).
    """
    if f.offset is not None and f.offset >> 63:
        raise KernelError("EINVAL", f"offset {f.offset:#x}")
    file = get_file(m, f.pid, f.fd, "mem")
    writing = f.operation == "write_devmem"
    if not (file.write if writing else file.read):
        raise KernelError("EBADF", "the file is not open for that")
    if f.buffer and f.offset is None:
        raise ValueError("offset: expected one with a buffer that is missing, got none")
    f.done, f.read = 0, b""
    count = f.count if not writing else f.data if isinstance(f.data, int) else len(f.data)
    f.at_pos = f.offset is None
    if f.at_pos:
        f.offset = file.pos
        if f.offset >> 63 and count >= U64 + 1 - f.offset:
            raise KernelError("EOVERFLOW", f"{count} bytes at {f.offset:#x}")
    f.left = min(count, INT_MAX & -m.kernel.page_size)
    if m.kernel["copy_reach"] != "one region of RAM":
        last = (f.offset + f.left - 1) & U64
        reached, where = last <= m.machine.high_memory - 1, "above high_memory"
    else:
        reached, where = ram_contains(m, f.offset, f.left), "outside of the kernel's RAM"
    if not reached:
        raise KernelError("EFAULT", f"{f.offset:#x} is {where}")
    return None if f.left else Return(b"" if not writing and f.keep else 0)


def check_page(m: View, f: Frame) -> Next:
    """read_mem and write_mem check one page, or the part of it that is wanted, and map it.

    A refused page is EPERM even when earlier pages were copied; EFAULT if it cannot be mapped.
    A coarse machine takes all pages of the same answer in one step: without a buffer that is
    missing, no other actor comes in between.
    """
    at = f.offset + f.done
    page, last = at >> m.kernel.page_shift, (at + f.left - 1) >> m.kernel.page_shift
    if m.kernel.repair in LOCKED:
        lock(m, f, *RESOURCE_LOCK, write=False)
    f.answer = page_is_allowed(m, page)
    if f.answer == DENY:
        raise KernelError("EPERM", REFUSED.format(page), page=page)
    until = page if f.buffer else same_answer_until(m, page, last)
    f.part = min(f.left, ((until + 1) << m.kernel.page_shift) - at)
    if _keeps_mapped(m, f) and memtype_reserve(m, page, page, WB, _mapped_by(f)) is None:
        raise KernelError("EFAULT", f"page {page:#x} cannot be mapped")
    return _go_on(m, f, check_page)


def _keeps_mapped(m: View, f: Frame) -> bool:
    """Whether anybody can act while xlate_dev_mem_ptr has the page mapped."""
    return f.answer != ZERO and (bool(f.buffer) or m.machine.fine)


def _mapped_by(f: Frame) -> tuple[str, str]:
    return ("xlate_dev_mem_ptr", f.actor)


def _is_mapped(m: View, f: Frame) -> bool:
    """Whether xlate_dev_mem_ptr gives an address that the kernel can touch; else the copy faults.

    x86 maps any page (arch/x86/mm/ioremap.c), the generic one is __va: it maps RAM alone.
    """
    any_page = f.answer == ZERO or m.kernel["copy_reach"] != "mapped RAM"
    return any_page or has_ram(m, (f.offset + f.done) >> m.kernel.page_shift)


def _faults(f: Frame) -> KernelError:
    return KernelError(
        "EFAULT", f"the kernel has no mapping of {f.offset + f.done:#x}: it is no RAM"
    )


def fetch_page(m: View, f: Frame) -> Next:
    """read_mem copies the page into a buffer of its own before the process gets any of it."""
    f.bounce = _from_memory(m, f)
    if m.kernel.repair == "bounce-locked":
        unlock(m, f, *RESOURCE_LOCK)
    return _go_on(m, f, fetch_page)


def _from_memory(m: View, f: Frame) -> bytes:
    """The bytes of memory; the page is not needed any more, so unxlate_dev_mem_ptr unmaps it.

    EFAULT where the kernel has no mapping of it.
    """
    if not _is_mapped(m, f):
        raise _faults(f)
    if _keeps_mapped(m, f):
        memtype_free(m, _mapped_by(f))
    if not f.keep:
        return b""
    return bytes(f.part) if f.answer == ZERO else read_physical(m, f.offset + f.done, f.part)


def fill_bounce(m: View, f: Frame) -> Next:
    """bounce, bounce-locked: write_mem first takes the bytes, and waits for them, with no check."""
    wait_for_buffer(m, f)
    return _go_on(m, f, fill_bounce)


def copy_page(m: View, f: Frame) -> Next:
    """The copy from or to the process; it waits while the buffer of the process is missing.

    EFAULT where the kernel has no mapping of the page, after pages that were written their count.
    """
    if f.operation == "read_devmem":
        wait_for_buffer(m, f)
        f.read += f.bounce if fetch_page in _order(m.kernel, f.operation) else _from_memory(m, f)
    elif f.answer != ZERO:  # else the process's bytes are not even looked at
        wait_for_buffer(m, f)
        if not _is_mapped(m, f):
            if f.done:  # the count of what was written, or EFAULT
                return Return(f.done)
            raise _faults(f)
        if isinstance(f.data, bytes):
            write_physical(m, f.offset + f.done, f.data[f.done : f.done + f.part])
        if _keeps_mapped(m, f):
            memtype_free(m, _mapped_by(f))
    return _go_on(m, f, copy_page)


def recheck_page(m: View, f: Frame) -> Next:
    """recheck: the page is checked once more when memory was read or written; EPERM."""
    page = (f.offset + f.done) >> m.kernel.page_shift
    if page_is_allowed(m, page) == DENY:
        raise KernelError("EPERM", f"page {page:#x} was claimed meanwhile", page=page)
    return _go_on(m, f, recheck_page)


def _go_on(m: View, f: Frame, step: Step) -> Next:
    """Go to the next step of this page, to the next page, or end."""
    order = _order(m.kernel, f.operation)
    if step is not order[-1]:
        return None
    if RESOURCE_LOCK in f.held:
        unlock(m, f, *RESOURCE_LOCK)
    f.done += f.part
    f.left -= f.part
    if f.left:
        return order[0]
    if f.at_pos:
        update_file(m, f.pid, f.fd, pos=f.offset + f.done)
    return Return(f.read if f.operation == "read_devmem" and f.keep else f.done)


def _order(kernel: KernelProfile, name: str) -> tuple[Step, ...]:
    """The steps for each page, the kernel's own or those of a repair (repairs.COPY_REPAIRS)."""
    again = (recheck_page,) * (kernel.repair == "recheck")
    bounces = kernel.repair in ("bounce", "bounce-locked")
    if name == "write_devmem":
        return ((fill_bounce,) if bounces else ()) + (check_page, copy_page, *again)
    if bounces or kernel["read_bounce"]:
        return (check_page, fetch_page, *again, copy_page)
    return (check_page, copy_page, *again)


def _steps_of(name: str) -> Steps:
    return lambda kernel: (valid_phys_addr_range, *_order(kernel, name))


operation(
    "read_devmem",
    choose=_steps_of("read_devmem"),
    needs=("pid", "fd", "count"),
    offset=None,
    keep=True,
    buffer="",
)
"""pread(fd, count, offset) of /dev/mem, or read(2) without `offset`. EFAULT, EPERM.

Gives the bytes, or without `keep` their count: then memory is checked, but not copied. A `buffer`
by name is missing: the copy waits until uffdio_copy fills it.
"""

operation(
    "write_devmem",
    choose=_steps_of("write_devmem"),
    needs=("pid", "fd", "data"),
    offset=None,
    buffer="",
)
"""pwrite(fd, data, offset) of /dev/mem, or write(2) without `offset`; gives the count.
EFAULT, EPERM.

`data` are the bytes, or their count: then memory is checked, but not written. A `buffer` by name is
missing: the copy waits until uffdio_copy fills it.
"""
