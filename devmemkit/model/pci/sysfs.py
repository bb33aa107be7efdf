"""User access to PCI BARs: sysfs resourceN and resourceN_wc, /proc/bus/pci.

Source: drivers/pci/pci-sysfs.c, drivers/pci/mmap.c, drivers/pci/proc.c.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model import flags as fl
from devmemkit.model.boot import iomem_get_mapping
from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import UC_MINUS, WC
from devmemkit.model.mm.mmap import MMAP, do_mmap, remap
from devmemkit.model.mm.populate import behind_checks
from devmemkit.model.pci.device import Bar, PciDevice, device
from devmemkit.model.process.permission import may_open
from devmemkit.model.process.task import (
    File,
    close_file,
    get_file,
    open_file,
    open_mode,
    update_file,
)
from devmemkit.model.resource.strict import is_taken
from devmemkit.model.step import Frame, Next, Return, Step, Steps, operation


def resource_path(bdf: str, bar: int, wc: bool = False) -> str:
    """The path of a BAR's file in sysfs."""
    return f"/sys/bus/pci/devices/{bdf}/resource{bar}{'_wc' if wc else ''}"


def config_path(bdf: str) -> str:
    """The path of a device's configuration space in sysfs."""
    return f"/sys/bus/pci/devices/{bdf}/config"


def proc_path(bdf: str, *, names_0: bool = False) -> str:
    """The path of a device's file in procfs; `names_0` is feature proc_domain (pci_proc_domain)."""
    domain, bus, rest = bdf.split(":")
    return f"/proc/bus/pci/{f'{domain}:{bus}' if names_0 or domain != '0000' else bus}/{rest}"


@operation("open_resource", needs=("pid", "bdf", "bar"), mode="rw", wc=False)
def sysfs_open(m: View, f: Frame) -> Next:
    """Open a device's resourceN; gives the descriptor. ENOENT, EACCES.

    The file's mode is 0600, no capability needed; ENOENT without the file.

    From v5.12 on the file has the iomem inode's mapping.
    """
    dev: PciDevice | None = m.get(("pci", f.bdf))
    bar = dev.bar(f.bar) if dev else None
    prefetch = bar is not None and bar.memory and bar.flags & fl.IORESOURCE_PREFETCH
    if bar is None or not bar.length or bar.index > 5:
        raise KernelError("ENOENT", f"{f.bdf} has no resource{f.bar}")
    if f.wc and not (prefetch and (m.kernel.pat or m.kernel["resource_wc"] == "always")):
        why = "cache types are not tracked" if prefetch else f"BAR {f.bar} is not prefetchable"
        raise KernelError("ENOENT", f"{f.bdf} has no resource{f.bar}_wc: {why}")
    path = resource_path(f.bdf, f.bar, f.wc)
    may_open(m, f.pid, path, f.mode)
    mapping = f"{f.bdf}/{path.rpartition('/')[2]}"
    if "resource" in m.kernel.policy.one_inode:
        mapping = "iomem"
        if m.kernel["attribute_mapping"] != "at creation":
            iomem_get_mapping(m)
    file = File("resource", mapping, *open_mode(f.mode), bdf=f.bdf, bar=f.bar, wc=f.wc)
    return Return(open_file(m, f.pid, file))


def pci_mmap_resource(m: View, f: Frame) -> Next:
    """ENODEV or EINVAL for ports, EPERM under lockdown, EINVAL if the BAR's FIRST page is taken.

    Also EINVAL beyond the BAR's end, ENODEV after a removal. The offset becomes a physical
    address, as in /dev/mem.
    """
    file = f.vma.file
    bar = device(m, file.bdf).bar(file.bar)
    if bar is None or not bar.memory:
        raise KernelError(m.kernel["non_mappable"], f"resource{file.bar} cannot be mapped")
    if m.kernel.lockdown:
        raise KernelError("EPERM", "lockdown refuses PCI access (LOCKDOWN_PCI_ACCESS)")
    _check_start(m, bar)
    if not _fits(f, bar, 0):
        raise KernelError("EINVAL", f"beyond the end of BAR {bar.index}")
    f.vma = replace(f.vma, pgoff=f.vma.pgoff + (bar.start >> m.kernel.page_shift))
    f.page = f.vma.pgoff
    return None


def _check_start(m: View, bar: Bar) -> None:
    first = bar.start >> m.kernel.page_shift
    if is_taken(m, first):
        raise KernelError("EINVAL", f"the first page of BAR {bar.index} is taken", page=first)


def _fits(f: Frame, bar: Bar, first: int) -> bool:
    """pci_mmap_fits: whether the pages of the VMA are in the BAR, which begins at page `first`."""
    pages = ((bar.length - 1) >> f.vma.page_shift) + 1
    return bool(first <= f.vma.pgoff and f.vma.pgoff + f.vma.pages <= first + pages)


def pci_mmap_resource_range(m: View, f: Frame) -> Next:
    """The page protection is UC-, WC for resourceN_wc; EINVAL when memtypes conflict."""
    remap(m, f, WC if f.vma.file.wc else UC_MINUS, "EINVAL")
    return None


def _legacy(*checks: Step) -> Steps:
    """The steps of a legacy ->mmap, which populates before it links (all versions)."""
    return lambda kernel: (*checks, *behind_checks(kernel, "populate, link"))


operation(
    "mmap_resource", choose=_legacy(do_mmap, pci_mmap_resource, pci_mmap_resource_range), **MMAP
)
"""mmap an open resourceN, `offset` within the BAR; gives the address."""


@operation("open_proc_pci", needs=("pid", "bdf"))
def proc_open(m: View, f: Frame) -> Next:
    """Open /proc/bus/pci/BB/DD.F read-write; from v5.12 on with the iomem inode's mapping."""
    if m.get(("pci", f.bdf)) is None:
        raise KernelError("ENOENT", f"no device {f.bdf}")
    may_open(m, f.pid, proc_path(f.bdf, names_0=m.kernel["proc_domain"]), "rw", 0o644)
    mapping = "iomem" if "proc" in m.kernel.policy.one_inode else f"{f.bdf}/proc"
    file = File("proc", mapping, bdf=f.bdf)
    return Return(open_file(m, f.pid, file))


@operation("pciioc_mmap_is_mem", needs=("pid", "fd"))
def mmap_is_mem(m: View, f: Frame) -> Next:
    """ioctl PCIIOC_MMAP_IS_MEM; without it the file maps I/O ports, which x86 cannot.

    EPERM under lockdown, ENOTTY when the device was removed; EINVAL on arm64, which has no such
    ioctl.
    """
    file = get_file(m, f.pid, f.fd, "proc")
    if m.get(("pci", file.bdf)) is None:
        raise KernelError("ENOTTY", f"no device {file.bdf}")
    if m.kernel.lockdown:
        raise KernelError("EPERM", "lockdown refuses PCI access (LOCKDOWN_PCI_ACCESS)")
    if not m.kernel["proc_mmap"]:
        raise KernelError("EINVAL", "no file of /proc/bus/pci can be mapped here")
    update_file(m, f.pid, f.fd, memory_state=True)
    return Return(0)


def proc_bus_pci_mmap(m: View, f: Frame) -> Next:
    """EIO for a removed device, EPERM without SYS_RAWIO or under lockdown, EINVAL in I/O state.

    Then ENODEV when no BAR is there; from 5.12 on EINVAL if the BAR's FIRST page is taken. The
    offset is a physical address. On arm64 always EIO, as the file has no ->mmap (proc_reg_mmap,
    fs/proc/inode.c).
    """
    if not m.kernel["proc_mmap"]:
        raise KernelError("EIO", "no file of /proc/bus/pci can be mapped here")
    file = f.vma.file
    dev: PciDevice | None = m.get(("pci", file.bdf))
    if dev is None:
        raise KernelError("EIO", f"no device {file.bdf}")
    if not m["task", f.pid].capable("SYS_RAWIO") or m.kernel.lockdown:
        raise KernelError("EPERM", "mapping through /proc/bus/pci needs CAP_SYS_RAWIO")
    if not file.memory_state:
        raise KernelError("EINVAL", "PCIIOC_MMAP_IS_MEM was not called")
    for bar in dev.bars:
        if bar.memory and bar.index < 6 and _fits(f, bar, bar.start >> m.kernel.page_shift):
            if m.kernel["proc_exclusive"]:
                _check_start(m, bar)
            return None
    raise KernelError("ENODEV", f"no memory BAR of {file.bdf} at {f.offset:#x}")


operation(
    "mmap_proc_pci", choose=_legacy(do_mmap, proc_bus_pci_mmap, pci_mmap_resource_range), **MMAP
)


@operation("close", needs=("pid", "fd"))
def sys_close(m: View, f: Frame) -> Next:
    """close(2) frees the descriptor; mappings stay."""
    get_file(m, f.pid, f.fd)
    close_file(m, f.pid, f.fd)
    return Return(0)
