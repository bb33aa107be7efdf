"""Hypotheses about the device and its drivers, some outside of what the model plays."""

from __future__ import annotations

from collections.abc import Callable

from devmemkit.explain.advice import FRAMEBUFFERS, LEAVE_LOCKDOWN, NO_FRAMEBUFFER
from devmemkit.explain.calls import DRIVER, claim
from devmemkit.explain.hypothesis import Asked, Hypothesis, Some
from devmemkit.scenarios.play import Act


def _removed(asked: Asked) -> Some:
    """The device disappears while its file is open."""
    opens, *rest = asked.calls
    return (opens, _remove(asked), *rest) if asked.access.bdf else ()


def _removed_later(asked: Asked) -> Some:
    """The device disappears while its file is mapped."""
    return asked.mapped(_remove(asked), asked.touch()) if asked.access.bdf else ()


def _remove(asked: Asked) -> Act:
    return Act("remove", DRIVER, "remove", {"bdf": asked.access.bdf})


def _no_memory(op: str, *vias: str) -> Callable[[Asked], Some]:
    """The calls, if they may be made on a file of a device that holds no memory."""

    def calls(asked: Asked) -> Some:
        access = asked.access
        other = access.other or not access.traced
        return asked.calls if access.via in vias and access.op == op and other else ()

    return calls


def _claim_fails(asked: Asked) -> Some:
    """A driver claims the range while somebody has it."""
    return () if asked.access.via == "port" else (claim("driver", asked.start, asked.size),)


def _framebuffer(asked: Asked) -> Some:
    known = asked.known.iomem is not None and asked.owner not in FRAMEBUFFERS
    return () if known or asked.access.via == "port" else asked.calls


def _mapped(*ops: str) -> Callable[[Asked], Some]:
    """The calls, if the access is one of `ops`."""
    return lambda asked: asked.calls if asked.access.op in ops and not asked.access.traced else ()


DEVICES = (
    Hypothesis(
        "text file",
        "the file is not one of resource0 to resource5, which hold the BARs: `resource` is a text",
        "ls -l /proc/PID/fd, or strace -y: the name has a number",
        _no_memory("mmap", "sysfs"),
        gives="ENODEV",
        function="kernfs_fop_mmap",
        do="map resource0 to resource5 in the same folder",
    ),
    Hypothesis(
        "config space",
        "the file is the configuration space, which lockdown does not let anybody write (setpci)",
        "cat /sys/kernel/security/lockdown; dmesg: direct PCI access is restricted",
        _no_memory("write", "sysfs", "proc"),
        unless=("lockdown",),
        gives="EPERM",
        function="pci_write_config",
        do=f"do without the write, or {LEAVE_LOCKDOWN}",
    ),
    Hypothesis(
        "removed",
        "the device was removed between open and mmap",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        _removed,
        do="echo 1 > /sys/bus/pci/rescan, and open the file again",
    ),
    Hypothesis(
        "removed later",
        "the device was removed while it was mapped",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        _removed_later,
        do="echo 1 > /sys/bus/pci/rescan, then open and map the file again",
    ),
    Hypothesis(
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        lambda asked: asked.calls if asked.access.bdf else (),
        lambda asked: asked.machine.with_({("pci", asked.access.bdf): None}),
        do="lspci -D shows the devices, ls of the device's folder the BARs that have files",
    ),
    Hypothesis(
        "claim fails",
        "a driver's claim of the range fails, because {holder} has it",
        "/proc/iomem; dmesg: can't reserve [mem ...]; unbind the holder, or find out why it is "
        "bound",
        _claim_fails,
        function="__request_region",
    ),
    Hypothesis(
        "framebuffer",
        "the firmware's framebuffer (BOOTFB, simpledrm, efifb) has the range, and the driver "
        "claims it before that one's driver was removed",
        "/proc/iomem: BOOTFB, simpledrm or efifb inside the BAR; the driver must call "
        "aperture_remove_conflicting_pci_devices first",
        _framebuffer,
        gives="EBUSY",
        function="__request_region",
        do=NO_FRAMEBUFFER,
    ),
    Hypothesis(
        "external abort",
        "the bus answered with an error (external abort): the device's clock or power is off, an "
        "FPGA is not configured, or nothing is behind the address",
        "si_code is BUS_OBJERR or 0, where a revoked page gives BUS_ADRERR; dmesg: external abort",
        lambda asked: asked.mapped() if asked.machine.kernel.config.x86 is False else (),
        gives="SIGBUS",
        function="do_sea (on arm do_DataAbort)",
        do="switch on the device's clock and power, which its driver does, and access its "
        "registers alone",
    ),
    Hypothesis(
        "vfio",
        "the file is VFIO's, not one of these: it gives SIGBUS while the device's memory decoding "
        "is off",
        "ls -l /proc/PID/fd: /dev/vfio; setpci -s BDF COMMAND: bit 1; a reset clears it",
        _mapped("mmap", "load", "store"),
        gives="SIGBUS",
        function="vfio_pci_mmap_fault (from 6.12 on vfio_pci_mmap_huge_fault)",
        do="set bit 1 of COMMAND (memory decoding) through the VFIO device before the access",
    ),
    Hypothesis(
        "idxd",
        "the file is idxd's, not one of these: some of its work queues can be mapped with "
        "CAP_SYS_RAWIO only",
        "ls -l /proc/PID/fd: /dev/dsa or /dev/iax; grep CapEff /proc/PID/status: bit 17",
        _mapped("mmap"),
        unless=("capable",),
        gives="EPERM",
        function="idxd_cdev_mmap",
        do="run it as root with CAP_SYS_RAWIO, outside of the container",
    ),
)
