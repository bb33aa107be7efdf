"""PCI drivers: probe, remove, and the errno of a probe that fails.

Source: probe and remove of a typical driver; drivers/net/ethernet/intel/e1000, drivers/nvme/host.
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import ioremap, memtype_free
from devmemkit.model.pci.device import bar_of, device
from devmemkit.model.step import Call, Frame, Next, Return, operation

PROBE_ERRORS: dict[str, tuple[str, str]] = {"e1000": ("EBUSY", "EIO"), "nvme": ("ENODEV", "ENODEV")}
"""The errno of a probe whose claim is refused (measured), whose ioremap is refused (read)."""

ANY_DRIVER = ("EBUSY", "ENOMEM")


def probe(m: View, f: Frame) -> Next:
    """A PCI driver's probe begins with pci_enable_device."""
    return Call("pci_enable_device", {"bdf": f.bdf})


def probe_request(m: View, f: Frame) -> Next:
    """The probe claims the BARs under the driver's name."""
    arguments = {"bdf": f.bdf, "name": f.driver, "bars": f.bars}
    return Call("pci_request_regions", arguments, catch=probe_refused)


def probe_ioremap(m: View, f: Frame) -> Next:
    """The probe maps the claimed memory BARs UC-; a memtype conflict makes it fail."""
    try:
        for index in device(m, f.bdf).held:
            bar = bar_of(m, f.bdf, index)
            if bar.memory:
                ioremap(m, bar.start, bar.end, ("driver", f.bdf))
    except KernelError:
        memtype_free(m, ("driver", f.bdf))
        return probe_undo
    return Return(0)


def probe_undo(m: View, f: Frame) -> Next:
    """The probe fails and releases its claims."""
    return Call("pci_release_regions", {"bdf": f.bdf, "bars": device(m, f.bdf).held})


def probe_no_ioremap(m: View, f: Frame) -> Next:
    """The probe fails with the driver's errno for an ioremap that gave NULL."""
    raise KernelError(PROBE_ERRORS.get(f.driver, ANY_DRIVER)[1], f"ioremap of {f.bdf} failed")


def probe_refused(m: View, f: Frame) -> Next:
    """The probe fails with the driver's errno for a refused claim and holds no BAR."""
    raise KernelError(PROBE_ERRORS.get(f.driver, ANY_DRIVER)[0], f.result.why)


operation(
    "pci_probe",
    probe,
    probe_request,
    probe_ioremap,
    probe_undo,
    probe_no_ioremap,
    probe_refused,
    needs=("bdf", "driver", "bars"),
)


@operation("ioremap", needs=("start", "size"), name="driver")
def ioremap_region(m: View, f: Frame) -> Next:
    """A driver maps its claim UC-; ENOMEM when the memtypes conflict."""
    ioremap(m, f.start, f.start + f.size - 1, ("driver", f.name))
    return Return(0)


@operation("iounmap", name="driver")
def iounmap_region(m: View, f: Frame) -> Next:
    """iounmap removes the driver's mapping and frees its memtype."""
    memtype_free(m, ("driver", f.name))
    return Return(0)


def unbind_ioremap(m: View, f: Frame) -> Next:
    """The remove function of a PCI driver unmaps its BARs."""
    memtype_free(m, ("driver", f.bdf))
    return None


def unbind_release(m: View, f: Frame) -> Next:
    """The driver releases its claims; zapped mappings stay zapped."""
    return Call("pci_release_regions", {"bdf": f.bdf, "bars": device(m, f.bdf).held})


operation("pci_device_remove", unbind_ioremap, unbind_release, needs=("bdf",))
