"""The first steps of every mmap of device memory: do_mmap and the memtype of the pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import U64
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import CacheType
from devmemkit.model.mm.pfn_tracking import track_remap
from devmemkit.model.policy import FileKind
from devmemkit.model.process.permission import path_noexec
from devmemkit.model.process.task import (
    REMAPPED,
    VM,
    File,
    Vma,
    get_file,
    vm_prot,
)
from devmemkit.model.step import Frame, Next, lock

LOWEST = 0x7F00_0000_0000
"""Address of a process's first mapping; a real kernel draws it at random."""

MAX_LFS_FILESIZE = (1 << 63) - 1

MMAP: dict[str, Any] = {"needs": ("pid", "fd", "length"), "prot": "rw", "shared": True, "offset": 0}
"""The arguments of every mmap: bytes, protection letters, MAP_SHARED or MAP_PRIVATE."""

KIND: dict[str, FileKind] = {
    "mmap_devmem": "mem",
    "mmap_resource": "resource",
    "mmap_proc_pci": "proc",
}


def do_mmap(m: View, f: Frame) -> Next:
    """Take mmap_lock and test what mm/mmap.c tests for any file, in its order.

    EINVAL (offset inside a page), EBADF, EINVAL (length 0), ENOMEM (more than there are
    addresses left), EIO (is_gone), EOVERFLOW (beyond the largest offset), EACCES (open mode),
    EPERM (PROT_EXEC under noexec). The new mapping lies after the last one, one page apart.
    """
    size, shift = m.kernel.page_size, m.kernel.page_shift
    if f.offset % size:
        pages = f"pages have {size >> 10} KiB"
        raise KernelError("EINVAL", f"offset {f.offset:#x} is not page aligned: {pages}")
    file = get_file(m, f.pid, f.fd, KIND[f.operation])
    lock(m, f, "mmap", f.pid)
    if f.length <= 0:
        raise KernelError("EINVAL", f"length {f.length}")
    length = m.kernel.page_align(f.length)
    if length > U64:
        raise KernelError("ENOMEM", f"length {f.length:#x}")
    start = max((vma.end for vma in m["vmas", f.pid]), default=LOWEST - size) + size
    if start + length > m.kernel["task_size"]:
        raise KernelError("ENOMEM", f"no room for {length:#x} bytes from {start:#x}")
    if is_gone(m, file):
        raise KernelError("EIO", f"no device {file.bdf}")
    largest = U64 + 1 if file.kind == "mem" else MAX_LFS_FILESIZE
    if f.offset >> shift > (largest - length) >> shift:
        raise KernelError("EOVERFLOW", f"offset {f.offset:#x} and length {length:#x}")
    if not file.read or (f.shared and "w" in f.prot and not file.write):
        raise KernelError("EACCES", "the file is not open for that")
    flags = vm_prot(f.prot) | VM.MAYWRITE | VM.MAYEXEC
    if f.shared:
        flags |= VM.MAYSHARE
    if f.shared and file.write:
        flags |= VM.SHARED
    elif f.shared:
        flags &= ~VM.MAYWRITE
    if path_noexec(m, file):
        if VM.EXEC in flags:
            raise KernelError("EPERM", "a noexec mount allows no PROT_EXEC")
        flags &= ~VM.MAYEXEC
    pgoff = f.offset >> shift
    f.vma = Vma(start, start + length, flags, pgoff, replace(file, pos=0, shared=""), shift)
    f.page = pgoff
    return None


def is_gone(m: View, file: File) -> bool:
    """Whether the device of a procfs file was removed.

    Source: proc_reg_get_unmapped_area (fs/proc/inode.c), called before most other checks.
    """
    return file.kind == "proc" and m.get(("pci", file.bdf)) is None


def remap(m: View, f: Frame, wanted: CacheType, error: str) -> None:
    """Reserve the memtype for the whole VMA (track_pfn_remap), or fail with errno `error`.

    An mmap that fills nothing reserves nothing: vmf_insert_pfn only looks the type up.
    """
    filled = m.kernel.on_fault != "insert"
    tracked = track_remap(m, f.pid, f.vma, wanted) if filled else f.vma
    if tracked is None:
        raise KernelError(error, f"memtype: wanted {wanted}, the pages are mapped WB")
    f.vma = replace(tracked, flags=tracked.flags | REMAPPED)
