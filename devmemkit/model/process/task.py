"""Processes: their credentials, open files and VMAs."""

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any, Literal, Self

from devmemkit.model.errors import Blocked, KernelError
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import Key, View
from devmemkit.model.mm.address_space import AddressSpace, Mapped
from devmemkit.model.mm.page_table import PageTable
from devmemkit.model.policy import FileKind


class VM(IntFlag):
    """vm_flags that matter here (include/linux/mm.h)."""

    READ = 0x1
    WRITE = 0x2
    EXEC = 0x4
    SHARED = 0x8
    MAYWRITE = 0x20
    MAYEXEC = 0x40
    MAYSHARE = 0x80
    PFNMAP = 0x400
    IO = 0x4000
    SEQ_READ = 0x8000
    RAND_READ = 0x10000
    DONTCOPY = 0x20000
    DONTEXPAND = 0x40000
    PAT = 0x1000000
    DONTDUMP = 0x4000000
    HUGEPAGE = 0x20000000
    NOHUGEPAGE = 0x40000000
    SEALED = 1 << 63


Kind = FileKind | Literal["port"]
"""The kind of an open file: one that can be mapped, or /dev/port."""

REMAPPED = VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP
MODES = ("r", "w", "rw")
PROT = {"r": VM.READ, "w": VM.WRITE, "x": VM.EXEC}


def vm_prot(prot: str) -> VM:
    """VM_* bits of a protection written as letters: "rw", "r", "" (PROT_NONE); ValueError."""
    if set(prot) - PROT.keys():
        raise ValueError(f"prot: expected letters of {', '.join(PROT)}; got {prot!r}")
    bits = VM(0)
    for letter in prot:
        bits |= PROT[letter]
    return bits


def open_mode(mode: str) -> tuple[bool, bool]:
    """Whether a file opened with this mode can be read, and written; ValueError."""
    if mode not in MODES:
        raise ValueError(f"mode: expected one of {', '.join(MODES)}; got {mode!r}")
    return "r" in mode, "w" in mode


@dataclass(frozen=True, slots=True)
class Task:
    """A process: whether it is root, its capabilities by name without CAP_, its level of iopl.

    `group` says whether it is in the group of the files that it opens.
    """

    root: bool = True
    capabilities: frozenset[str] = frozenset({"SYS_ADMIN", "SYS_RAWIO", "DAC_OVERRIDE"})
    iopl: int = 0
    group: bool = False

    def capable(self, name: str) -> bool:
        return name in self.capabilities


@dataclass(frozen=True, slots=True)
class File:
    """An open file; `f_mapping` names its address space.

    `shared` names the struct file that several processes have by fork, a component of its own: they
    share its position and its ioctl state.
    """

    kind: Kind
    f_mapping: str
    read: bool = True
    write: bool = True
    dsync: bool = False
    pos: int = 0
    bdf: str = ""
    bar: int = 0
    wc: bool = False
    memory_state: bool = False
    shared: str = ""


@dataclass(frozen=True, slots=True)
class Vma:
    """A mapping of bytes [start, end); `pgoff` is the first mapped page of the file.

    `page_shift` is that of the kernel.
    """

    start: int
    end: int
    flags: VM
    pgoff: int
    file: File
    page_shift: int = PAGE_SHIFT

    @property
    def pages(self) -> int:
        return (self.end - self.start) >> self.page_shift

    @property
    def vpns(self) -> tuple[int, int]:
        """First and last virtual page number."""
        return self.start >> self.page_shift, (self.end >> self.page_shift) - 1

    @property
    def mapping(self) -> Key:
        return ("i_mmap", self.file.f_mapping)

    def entry(self, pid: str) -> Mapped:
        return Mapped(self.pgoff, self.pgoff + self.pages - 1, pid, self.start)

    def part(self, start: int, end: int, **changes: object) -> Self:
        """The piece [start, end) of this VMA."""
        pgoff = self.pgoff + ((start - self.start) >> self.page_shift)
        return replace(self, start=start, end=end, pgoff=pgoff, **changes)  # type: ignore[arg-type]


def new_task(pid: str, task: Task | None = None) -> dict[Key, Any]:
    """The components of a fresh process."""
    parts = {"task": task or Task(), "files": (), "vmas": (), "pagetable": PageTable()}
    return {(kind, pid): part for kind, part in parts.items()}


def find_vma(m: View, pid: str, address: int) -> Vma | None:
    """The VMA that contains `address`, or None."""
    return next((v for v in m["vmas", pid] if v.start <= address < v.end), None)


def link_vma(m: View, pid: str, vma: Vma) -> None:
    """Link the VMA into its file's i_mmap (vma_link_file)."""
    _rmap_lock(m, vma)
    if m.get(vma.mapping) is None:
        m[vma.mapping] = AddressSpace()
    m.edit(vma.mapping).link(vma.entry(pid))


def unlink_vma(m: View, pid: str, vma: Vma) -> None:
    """Unlink the VMA from its file's i_mmap (unlink_file_vma)."""
    _rmap_lock(m, vma)
    space = m.edit(vma.mapping)
    space.unlink(vma.entry(pid))
    if not space.value():
        m[vma.mapping] = None


def _rmap_lock(m: View, vma: Vma) -> None:
    # taken and dropped within one step: enough that no other task holds it
    if m.get(("lock", "i_mmap", vma.file.f_mapping)):
        raise Blocked(f"i_mmap {vma.file.f_mapping}")


def put_vmas(m: View, pid: str, *, remove: tuple[Vma, ...] = (), add: tuple[Vma, ...] = ()) -> None:
    """Replace VMAs of a process and keep them sorted by address; the i_mmap stays as it is."""
    kept = [vma for vma in m["vmas", pid] if vma not in remove]
    m["vmas", pid] = tuple(sorted([*kept, *add], key=lambda vma: vma.start))


def open_file(m: View, pid: str, file: File) -> int:
    """Put a file into the lowest free descriptor and return its number."""
    files = list(m["files", pid])
    fd = files.index(None) if None in files else len(files)
    files[fd : fd + 1] = [file]
    m["files", pid] = tuple(files)
    return fd


def get_file(m: View, pid: str, fd: int, *kinds: Kind) -> File:
    """The open file behind a descriptor; EBADF when there is none.

    ValueError for a file of another kind than `kinds`.
    """
    files = m["files", pid]
    if not 0 <= fd < len(files) or files[fd] is None:
        raise KernelError("EBADF", f"descriptor {fd} is not open")
    file: File = files[fd]
    file = m["file", file.shared] if file.shared else file
    if kinds and file.kind not in kinds:
        raise ValueError(f"fd: expected a file of kind {' or '.join(kinds)}, got {file.kind}")
    return file


def update_file(m: View, pid: str, fd: int, **changes: object) -> None:
    """Change the state of an open file for every process that shares it."""
    file = replace(get_file(m, pid, fd), **changes)  # type: ignore[arg-type]
    if file.shared:
        m["file", file.shared] = file
    else:
        _put_file(m, pid, fd, file)


def close_file(m: View, pid: str, fd: int) -> None:
    """Close an open descriptor; other processes keep theirs."""
    _put_file(m, pid, fd, None)


def share_files(m: View, pid: str, child: str) -> None:
    """The child shares the open files of its parent (dup_fd)."""
    for fd, file in enumerate(m["files", pid]):
        if file is not None and not file.shared:
            name = f"{child} {fd}"
            while m.get(("file", name)) is not None:  # of an earlier child of that name
                name += "'"
            m["file", name] = replace(file, shared=name)
            _put_file(m, pid, fd, m["file", name])
    m["files", child] = m["files", pid]


def _put_file(m: View, pid: str, fd: int, file: File | None) -> None:
    files = list(m["files", pid])
    files[fd] = file
    while files and files[-1] is None:  # opened and closed equals never opened
        files.pop()
    m["files", pid] = tuple(files)
