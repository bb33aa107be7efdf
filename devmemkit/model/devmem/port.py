"""I/O ports: /dev/port, ioperm, iopl, and read(2) and write(2) of resourceN, of ports only.

The kernel checks no claim here. The model has no devices, so the bytes read are unknown, and no
instructions on ports.
Source: drivers/char/mem.c:read_port, write_port; drivers/pci/pci-sysfs.c:pci_resource_io;
fs/sysfs/file.c:sysfs_kf_bin_read, sysfs_kf_bin_write; arch/x86/kernel/ioport.c.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.devmem.mem import check_open
from devmemkit.model.errors import KernelError
from devmemkit.model.flags import U64
from devmemkit.model.machine import View
from devmemkit.model.pci.device import bar_of
from devmemkit.model.process.task import File, get_file, open_file, open_mode
from devmemkit.model.step import Frame, Next, Return, operation

PORTS = 0x10000
"""Ports that x86 has (IO_SPACE_LIMIT + 1)."""


@operation("open_ioport", needs=("pid",), mode="rw")
def open_dev_port(m: View, f: Frame) -> Next:
    """Open /dev/port: ENOENT, EACCES by its mode, EPERM without SYS_RAWIO or under lockdown."""
    if not m.get("dev_port", True):
        raise KernelError("ENOENT", "there is no node /dev/port")
    check_open(m, f, "/dev/port")
    return Return(open_file(m, f.pid, File("port", "/dev/port", *open_mode(f.mode))))


@operation("read_ioport", needs=("pid", "fd", "count", "offset"))
@operation("write_ioport", needs=("pid", "fd", "data", "offset"))
def port_range(m: View, f: Frame) -> Next:
    """pread and pwrite of /dev/port stop at port 0xffff; a range beyond it gives 0 bytes.

    The bytes read are zeroes, as the model has no devices.
    """
    if f.offset >> 63:
        raise KernelError("EINVAL", f"offset {f.offset:#x}")
    file = get_file(m, f.pid, f.fd, "port")
    writing = f.operation == "write_ioport"
    if not (file.write if writing else file.read):
        raise KernelError("EBADF", "the file is not open for that")
    wanted = len(f.data) if writing else f.count
    done = max(0, min(wanted, PORTS - f.offset))
    return Return(done if writing else bytes(done))


@operation("read_resource", needs=("pid", "fd", "count", "offset"))
@operation("write_resource", needs=("pid", "fd", "data", "offset"))
def pci_resource_io(m: View, f: Frame) -> Next:
    """pread and pwrite of resourceN: ports take 1, 2 or 4 bytes, else EINVAL; memory is EIO.

    pwrite(2) to a file open for reading is ESPIPE, as kernfs leaves no FMODE_PWRITE. At the end
    of the file a read gives no bytes and a write is EFBIG; a range beyond the end is cut. EPERM
    for a write under lockdown, ENODEV when the device was removed.
    """
    file = get_file(m, f.pid, f.fd, "resource")
    writing = f.operation == "write_resource"
    if f.offset >> 63:
        raise KernelError("EINVAL", f"offset {f.offset:#x}")
    if writing and not file.write:
        raise KernelError("ESPIPE", "pwrite to a file that is open for reading; write has EBADF")
    if not (writing or file.read):
        raise KernelError("EBADF", "the file is not open for reading")
    wanted = len(f.data) if writing else f.count
    bar = bar_of(m, file.bdf, file.bar)
    if writing and f.offset >= bar.length:
        raise KernelError("EFBIG", f"offset {f.offset:#x} is beyond BAR {bar.index}")
    count = min(wanted, max(0, bar.length - f.offset)) & U64
    if not count:
        return Return(0 if writing else b"")
    if bar.memory:
        raise KernelError("EIO", f"resource{bar.index} is memory: it can be mapped, not read")
    if writing and m.kernel.lockdown:
        raise KernelError("EPERM", "lockdown refuses PCI access (LOCKDOWN_PCI_ACCESS)")
    if count not in (1, 2, 4):
        raise KernelError("EINVAL", f"ports are read and written by 1, 2 or 4 bytes, not {count}")
    return Return(count if writing else bytes(count))


@operation("ioperm", needs=("pid", "first", "count"), turn_on=True)
def ksys_ioperm(m: View, f: Frame) -> Next:
    """ioperm: EINVAL for no port or one beyond 0xffff; as iopl, unless ports are given back."""
    _only_x86(m, "ioperm")
    if not f.first < f.first + f.count & U64 <= PORTS:
        raise KernelError("EINVAL", f"{f.count:#x} ports from {f.first:#x} on are not in 0-0xffff")
    if f.turn_on:
        _raw_io(m, f.pid)
    return Return(0)


@operation("iopl", needs=("pid", "level"))
def sys_iopl(m: View, f: Frame) -> Next:
    """iopl: EINVAL above level 3; a level above the one it has, at first 0, needs CAP_SYS_RAWIO."""
    _only_x86(m, "iopl")
    if f.level > 3:
        raise KernelError("EINVAL", f"level {f.level} is above 3")
    if f.level > m["task", f.pid].iopl:
        _raw_io(m, f.pid)
    m["task", f.pid] = replace(m["task", f.pid], iopl=f.level)
    return Return(0)


def _only_x86(m: View, call: str) -> None:
    if not m.kernel["port_calls"]:
        raise KernelError("ENOSYS", f"{call} is a system call of x86 only")


def _raw_io(m: View, pid: str) -> None:
    if not m["task", pid].capable("SYS_RAWIO"):
        raise KernelError("EPERM", "access to ports needs CAP_SYS_RAWIO")
    if m.kernel.lockdown:
        raise KernelError("EPERM", "lockdown refuses access to ports (LOCKDOWN_IOPORT)")
