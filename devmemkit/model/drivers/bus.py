"""bind, unbind, and the removal of a PCI device.

Source: drivers/base/bus.c, dd.c, drivers/pci/pci-driver.c, remove.c; the same in 5.10 to 7.3 unless
a step says otherwise.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.pci import driver as pcidriver
from devmemkit.model.pci.device import device, node_of
from devmemkit.model.resource.revoke import zap_vma
from devmemkit.model.resource.tree import release_resource
from devmemkit.model.step import Call, Frame, Next, Return, lock, operation


def _kind(m: View, name: str) -> str:
    return "nd" if m.get(("nd", name)) is not None else "pci"


def device_driver_attach(m: View, f: Frame) -> Next:
    """A driver's bind file: ENOENT when the bus has no such driver, ENODEV for no such device.

    ENODEV too for a device that the driver does not support; EBUSY, on 5.10 ENODEV, for one that
    has a driver. The device's lock makes bind, unbind and remove exclude one another.
    """
    lock(m, f, "device", f.bdf)
    kind = _kind(m, f.bdf)
    found = m["nd", f.bdf] if kind == "nd" else device(m, f.bdf)
    if (f.driver == "nd_pmem") != (kind == "nd"):
        raise KernelError("ENOENT", f"the {kind} bus has no driver {f.driver}")
    if kind == "pci" and f.driver in pcidriver.PROBE_ERRORS and found.fits not in (None, f.driver):
        raise KernelError("ENODEV", f"{f.bdf} is no device of {f.driver}")
    if found.driver is not None:
        raise KernelError(_told(m, "EBUSY"), f"{f.bdf} is bound to {found.driver}")
    probe = "nd_pmem_probe" if kind == "nd" else "pci_probe"
    arguments = {"bdf": f.bdf, "driver": f.driver, "bars": f.bars}
    return Call(probe, arguments, catch=probe_failed)


def driver_bound(m: View, f: Frame) -> Next:
    """driver_bound records the driver of the device."""
    kind = _kind(m, f.bdf)
    m[kind, f.bdf] = replace(m[kind, f.bdf], driver=f.driver)
    return Return(0)


def probe_failed(m: View, f: Frame) -> Next:
    """bind fails with the errno of the probe, on 5.10 always with ENODEV."""
    raise KernelError(_told(m, f.result.errno), f.result.why)


def _told(m: View, errno: str) -> str:
    return "ENODEV" if m.kernel["bind_error"] == "ENODEV" else errno


operation(
    "bind",
    device_driver_attach,
    driver_bound,
    probe_failed,
    needs=("bdf",),
    driver="driver",
    bars=None,
)
"""A driver takes the device `bdf` (a PCI address or a namespace); `bars` are those it claims."""


def device_driver_detach(m: View, f: Frame) -> Next:
    """The device's unbind file; ENODEV when no driver is bound."""
    lock(m, f, "device", f.bdf)
    kind = _kind(m, f.bdf)
    found = m["nd", f.bdf] if kind == "nd" else device(m, f.bdf)
    if found.driver is None:
        raise KernelError("ENODEV", f"{f.bdf} has no driver")
    return Call("nd_pmem_remove" if kind == "nd" else "pci_device_remove", {"bdf": f.bdf})


def unbound(m: View, f: Frame) -> Next:
    """The device has no driver after __device_release_driver."""
    kind = _kind(m, f.bdf)
    m[kind, f.bdf] = replace(m[kind, f.bdf], driver=None)
    return Return(0)


operation("unbind", device_driver_detach, unbound, needs=("bdf",))


def remove_driver(m: View, f: Frame) -> Next:
    """Writing 1 to the remove file unbinds the driver first, if one is bound."""
    lock(m, f, "device", f.bdf)
    if _kind(m, f.bdf) == "nd":
        raise KernelError("ENOENT", f"{f.bdf} has no remove file")
    if device(m, f.bdf).driver is None:
        return remove_files
    return Call("unbind", {"bdf": f.bdf})


def remove_files(m: View, f: Frame) -> Next:
    """kernfs unmaps the pages that are mapped through the sysfs file's own inode.

    From v5.12 on VMAs are on the iomem inode, so their pages stay mapped (measured: SIGBUS on
    5.10, still readable on 6.1, 6.12 and 7.3).
    """
    for bar in device(m, f.bdf).bars:
        for name in (f"resource{bar.index}", f"resource{bar.index}_wc"):
            space = m.get(("i_mmap", f"{f.bdf}/{name}"))
            for mapped in space.value() if space else ():
                zap_vma(m, mapped, mapped.first, mapped.last)
    return None


def remove_device(m: View, f: Frame) -> Next:
    """pci_destroy_dev releases the device's BARs and the device."""
    for bar in device(m, f.bdf).bars:
        node = node_of(m.edit("iomem" if bar.memory else "ioport"), bar, f.bdf)
        if node is not None:
            release_resource(node)
    m["pci", f.bdf] = None
    return Return(0)


operation("remove", remove_driver, remove_files, remove_device, needs=("bdf",))
