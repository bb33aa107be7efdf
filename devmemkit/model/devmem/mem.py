"""/dev/mem: open, llseek and mmap, with the checks in the kernel's order.

Source: drivers/char/mem.c; the errnos are those of 5.10 to 7.3 unless a step says otherwise.
"""

from __future__ import annotations

from devmemkit.model.boot import iomem_get_mapping
from devmemkit.model.errors import KernelError
from devmemkit.model.flags import U64
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import UC_MINUS, WB
from devmemkit.model.mm.mmap import MMAP, do_mmap, remap
from devmemkit.model.mm.populate import behind_checks
from devmemkit.model.process.permission import may_open
from devmemkit.model.process.task import File, get_file, open_file, open_mode, update_file
from devmemkit.model.resource.strict import (
    DENY,
    devmem_is_allowed,
    page_is_allowed,
    same_answer_until,
)
from devmemkit.model.step import Frame, Next, Return, Step, operation

MAX_ERRNO = 4095
REFUSED = "page {:#x} is not allowed"


@operation("open_devmem", needs=("pid",), mode="rw", dsync=False)
def open_port(m: View, f: Frame) -> Next:
    """Open /dev/mem; gives the descriptor. `mode` is "r", "w" or "rw", `dsync` O_SYNC.

    ENOENT without the node, EACCES by its mode, EPERM without SYS_RAWIO or under lockdown.

    A node made by hand although DEVMEM=n is ENXIO (memory_open). Lockdown is checked only here.
    From v5.8 on the file gets the iomem inode's mapping.
    """
    if not m.get("dev_mem", m.kernel.config.devmem):
        why = "" if m.kernel.config.devmem else ": CONFIG_DEVMEM=n"
        raise KernelError("ENOENT", f"there is no node /dev/mem{why}")
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


@operation("lseek_devmem", needs=("pid", "fd", "offset"), whence="SET")
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


def valid_mmap_phys_addr_range(m: View, f: Frame) -> Next:
    """EINVAL when the range wraps or exceeds the physical address width.

    arm64 asks for the address of the byte after the range: no range may hold the last page of the
    width, and the last page of all 64 bits is one, as 0 is behind it.
    """
    last = f.offset + (f.vma.end - f.vma.start) - 1
    ends = {"any": 0, "last byte": last, "byte behind": last + 1 & U64}
    asked = ends[m.kernel["mmap_end"]]
    if last > U64 or asked >> m.machine.phys_bits:
        raise KernelError("EINVAL", f"{last:#x} is beyond {m.machine.phys_bits} address bits")
    return None


def range_is_allowed(m: View, f: Frame) -> Next:
    """The permission loop, page by page and no lock held across pages: EPERM."""
    return _check(m, f, range_is_allowed, "EPERM", page_is_allowed(m, f.page))


def phys_mem_access_prot_allowed(m: View, f: Frame) -> Next:
    """EINVAL if a page is not allowed: the loop of x86's PAT code, where `pat_check` has one."""
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
        raise KernelError(error, REFUSED.format(f.page), page=f.page)
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


operation("mmap_devmem", choose=_mmap_steps, **MMAP)
"""mmap /dev/mem; gives the address. `offset` and `length` in bytes, `prot` letters.
EACCES, EINVAL, EPERM, EAGAIN. Source: mmap_mem (to 6.18), mmap_mem_prepare (from 6.19)."""
