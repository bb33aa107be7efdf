"""The state that steps act on: a record of components, accessed only through a View."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Self

from devmemkit.model.kernel import KernelProfile

Key = str | tuple[str | int, ...]
"""A component: its name, or a tuple of its name and, last, its owner (a task, file, page, ...)."""

COMPONENTS: dict[str, tuple[str, str]] = {
    "iomem": ("", "Resource, the root of a tree"),
    "ioport": ("", "Resource, the root of a tree"),
    "task": ("pid", "Task"),
    "files": ("pid", "tuple of File, by descriptor; None where one was closed"),
    "file": ("name", "File: the state of one that processes share since a fork"),
    "vmas": ("pid", "tuple of Vma, by address"),
    "pagetable": ("pid", "PageTable"),
    "i_mmap": ("file", "AddressSpace: the VMAs that map the file, by page offset"),
    "page": ("pfn", "4 KiB of physical memory, whatever the page size; absent means zeroes"),
    "pci": ("bdf", "PciDevice"),
    "nd": ("name", "Namespace"),
    "memtype": ("", "tuple of Memtype, the reservations"),
    "mtrr_uc": ("", "tuple of (first, last) pages that are uncachable by MTRR"),
    "lock": ("kind, owner", "tuple of (actor, writes), the holders"),
    "muxed_wait": ("", "sorted tuple of the actors that wait for a MUXED region; all are woken"),
    "sleeping": ("actor", "bool"),
    "buffer": ("name, pid", "bool: the process has filled a buffer whose pages were missing"),
    "notices": ("pid", "sorted tuple of (start, end), each a region that a claim asked to unmap"),
    "signals": ("pid", "sorted tuple of addresses, the si_addr of each SIGBUS that a claim sent"),
    "dma": ("pid", "sorted tuple of pfns, the pages that the process has mapped for DMA"),
    "iomem_inode": ("", "bool: iomem_init_inode or chr_dev_init has made the inode"),
    "dev_mem": ("", "bool: /dev/mem exists; absent means that DEVMEM=y"),
    "dev_port": ("", "bool: /dev/port exists; absent means True"),
    "mode": ("path", "int: permission bits of a file that somebody changed"),
    "mount": ("path", "frozenset of the options (ro, noexec, nodev) of /dev, /sys or /proc"),
    "user_space": ("", "bool, during boot: the initramfs is unpacked"),
    "host_drivers": ("", "bool, during boot: the drivers of host bridges are registered"),
    "pci_devices": ("", "tuple of bdf, during boot: in the order of device_add"),
    "sysfs_initialized": ("", "bool: pci_sysfs_init has begun"),
    "sysfs": ("bdf", "tuple of names, during boot: the resource files"),
    "duplicate": ("bdf", "bool: a resource file was created twice"),
    "clock": ("", "int, ticks; advances only to a tick that a step waits for"),
    "stack": ("actor", "tuple of frames: the operation in progress, callers first"),
    "outcome": ("actor", "Outcome of the actor's last operation"),
    "program": ("actor", "(index of the act in progress, outcomes by key), when explored"),
}
"""By name: the further elements of the key, of which the last is the owner, and the value's type.

A component with an owner has a tuple for a key, such as ("task", pid) or ("lock", "mmap", pid); the
key of one without is its name. The searches call shared what no task owns, such as
("i_mmap", "iomem"), too.
"""


@dataclass(slots=True, eq=False, repr=False)
class Machine:
    """An immutable snapshot of a machine under a kernel.

    `high_memory` (bytes) is the end of directly mapped memory, `phys_bits` the CPU's physical
    address width. With `fine`, loops over pages take one step for each page.
    """

    kernel: KernelProfile
    components: Mapping[Key, Any]
    _: KW_ONLY
    high_memory: int = 0
    phys_bits: int = 40
    fine: bool = False

    def __getitem__(self, key: Key) -> Any:
        return self.components[key]

    def get(self, key: Key, default: Any = None) -> Any:
        return self.components.get(key, default)

    def with_(self, changes: Mapping[Key, Any]) -> Self:
        """The machine after `changes`; None removes a component."""
        merged = {**self.components, **changes}
        for key, value in changes.items():
            if value is None:
                del merged[key]
        return type(self)(  # replace() takes three times as long
            self.kernel,
            merged,
            high_memory=self.high_memory,
            phys_bits=self.phys_bits,
            fine=self.fine,
        )

    def with_kernel(self, kernel: KernelProfile) -> Self:
        """The same machine under another kernel."""
        return replace(self, kernel=kernel)

    def value(self) -> frozenset[tuple[Key, Any]]:
        """The state by value: equal for machines that no later step can tell apart."""
        return frozenset((key, value_of(part)) for key, part in self.components.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Machine) and self._whole() == other._whole()

    def _whole(self) -> tuple[object, ...]:
        return self.kernel, self.high_memory, self.phys_bits, self.fine, self.value()

    def __hash__(self) -> int:
        return hash(self.value())


def value_of(part: Any) -> Any:
    """A hashable form of a component's value, from its `value()` method if there is one."""
    return part.value() if hasattr(part, "value") and callable(part.value) else part


@dataclass(slots=True, eq=False, repr=False)
class View:
    """One step's access to a machine; records the components read and replaced.

    `edit` returns a private copy of a component, to be changed in place. What is read otherwise
    must not be changed: other states share it.
    """

    machine: Machine
    reads: dict[Key, None] = field(default_factory=dict)  # in order of first use
    writes: dict[Key, Any] = field(default_factory=dict)

    @property
    def kernel(self) -> KernelProfile:
        return self.machine.kernel

    def __getitem__(self, key: Key) -> Any:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: Key, default: Any = None) -> Any:
        if key not in self.writes:
            self.reads[key] = None
            return self.machine.components.get(key, default)
        value = self.writes[key]
        return default if value is None else value

    def __setitem__(self, key: Key, value: Any) -> None:
        self.writes[key] = value

    def edit(self, key: Key) -> Any:
        if key not in self.writes:
            self.writes[key] = self[key].copy()
        return self.writes[key]
