"""Booting: the initcalls that make the iomem inode, /dev/mem and the files of PCI devices.

Source: kernel/resource.c:iomem_init_inode, drivers/char/mem.c:chr_dev_init,
drivers/pci/pci-sysfs.c:pci_create_sysfs_dev_files, pci_sysfs_init, drivers/pci/bus.c.
"""

from __future__ import annotations

from devmemkit.model.errors import Blocked, KernelBug, KernelError
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.pci.device import device
from devmemkit.model.step import Call, Frame, Next, Return, Step, operation

LEVELS = ("pure", "core", "postcore", "arch", "subsys", "fs", "rootfs", "device", "late")
"""The levels of initcalls, in their order (include/linux/init.h)."""

INITCALLS = {
    "acpi_init": "subsys",
    "iomem_init_inode": "fs",
    "chr_dev_init": "fs",
    "populate_rootfs": "rootfs",
    "host_driver_init": "device",
    "pci_sysfs_init": "late",
}
"""The initcalls that matter here, each with its level, in the order in which they run.

acpi_init finds the PCI devices that are there at boot. host_driver_init stands for the initcalls of
drivers of host bridges, which find further devices at any time.
"""


@operation("iomem_init_inode")
def make_inode(m: View, f: Frame) -> Next:
    """iomem_init_inode publishes the inode that all revocable mappings share (v5.12 on)."""
    m["iomem_inode"] = True
    return Return(0)


@operation("chr_dev_init")
def make_dev_mem(m: View, f: Frame) -> Next:
    """chr_dev_init creates /dev/mem, if CONFIG_DEVMEM=y."""
    m["dev_mem"] = m.kernel.config.devmem
    return Return(0)


def iomem_get_mapping(m: View) -> None:
    """Give a file the iomem inode's mapping; a null pointer is followed before the inode exists.

    The kernel does not check for the inode (from v5.8 to v5.11: devmem_inode, in open_port).
    """
    if not m.get("iomem_inode"):
        raise KernelBug("null pointer: the iomem inode's mapping, before there is the inode")


@operation("populate_rootfs")
def start_user_space(m: View, f: Frame) -> Next:
    """populate_rootfs unpacks the initramfs; from then on the kernel can start programs."""
    m["user_space"] = True
    return Return(0)


@operation("begin_program")
def wait_for_user_space(m: View, f: Frame) -> Next:
    """A user program starts once the initramfs is unpacked."""
    if not m.get("user_space"):
        raise Blocked("no user space yet")
    return Return(0)


@operation("host_driver_init")
def probe_drivers(m: View, f: Frame) -> Next:
    """Drivers of host bridges are registered; their probes may be asynchronous or deferred."""
    m["host_drivers"] = True
    return Return(0)


@operation("begin_probe")
def wait_for_driver(m: View, f: Frame) -> Next:
    """The probe of a host bridge starts once its driver is registered."""
    if not m.get("host_drivers"):
        raise Blocked("no driver yet")
    return Return(0)


def device_add(m: View, f: Frame) -> Next:
    """device_add puts the device on its bus; from 7.2 on it also makes all its resource files."""
    m["pci_devices"] = (*m.get("pci_devices", ()), f.bdf)
    if m.kernel["resource_files"] == "device_add":
        _get_mapping(m)
        m["sysfs", f.bdf] = _names(m, f.bdf)
        return Return(0)
    return None


def _get_mapping(m: View) -> None:
    """From v5.12 to v5.14 a resource file gets the iomem inode's mapping when it is made."""
    if m.kernel["attribute_mapping"] == "at creation":
        iomem_get_mapping(m)


def pci_bus_add_device(m: View, f: Frame) -> Next:
    """Up to 7.1 this makes the files, but only after pci_sysfs_init has begun; else EACCES."""
    if not m.get("sysfs_initialized"):
        return Return(0)
    return Call("pci_create_resource_files", {"bdf": f.bdf}, then=added, catch=added)


def added(m: View, f: Frame) -> Next:
    """pci_bus_add_device ignores an error of pci_create_sysfs_dev_files (up to 7.1)."""
    return Return(0)


operation("pci_add_device", device_add, pci_bus_add_device, added, needs=("bdf",))
"""The probe of a host bridge finds the device `bdf`."""


def _names(m: View, bdf: str) -> tuple[str, ...]:
    return tuple(f"resource{bar.index}" for bar in device(m, bdf).bars if bar.index < 6)


def pci_create_attr(m: View, f: Frame) -> Next:
    """pci_create_attr makes one resource file; sysfs warns of a name that exists, EEXIST."""
    _get_mapping(m)
    names, there = _names(m, f.bdf), m.get(("sysfs", f.bdf), ())
    if names[f.made] in there:
        m["duplicate", f.bdf] = True
        return pci_remove_resource_files
    m["sysfs", f.bdf] = (*there, names[f.made])
    f.made += 1
    return pci_create_attr if f.made < len(names) else Return(0)


def pci_remove_resource_files(m: View, f: Frame) -> Next:
    """pci_remove_resource_files removes by name, so the files that another made go too."""
    m["sysfs", f.bdf] = ()
    return None


def duplicate(m: View, f: Frame) -> Next:
    """pci_create_resource_files fails with EEXIST after its clean-up."""
    raise KernelError("EEXIST", f"{f.bdf}: duplicate filename")


operation(
    "pci_create_resource_files",
    pci_create_attr,
    pci_remove_resource_files,
    duplicate,
    needs=("bdf",),
    made=0,
)


def set_sysfs_initialized(m: View, f: Frame) -> Next:
    """pci_sysfs_init sets sysfs_initialized; from then on pci_bus_add_device makes files."""
    m["sysfs_initialized"] = True
    f.walked = 0
    return None


def for_each_pci_dev(m: View, f: Frame) -> Next:
    """pci_sysfs_init makes the files of every known device; it stops at the first error."""
    devices = m.get("pci_devices", ())
    if f.walked == len(devices):
        return Return(0)
    f.walked += 1
    arguments = {"bdf": devices[f.walked - 1]}
    return Call("pci_create_resource_files", arguments, then=for_each_pci_dev)


def _sysfs_steps(kernel: KernelProfile) -> tuple[Step, ...]:
    dynamic = kernel["resource_files"] == "pci_sysfs_init"
    return (set_sysfs_initialized, for_each_pci_dev) if dynamic else (nothing_to_do,)


def nothing_to_do(m: View, f: Frame) -> Next:
    """From 7.2 on the kernel has no pci_sysfs_init."""
    return Return(0)


operation("pci_sysfs_init", choose=_sysfs_steps)


@operation("look_for_files", needs=("bdf",))
def look_for_files(m: View, f: Frame) -> Next:
    """A program looks for the resource files of a device; ENOENT when the device has none."""
    if f.bdf not in m.get("pci_devices", ()):
        return Return(0)  # the device has no directory yet, so no program looks into it
    if not m.get(("sysfs", f.bdf)):
        raise KernelError("ENOENT", f"{f.bdf} has no resource files")
    return Return(0)
