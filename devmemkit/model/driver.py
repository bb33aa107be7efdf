"""PCI drivers that come and go: bind, unbind, and the removal of a device.

Source: drivers/base/dd.c, drivers/pci/pci-driver.c, remove.c; the same in 5.10 to 7.3.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.memtype import ioremap, memtype_free
from devmemkit.model.pci import device, node_of
from devmemkit.model.resource import release_resource
from devmemkit.model.revoke import zap_vma
from devmemkit.model.step import Call, Frame, Next, Return, lock, operation


def probe(m: View, f: Frame) -> Next:
    """A driver's probe begins with pci_enable_device; EBUSY when another driver has the device.

    bind, unbind and remove exclude one another by the device's lock.
    """
    lock(m, f, f"device {f.bdf}")
    if device(m, f.bdf).driver is not None:
        raise KernelError("EBUSY", f"{f.bdf} is bound to {device(m, f.bdf).driver}")
    return Call("pci_enable_device", {"bdf": f.bdf})


def probe_request(m: View, f: Frame) -> Next:
    """It claims its BARs under its own name."""
    return Call("pci_request_regions", {"bdf": f.bdf, "name": f.driver, "bars": f.bars})


def probe_ioremap(m: View, f: Frame) -> Next:
    """ioremap of the claimed memory BARs, UC-; a memtype conflict fails the probe."""
    dev = device(m, f.bdf)
    try:
        for index in dev.held:
            bar = dev.bar(index)
            if bar is not None and bar.memory:
                ioremap(m, bar.start, bar.end, ("driver", f.bdf))
    except KernelError:
        memtype_free(m, ("driver", f.bdf))
        return "probe_undo"
    m["pci", f.bdf] = replace(dev, driver=f.driver)
    return Return(0)


def probe_undo(m: View, f: Frame) -> Next:
    """The probe fails: the claims are given back."""
    return Call("pci_release_regions", {"bdf": f.bdf, "bars": device(m, f.bdf).held})


def probe_failed(m: View, f: Frame) -> Next:
    """ENOMEM, as a driver says when ioremap gave it nothing."""
    raise KernelError("ENOMEM", f"{f.driver}: ioremap of {f.bdf} failed")


bind = operation(
    "bind",
    probe,
    probe_request,
    probe_ioremap,
    probe_undo,
    probe_failed,
    needs=("bdf",),
    driver="driver",
    bars=None,
)
"""A driver takes the device: enable, claim, ioremap. EBUSY, EINVAL, ENOMEM."""


def ioremap_region(m: View, f: Frame) -> Next:
    """A driver maps what it has claimed for itself, UC-; ENOMEM when the memtypes conflict."""
    ioremap(m, f.start, f.start + f.size - 1, ("driver", f.name))
    return Return(0)


def iounmap_region(m: View, f: Frame) -> Next:
    """The driver's own mapping goes, and its memtype with it."""
    memtype_free(m, ("driver", f.name))
    return Return(0)


operation("ioremap", ioremap_region, needs=("start", "size"), name="driver")
operation("iounmap", iounmap_region, name="driver")


def unbind_ioremap(m: View, f: Frame) -> Next:
    """The driver's remove: its kernel mapping goes; ENODEV when no driver is bound."""
    lock(m, f, f"device {f.bdf}")
    if device(m, f.bdf).driver is None:
        raise KernelError("ENODEV", f"{f.bdf} has no driver")
    memtype_free(m, ("driver", f.bdf))
    return None


def unbind_release(m: View, f: Frame) -> Next:
    """Its claims are released; no mapping comes back."""
    return Call("pci_release_regions", {"bdf": f.bdf, "bars": device(m, f.bdf).held})


def unbound(m: View, f: Frame) -> Next:
    """The device has no driver any more."""
    m["pci", f.bdf] = replace(device(m, f.bdf), driver=None)
    return Return(0)


unbind = operation("unbind", unbind_ioremap, unbind_release, unbound, needs=("bdf",))


def remove_driver(m: View, f: Frame) -> Next:
    """echo 1 > remove: the driver goes first, where there is one."""
    lock(m, f, f"device {f.bdf}")
    if device(m, f.bdf).driver is None:
        return "remove_files"
    return Call("unbind", {"bdf": f.bdf})


def remove_files(m: View, f: Frame) -> Next:
    """kernfs unmaps through the inode of the sysfs file itself.

    That reaches a mapping only while it hangs there: not from v5.12, when VMAs moved to the iomem
    inode (measured: 5.10 SIGBUS; 6.1, 6.12, 7.3 still readable).
    """
    for bar in device(m, f.bdf).bars:
        for name in (f"resource{bar.index}", f"resource{bar.index}_wc"):
            space = m.get(("i_mmap", f"{f.bdf}/{name}"))
            for mapped in space.value() if space else ():
                zap_vma(m, mapped, mapped.first, mapped.last)
    return None


def remove_device(m: View, f: Frame) -> Next:
    """The device's BARs leave the tree and the device is gone."""
    for bar in device(m, f.bdf).bars:
        node = node_of(m.edit("iomem" if bar.memory else "ioport"), bar, f.bdf)
        if node is not None:
            release_resource(node)
    m["pci", f.bdf] = None
    return Return(0)


remove = operation("remove", remove_driver, remove_files, remove_device, needs=("bdf",))
