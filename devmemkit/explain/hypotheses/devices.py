"""Hypotheses about the range, the device and its drivers, some outside of what the model plays."""

from __future__ import annotations

from devmemkit.explain.calls import DRIVER, claim
from devmemkit.explain.changes import LEAVE_LOCKDOWN
from devmemkit.explain.hypothesis import Asked, Hypothesis
from devmemkit.explain.ways import FRAMEBUFFERS, NO_FRAMEBUFFER
from devmemkit.model import flags as fl
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.scenarios.play import Act


def _ram(asked: Asked) -> Machine:
    """RAM where nobody knows what is there."""
    root = asked.machine["iomem"]
    fresh = Resource(root.start, root.end, root.name, root.flags)
    ram = Resource(asked.start, asked.start + asked.size - 1, "System RAM", RAM)
    request_resource_conflict(fresh, ram)
    return asked.machine.with_({"iomem": fresh})


RAM = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_BUSY

REGION = (
    Hypothesis(
        "page claimed",
        "a driver has claimed at least one page of the range, and one is enough",
        "/proc/iomem, with the range rounded to pages: look for an indented line inside",
        lambda asked: (claim("driver", asked.last_page, 16), *asked.calls),
        when=lambda asked: asked.access.via == "devmem" and asked.size > asked.access.page_size,
        do="map only the pages that are needed, one by one: those that no driver has can be mapped",
    ),
    Hypothesis(
        "claimed before",
        "a driver had claimed the region before",
        "the region has a line of a driver's in /proc/iomem, below the device's",
        lambda asked: (asked.claim, *asked.calls),
    ),
    Hypothesis(
        "claimed after",
        "a driver claimed the region after it was mapped, and the mapping was revoked",
        "modprobe, or a device that appeared, shortly before; dmesg says which driver bound",
        lambda asked: asked.mapped(asked.claim, asked.touch()),
        do="map it again when the driver has gone, or use the driver's interface: a revoked page "
        "does not come back",
    ),
    Hypothesis(
        "ram",
        "the range is RAM, which STRICT_DEVMEM keeps from every process",
        "/proc/iomem, read by root: System RAM at the address",
        machine=_ram,
        when=lambda asked: asked.access.via == "devmem",
        unless=("iomem",),
    ),
)


def _remove(asked: Asked) -> Act:
    return Act("remove", DRIVER, "remove", {"bdf": asked.access.bdf})


def _no_memory(asked: Asked, op: str, *vias: str) -> bool:
    """Whether a call may be made on a file of the device that holds no memory."""
    access = asked.access
    may_be = bool(access.other) or not access.traced
    return access.op == op and access.via in vias and may_be


DEVICES = (
    Hypothesis(
        "text file",
        "the file is not one of resource0 to resource5, which hold the BARs: `resource` is a text",
        "ls -l /proc/PID/fd, or strace -y: the name has a number",
        when=lambda asked: _no_memory(asked, "mmap", "sysfs"),
        gives="ENODEV",
        function="kernfs_fop_mmap",
        do="map resource0 to resource5 in the same folder",
    ),
    Hypothesis(
        "config space",
        "the file is the configuration space, which lockdown does not let anybody write (setpci)",
        "cat /sys/kernel/security/lockdown; dmesg: direct PCI access is restricted",
        when=lambda asked: _no_memory(asked, "write", "sysfs", "proc"),
        unless=("lockdown",),
        gives="EPERM",
        function="pci_write_config",
        do=f"do without the write, or {LEAVE_LOCKDOWN}",
    ),
    Hypothesis(
        "removed",
        "the device was removed between open and mmap",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        lambda asked: (asked.calls[0], _remove(asked), *asked.calls[1:]),
        when=lambda asked: asked.access.bdf,
        do="echo 1 > /sys/bus/pci/rescan, and open the file again",
    ),
    Hypothesis(
        "removed later",
        "the device was removed while it was mapped",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        lambda asked: asked.mapped(_remove(asked), asked.touch()),
        when=lambda asked: asked.access.bdf,
        do="echo 1 > /sys/bus/pci/rescan, then open and map the file again",
    ),
    Hypothesis(
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        machine=lambda asked: asked.machine.with_({("pci", asked.access.bdf): None}),
        when=lambda asked: asked.access.bdf,
        do="lspci -D shows the devices, ls of the device's folder the BARs that have files",
    ),
    Hypothesis(
        "claim fails",
        "a driver's claim of the range fails, because {holder} has it",
        "/proc/iomem; dmesg: can't reserve [mem ...]; unbind the holder, or find out why it is "
        "bound",
        lambda asked: (claim("driver", asked.start, asked.size),),
        when=lambda asked: asked.access.via != "port",
        function="__request_region",
    ),
    Hypothesis(
        "framebuffer",
        "the firmware's framebuffer (BOOTFB, simpledrm, efifb) has the range, and the driver "
        "claims it before that one's driver was removed",
        "/proc/iomem: BOOTFB, simpledrm or efifb inside the BAR; the driver must call "
        "aperture_remove_conflicting_pci_devices first",
        when=lambda asked: (
            asked.access.via not in ("port", "driver")
            and (asked.known.iomem is None or asked.owner in FRAMEBUFFERS)
        ),
        gives="EBUSY",
        function="__request_region",
        do=NO_FRAMEBUFFER,
    ),
    Hypothesis(
        "alignment",
        "the load or store is not aligned to its size, which faults on device memory; memcpy, "
        "memset and structs that are copied whole make such accesses",
        "si_code is BUS_ADRALN; dmesg: alignment fault, but only after sysctl "
        "debug.exception-trace=1",
        lambda asked: asked.mapped(),
        # write-combining memory and RAM take any access
        when=lambda asked: asked.hardware.aligned and not (asked.access.wc or asked.on_ram),
        gives="SIGBUS",
        function="do_alignment_fault",
        do="access the registers through volatile pointers of 1, 2, 4 or 8 bytes, each at a "
        "multiple of its size, and never by memcpy or memset",
    ),
    Hypothesis(
        "external abort",
        "the bus answered with an error (external abort): the device's clock or power is off, an "
        "FPGA is not configured, or nothing is behind the address",
        "si_code is BUS_OBJERR or 0, where a revoked page gives BUS_ADRERR; dmesg: external abort, "
        "but only after sysctl debug.exception-trace=1; after a store it may be an SError instead, "
        "which is a panic",
        lambda asked: asked.mapped(),
        when=lambda asked: asked.hardware.aborts,
        gives="SIGBUS",
        function="do_sea (on arm do_DataAbort)",
        do="switch on the device's clock and power, which its driver does, or configure the FPGA "
        "(cat /sys/class/fpga_manager/fpga0/state: operating), and access its registers alone",
    ),
    Hypothesis(
        "vfio",
        "the file is VFIO's, not one of these: it gives SIGBUS while the device's memory decoding "
        "is off",
        "ls -l /proc/PID/fd: /dev/vfio; setpci -s BDF COMMAND: bit 1; a reset clears it",
        when=lambda asked: asked.access.maps and asked.may_be_in("/dev/vfio") and asked.may_be_pci,
        gives="SIGBUS",
        function="vfio_pci_mmap_fault (from 6.12 on vfio_pci_mmap_huge_fault)",
        do="set bit 1 of COMMAND (memory decoding) through the VFIO device before the access",
    ),
    Hypothesis(
        "idxd",
        "the file is idxd's, not one of these: some of its work queues can be mapped with "
        "CAP_SYS_RAWIO only",
        "ls -l /proc/PID/fd: /dev/dsa or /dev/iax; grep CapEff /proc/PID/status: bit 17",
        when=lambda asked: (
            asked.access.op == "mmap"
            and asked.may_be_in("/dev/dsa", "/dev/iax")
            and asked.known.rules == "x86_64"
            and asked.may_be_pci
        ),
        unless=("capable",),
        gives="EPERM",
        function="idxd_cdev_mmap",
        do="run it as root with CAP_SYS_RAWIO, outside of the container",
    ),
)
