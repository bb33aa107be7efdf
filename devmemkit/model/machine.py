"""The state that steps act on: a record of components, reached only through a View."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devmemkit.model.kernel import KernelProfile

Key = str | tuple[str | int, ...]

COMPONENTS: dict[str, tuple[str, str]] = {
    "iomem": ("", "Resource, the root of a tree"),
    "ioport": ("", "Resource, the root of a tree"),
    "task": ("pid", "Task"),
    "files": ("pid", "tuple of File, by descriptor; None where one was closed"),
    "vmas": ("pid", "tuple of Vma, by address"),
    "pagetable": ("pid", "PageTable"),
    "i_mmap": ("name", "AddressSpace: who maps the file, by page offset"),
    "page": ("pfn", "bytes of one physical page; absent means zeroes"),
    "pci": ("bdf", "PciDevice"),
    "nd": ("name", "Namespace"),
    "memtype": ("", "tuple of Memtype, the reservations"),
    "mtrr_uc": ("", "tuple of (first, last) pages that are uncachable by MTRR"),
    "lock": ("name", "tuple of (actor, writes), the holders"),
    "muxed_wait": ("", "tuple of actors queued for a MUXED region"),
    "sleeping": ("actor", "bool"),
    "notices": ("pid", "tuple of (start, end) that a claimer asked for"),
    "iomem_inode": ("", "bool: iomem_init_inode or chr_dev_init has made the inode"),
    "dev_mem": ("", "bool: /dev/mem is there; absent means that DEVMEM=y"),
    "dev_port": ("", "bool: /dev/port is there; absent means True"),
    "user_space": ("", "bool: the initramfs is unpacked, while booting"),
    "host_drivers": ("", "bool: the drivers of host bridges are registered, while booting"),
    "pci_devices": ("", "tuple of bdf, in the order of device_add, while booting"),
    "sysfs_initialized": ("", "bool: pci_sysfs_init has begun"),
    "sysfs": ("bdf", "tuple of names of resource files, while booting"),
    "duplicate": ("bdf", "bool: a resource file was to be made twice"),
    "clock": ("", "int, ticks; passes only when nobody else can run"),
    "stack": ("actor", "frames of the operation that the actor is in"),
    "outcome": ("actor", "Outcome of the actor's last operation"),
    "program": ("task", "(number of the act at work, outcomes by key), in explorations"),
}
"""By name: what a component belongs to, and what it holds.

The key of one that belongs to something is a tuple, such as ("task", pid); of another, its name.
"""


class Machine:
    """An immutable snapshot: what is where, under which kernel.

    `high_memory` (bytes) is the end of directly mapped memory, `phys_bits` the CPU's physical
    address width. `fine` makes one step of every page, so that others may get in between.
    """

    __slots__ = ("components", "fine", "high_memory", "kernel", "phys_bits")

    def __init__(
        self,
        kernel: KernelProfile,
        components: Mapping[Key, Any],
        *,
        high_memory: int = 0,
        phys_bits: int = 40,
        fine: bool = False,
    ) -> None:
        self.kernel = kernel
        self.components = components
        self.high_memory = high_memory
        self.phys_bits = phys_bits
        self.fine = fine

    def __getitem__(self, key: Key) -> Any:
        return self.components[key]

    def get(self, key: Key, default: Any = None) -> Any:
        return self.components.get(key, default)

    def with_(self, changes: Mapping[Key, Any]) -> Machine:
        """The machine after `changes`; None removes a component."""
        merged = {**self.components, **changes}
        return self._twin(self.kernel, {k: v for k, v in merged.items() if v is not None})

    def with_kernel(self, kernel: KernelProfile) -> Machine:
        """The machine under another kernel: all else is as it was."""
        return self._twin(kernel, self.components)

    def _twin(self, kernel: KernelProfile, components: Mapping[Key, Any]) -> Machine:
        return Machine(
            kernel,
            components,
            high_memory=self.high_memory,
            phys_bits=self.phys_bits,
            fine=self.fine,
        )

    def value(self) -> frozenset[tuple[Key, Any]]:
        """The state by value: equal for two machines that no later step can tell apart."""
        return frozenset((key, value_of(part)) for key, part in self.components.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Machine) and self._whole() == other._whole()

    def _whole(self) -> tuple[object, ...]:
        return self.kernel, self.high_memory, self.phys_bits, self.fine, self.value()

    def __hash__(self) -> int:
        return hash(self.value())


def value_of(part: Any) -> Any:
    """A hashable value of a component; rich ones say theirs by `value()`."""
    return part.value() if hasattr(part, "value") and callable(part.value) else part


class View:
    """One step's access to a machine; it records what was read and what was replaced.

    `edit` hands out a private copy of a rich component to change in place.
    """

    __slots__ = ("machine", "reads", "writes")

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.reads: dict[Key, None] = {}  # in the order of the first look at each
        self.writes: dict[Key, Any] = {}

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
