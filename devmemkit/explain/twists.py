"""The causes that a description does not show: what may have happened, and how to find out."""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.explain.otherwise import (
    Apply,
    after,
    another_kernel,
    beyond,
    claimed_after,
    claimed_before,
    copied,
    empty,
    mapped_otherwise,
    missing,
    no_devmem,
    not_asked,
    opened,
    page_claimed,
    read_only_store,
    removed,
    through_read,
    too_long,
    unaligned,
    unmapped,
)
from devmemkit.model.kernel import Config


@dataclass(frozen=True)
class Twist:
    """Something that may have been otherwise than described; `apply` gives None where it cannot."""

    name: str
    what: str
    tell: str
    apply: Apply


TWISTS = (
    Twist(
        "claimed before",
        "a driver had claimed the region before",
        "the region has a line of a driver's in /proc/iomem, below the device's",
        claimed_before,
    ),
    Twist(
        "claimed after",
        "a driver claimed the region after it was mapped, and the mapping was revoked",
        "modprobe, or a device that appeared, shortly before; dmesg says which driver bound",
        claimed_after,
    ),
    Twist(
        "page claimed",
        "one page of the range is claimed, and one is enough",
        "/proc/iomem, with the range rounded to pages: look for an indented line inside",
        page_claimed,
    ),
    Twist(
        "lockdown",
        "lockdown is in force",
        "cat /sys/kernel/security/lockdown; iomem=relaxed does not lift it",
        another_kernel(cmdline="lockdown=integrity"),
    ),
    Twist(
        "no capability",
        "the process has no CAP_SYS_RAWIO, as root in a container has not",
        "grep CapEff /proc/self/status: bit 17",
        after("capset"),
    ),
    Twist(
        "no root",
        "the process does not run as root",
        "id -u",
        after("setuid"),
    ),
    Twist(
        "io_strict",
        "the kernel is stricter: IO_STRICT_DEVMEM=y",
        "grep STRICT_DEVMEM /boot/config-*",
        another_kernel(config=Config()),
    ),
    Twist(
        "no devmem",
        "the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*",
        no_devmem(False),
    ),
    Twist(
        "empty node",
        "somebody made the node although the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*; a container's /dev is often made by hand",
        no_devmem(True),
    ),
    Twist(
        "other cache type",
        "another mapping of the pages has another cache type (O_SYNC or not, _wc or not)",
        "/sys/kernel/debug/x86/pat_memtype_list has the range; dmesg on a conflict",
        mapped_otherwise,
    ),
    Twist(
        "opened read-only",
        "the file was opened for reading only, and a shared mapping wants to write",
        "strace: O_RDONLY with PROT_WRITE",
        opened("r"),
    ),
    Twist(
        "opened write-only",
        "the file was opened for writing only",
        "strace: O_WRONLY",
        opened("w"),
    ),
    Twist(
        "read-only store",
        "a store to a mapping without PROT_WRITE",
        "strace: the prot of mmap; si_code is SEGV_ACCERR",
        read_only_store,
    ),
    Twist(
        "beyond the end",
        "the touch is behind the mapping's end",
        "compare si_addr with /proc/PID/maps; si_code is SEGV_MAPERR",
        beyond,
    ),
    Twist(
        "unmapped",
        "the mapping was gone already",
        "strace: munmap; si_code is SEGV_MAPERR",
        unmapped,
    ),
    Twist(
        "unaligned",
        "the offset is not a multiple of the page size",
        "strace: the last argument of mmap",
        unaligned,
    ),
    Twist(
        "empty",
        "the length is 0",
        "strace: the second argument of mmap",
        empty,
    ),
    Twist(
        "too long",
        "the mapping reaches beyond the end of the BAR",
        "compare with the size of the resourceN file; offsets into it begin at 0",
        too_long,
    ),
    Twist(
        "not asked",
        "PCIIOC_MMAP_IS_MEM was not called on the file",
        "strace: the ioctl",
        not_asked,
    ),
    Twist(
        "read",
        "read(2) was used where only mmap can reach",
        "strace: read or pread",
        through_read,
    ),
    Twist(
        "copied",
        "a system call was given a buffer inside a mapping that was revoked",
        "strace: a write(2) whose buffer is the mapping, and EFAULT",
        copied("copy_from_user"),
    ),
    Twist(
        "traced",
        "a debugger looked at a page that was revoked",
        "ptrace or /proc/PID/mem",
        copied("ptrace_peek"),
    ),
    Twist(
        "removed",
        "the device was removed between open and mmap",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        removed,
    ),
    Twist(
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        missing,
    ),
)
