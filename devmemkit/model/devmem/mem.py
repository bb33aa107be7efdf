"""/dev/mem: open, read, write, llseek and mmap, with the checks in the kernel's order.

Source: drivers/char/mem.c; the errnos are those of 5.10 to 7.3 unless a step says otherwise.
"""

from __future__ import annotations

from devmemkit.model.boot import iomem_get_mapping
from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SHIFT, U64
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import UC_MINUS, WB
from devmemkit.model.mm.mmap import MMAP, do_mmap, remap
from devmemkit.model.mm.physical import read_physical, write_physical
from devmemkit.model.mm.populate import behind_checks
from devmemkit.model.process.permission import may_open
from devmemkit.model.process.task import File, get_file, open_file, open_mode, update_file
from devmemkit.model.resource.strict import (
    DENY,
    ZERO,
    devmem_is_allowed,
    page_is_allowed,
    same_answer_until,
)
from devmemkit.model.step import Frame, Next, Return, Step, operation

MAX_ERRNO = 4095
MAX_RW_COUNT = 0x7FFF_F000
"""Bytes that one read or write transfers at most (include/linux/fs.h)."""
_REFUSED = "page {:#x} is not allowed"


def open_port(m: View, f: Frame) -> Next:
    """ENOENT without the node, EACCES by its mode, EPERM without SYS_RAWIO or under lockdown.

    A node made by hand although DEVMEM=n is ENXIO (memory_open). Lockdown is checked only here.
    From v5.8 on the file gets the iomem inode's mapping.
    """
    if not m.get("dev_mem", m.kernel.config.devmem):
        why = "yet" if m.kernel.config.devmem else "at all: CONFIG_DEVMEM=n"
        raise KernelError("ENOENT", f"/dev/mem does not exist {why}")
    check_open(m, f, "/dev/mem", "" if m.kernel.config.devmem else "CONFIG_DEVMEM=n")
    mapping = "/dev/mem"
    if "mem" in m.kernel.policy.one_inode:
        iomem_get_mapping(m)
        mapping = "iomem"
    file = File("mem", mapping, *open_mode(f.mode), f.dsync)
    return Return(open_file(m, f.pid, file))


def check_open(m: View, f: Frame, path: str, missing: str = "") -> None:
    """The checks of open_port for either node; `missing` says why no driver is behind the node."""
    may_open(m, f.pid, path, f.mode)
    if missing:
        raise KernelError("ENXIO", f"nothing is behind {path}: {missing}")
    if not m["task", f.pid].capable("SYS_RAWIO"):
        raise KernelError("EPERM", f"opening {path} needs CAP_SYS_RAWIO")
    if m.kernel.lockdown:
        raise KernelError("EPERM", f"lockdown refuses {path} (LOCKDOWN_DEV_MEM)")


open_devmem = operation("open_devmem", open_port, needs=("pid",), mode="rw", dsync=False)
"""Open /dev/mem; gives the descriptor. `mode` is "r", "w" or "rw", `dsync` O_SYNC."""


def memory_lseek(m: View, f: Frame) -> Next:
    """SEEK_SET and SEEK_CUR, else EINVAL; EOVERFLOW for an offset that looks like -errno."""
    file = get_file(m, f.pid, f.fd, "mem")
    if f.whence not in ("SET", "CUR"):
        raise KernelError("EINVAL", f"SEEK_{f.whence} on /dev/mem")
    pos = (f.offset + (file.pos if f.whence == "CUR" else 0)) & U64
    if pos >= U64 - MAX_ERRNO + 1:
        raise KernelError("EOVERFLOW", f"offset {pos:#x} looks like an errno")
    update_file(m, f.pid, f.fd, pos=pos)
    return Return(pos)


lseek_devmem = operation("lseek_devmem", memory_lseek, needs=("pid", "fd", "offset"), whence="SET")


def valid_phys_addr_range(m: View, f: Frame) -> Next:
    """EFAULT beyond high_memory, before any permission check (x86).

    First come EINVAL for a negative offset, EBADF for a file not open for that, and EOVERFLOW
    for a length that wraps at a position of 2^63 or more (rw_verify_area).
    """
    if f.offset is not None and f.offset >> 63:
        raise KernelError("EINVAL", f"offset {f.offset:#x}")
    file = get_file(m, f.pid, f.fd, "mem")
    writing = f.operation == "write_devmem"
    if not (file.write if writing else file.read):
        raise KernelError("EBADF", "the file is not open for that")
    f.done, f.read = 0, b""
    count = f.count if not writing else f.data if isinstance(f.data, int) else len(f.data)
    f.at_pos = f.offset is None
    if f.at_pos:
        f.offset = file.pos
        if f.offset >> 63 and count >= U64 + 1 - f.offset:
            raise KernelError("EOVERFLOW", f"{count} bytes at {f.offset:#x}")
    f.left = min(count, MAX_RW_COUNT)
    if (f.offset + f.left - 1) & U64 > m.machine.high_memory - 1:
        high = "is above high_memory" if m.kernel.config.x86 else "is outside of the kernel's RAM"
        raise KernelError("EFAULT", f"{f.offset:#x} {high}")
    return None if f.left else Return(b"" if not writing and f.keep else 0)


def copy_page(m: View, f: Frame) -> Next:
    """read_mem and write_mem check and copy one page, or the part of it that is wanted.

    A refused page is EPERM even when earlier pages were copied. A coarse machine copies all
    pages of the same answer in one step.
    """
    at = f.offset + f.done
    page, last = at >> PAGE_SHIFT, (at + f.left - 1) >> PAGE_SHIFT
    answer = page_is_allowed(m, page)
    if answer == DENY:
        raise KernelError("EPERM", _REFUSED.format(page), page=page)
    part = min(f.left, ((same_answer_until(m, page, last) + 1) << PAGE_SHIFT) - at)
    if f.operation == "write_devmem":
        if isinstance(f.data, bytes) and answer != ZERO:
            write_physical(m, at, f.data[f.done : f.done + part])
    elif f.keep:
        f.read += bytes(part) if answer == ZERO else read_physical(m, at, part)
    f.done += part
    f.left -= part
    if f.left:
        return copy_page
    if f.at_pos:
        update_file(m, f.pid, f.fd, pos=f.offset + f.done)
    return Return(f.read if f.operation == "read_devmem" and f.keep else f.done)


read_devmem = operation(
    "read_devmem",
    valid_phys_addr_range,
    copy_page,
    needs=("pid", "fd", "count"),
    offset=None,
    keep=True,
)
"""pread(fd, count, offset) of /dev/mem, or read(2) without `offset`. EFAULT, EPERM.

Gives the bytes, or without `keep` their count: then memory is checked, but not copied.
"""

write_devmem = operation(
    "write_devmem", valid_phys_addr_range, copy_page, needs=("pid", "fd", "data"), offset=None
)
"""pwrite(fd, data, offset) of /dev/mem, or write(2) without `offset`; gives the count.
EFAULT, EPERM.

`data` are the bytes, or their count: then memory is checked, but not written.
"""


def valid_mmap_phys_addr_range(m: View, f: Frame) -> Next:
    """EINVAL when the range wraps or exceeds the physical address width."""
    last = f.offset + (f.vma.end - f.vma.start) - 1
    if last > U64 or last >> m.machine.phys_bits:
        raise KernelError("EINVAL", f"{last:#x} is beyond {m.machine.phys_bits} address bits")
    return None


def range_is_allowed(m: View, f: Frame) -> Next:
    """The permission loop, page by page and no lock held across pages: EPERM."""
    return _check(m, f, range_is_allowed, "EPERM", page_is_allowed(m, f.page))


def phys_mem_access_prot_allowed(m: View, f: Frame) -> Next:
    """The second loop, for PAT: EINVAL. Which kernels take it is feature pat_check."""
    strict = m.kernel.config.strict_devmem
    asks = m.kernel["pat_check"] == ("with STRICT_DEVMEM" if strict else "without STRICT_DEVMEM")
    if not (asks and m.kernel.pat):
        f.page = f.vma.pgoff
        return None
    answer = devmem_is_allowed(m, f.page)
    return _check(m, f, phys_mem_access_prot_allowed, "EINVAL", answer)


def _check(m: View, f: Frame, again: Step, error: str, answer: int) -> Next:
    last = f.vma.pgoff + f.vma.pages - 1
    if answer == DENY:
        raise KernelError(error, _REFUSED.format(f.page), page=f.page)
    f.page = same_answer_until(m, f.page, last) + 1
    if f.page <= last:
        return again
    f.page = f.vma.pgoff
    return None


def mmap_mem(m: View, f: Frame) -> Next:
    """The page protection: UC- with O_SYNC, else WB; EAGAIN when memtypes conflict."""
    remap(m, f, UC_MINUS if f.vma.file.dsync else WB, "EAGAIN")
    return None


def _mmap_steps(kernel: KernelProfile) -> tuple[Step, ...]:
    checks = (
        do_mmap,
        valid_mmap_phys_addr_range,
        range_is_allowed,
        phys_mem_access_prot_allowed,
        mmap_mem,
    )
    return checks + behind_checks(kernel, kernel["devmem_mmap"])


mmap_devmem = operation("mmap_devmem", choose=_mmap_steps, **MMAP)
"""mmap /dev/mem; gives the address. `offset` and `length` in bytes, `prot` letters.
EACCES, EINVAL, EPERM, EAGAIN. Source: mmap_mem (to 6.18), mmap_mem_prepare (from 6.19)."""
