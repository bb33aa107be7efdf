"""The kernel function that each step of the model stands for, its file, and what it tests."""

from __future__ import annotations

from devmemkit.model.features import is_between
from devmemkit.model.kernel import KernelProfile

MEM, PAT, MEMORY = "drivers/char/mem.c", "arch/x86/mm/pat/memtype.c", "mm/memory.c"
SYSFS, PROC = "drivers/pci/pci-sysfs.c", "drivers/pci/proc.c"
RESOURCE = "kernel/resource.c"

FUNCTIONS = {
    "open_port": ("open_port", MEM),
    "valid_phys_addr_range": ("valid_phys_addr_range", "arch/x86/mm/mmap.c"),
    "do_mmap": ("do_mmap", "mm/mmap.c"),
    "valid_mmap_phys_addr_range": ("valid_mmap_phys_addr_range", "arch/x86/mm/mmap.c"),
    "range_is_allowed": ("range_is_allowed", "include/linux/io.h"),
    "phys_mem_access_prot_allowed": ("phys_mem_access_prot_allowed", PAT),
    "mmap_mem": ("mmap_mem_prepare", MEM),
    "remap_pfn_range": ("remap_pfn_range", MEMORY),
    "remap_pfn_range_complete": ("remap_pfn_range_complete", MEMORY),
    "vma_link_file": ("vma_link_file", "mm/vma.c"),
    "mmap_end": ("do_mmap", "mm/mmap.c"),
    "load_step": ("do_user_addr_fault", "arch/x86/mm/fault.c"),
    "store_step": ("do_user_addr_fault", "arch/x86/mm/fault.c"),
    "sysfs_open": ("kernfs_fop_open", "fs/kernfs/file.c"),
    "pci_mmap_resource": ("pci_mmap_resource", SYSFS),
    "pci_mmap_resource_range": ("pci_mmap_resource_range", "drivers/pci/mmap.c"),
    "proc_open": ("proc_bus_pci_open", PROC),
    "mmap_is_mem": ("proc_bus_pci_ioctl", PROC),
    "proc_bus_pci_mmap": ("proc_bus_pci_mmap", PROC),
    "open_dev_port": ("open_port", MEM),
    "ksys_ioperm": ("ksys_ioperm", "arch/x86/kernel/ioport.c"),
    "sys_iopl": ("sys_iopl", "arch/x86/kernel/ioport.c"),
    "pci_resource_io": ("pci_resource_io", SYSFS),
    "insert": ("__request_region", RESOURCE),
    "both_ends": ("revoke_iomem", RESOURCE),
    "zap_begin": ("unmap_mapping_range", MEMORY),
    "zap": ("unmap_mapping_range", MEMORY),
    "release": ("__release_region", RESOURCE),
    "dup_mmap_failed": ("dup_mmap", "mm/mmap.c"),
    "user_copy": ("copy_from_user", "arch/x86/lib"),
    "follow_phys": ("generic_access_phys", MEMORY),
    "recheck": ("generic_access_phys", MEMORY),
    "copy_phys": ("generic_access_phys", MEMORY),
}
"""Kernel function and file of a step, as in 7.3."""

BY_OPERATION = {
    **{("read_devmem", step): ("read_mem", MEM) for step in ("check_page", "copy_page")},
    **{("write_devmem", step): ("write_mem", MEM) for step in ("check_page", "copy_page")},
    ("read_devmem", "fetch_page"): ("read_mem", MEM),
    ("read_ioport", "port_range"): ("read_port", MEM),
    ("write_ioport", "port_range"): ("write_port", MEM),
    ("copy_to_user", "user_copy"): ("copy_to_user", "arch/x86/lib"),
}
"""Function and file by operation and step, where a step stands for a different function in each."""

MOVED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "do_mmap": (("4.3", "do_mmap_pgoff", "mm/mmap.c"),),
    "mmap_end": (("4.3", "do_mmap_pgoff", "mm/mmap.c"),),
    "range_is_allowed": (("6.16", "range_is_allowed", MEM),),
    "mmap_mem": (("6.19", "mmap_mem", MEM),),
    "vma_link_file": (
        ("6.1", "vma_link", "mm/mmap.c"),
        ("6.9", "mmap_region", "mm/mmap.c"),
        ("6.12", "vma_link_file", "mm/mmap.c"),
    ),
    "sysfs_open": (
        ("3.13", "open", "fs/sysfs/bin.c"),
        ("3.14", "sysfs_open_file", "fs/sysfs/file.c"),
    ),
    "pci_mmap_resource_range": (("4.12", "pci_mmap_page_range", "arch/x86/pci/i386.c"),),
    "dup_mmap_failed": (("6.16", "dup_mmap", "kernel/fork.c"),),
    "both_ends": (("5.12", "revoke_devmem", MEM),),
}
"""Until which version (exclusive) a step was in another function or file, oldest first.

1fcfd8db7f82 (4.3), f719582435a9 (4.12), 71a1d8ed900f (5.12), 1b3f2bd04d90 (6.16);
"mm/mmap: simplify vma link and unlink" (6.9), "mm: move internal core VMA manipulation functions to
own file" (6.12), "mm: perform VMA allocation, freeing, duplication in mm" (6.16), mmap_mem_prepare
(6.19).
"""

_FAULTS = (("4.20", "__do_page_fault", "arch/x86/mm/fault.c"),)
MOVED_X86: dict[str, tuple[tuple[str, str, str], ...]] = {
    "valid_phys_addr_range": (("4.15", "valid_phys_addr_range", MEM),),
    "valid_mmap_phys_addr_range": (("4.15", "valid_mmap_phys_addr_range", MEM),),
    "phys_mem_access_prot_allowed": (("5.6", "phys_mem_access_prot_allowed", "arch/x86/mm/pat.c"),),
    "load_step": _FAULTS,
    "store_step": _FAULTS,
    "ksys_ioperm": (("4.17", "sys_ioperm", "arch/x86/kernel/ioport.c"),),
}
"""Steps whose function on x86 differs from that of other architectures, in the form of MOVED.

be62a3204406 gave x86 its own limits of addresses (4.15; ce56a86e2ade before it was reverted),
66f4e88cc69d the helper ksys_ioperm (4.17), aa37c51b9421 split __do_page_fault (4.20).
"""

FAULT, COPY = ("do_page_fault", "arch/arm64/mm/fault.c"), "arch/arm64/lib"
ARM64 = {
    "valid_phys_addr_range": ("valid_phys_addr_range", "arch/arm64/mm/mmap.c"),
    "valid_mmap_phys_addr_range": ("valid_mmap_phys_addr_range", "arch/arm64/mm/mmap.c"),
    "phys_mem_access_prot_allowed": ("phys_mem_access_prot_allowed", MEM),
    **dict.fromkeys(("load_step", "store_step"), FAULT),
    **dict.fromkeys(("ksys_ioperm", "sys_iopl"), ("sys_ni_syscall", "kernel/sys_ni.c")),
    "proc_bus_pci_mmap": ("proc_reg_mmap", "fs/proc/inode.c"),
}
"""The functions of arm64 in place of x86's."""

SAYS = {
    "open_port": (
        "ENOENT without the node, EACCES by its mode, EPERM without SYS_RAWIO or under lockdown."
    ),
    "open_dev_port": (
        "As /dev/mem: ENOENT, EACCES by mode, EPERM without SYS_RAWIO or under lockdown."
    ),
    "sysfs_open": (
        "ENOENT if the BAR has no such file, EACCES by its mode (0600), EROFS on a read-only mount."
    ),
    "proc_open": "ENOENT without the device, EACCES by mode (0644), EROFS on a read-only mount.",
    "mmap_is_mem": "The ioctl PCIIOC_MMAP_IS_MEM: without it the file maps I/O, which x86 cannot.",
    "do_mmap": "Take mmap_lock and test what mm/mmap.c tests for any file, in its order.",
    "valid_mmap_phys_addr_range": (
        "EINVAL when the range wraps or exceeds the physical address width."
    ),
    "range_is_allowed": (
        "EPERM if a page is not allowed; tests page after page, with no lock held in between."
    ),
    "phys_mem_access_prot_allowed": (
        "EINVAL if a page is not allowed: x86's PAT code tests the pages, on some kernels again."
    ),
    "mmap_mem": "The page protection: UC- with O_SYNC, else WB; EAGAIN when memtypes conflict.",
    "pci_mmap_resource": (
        "ENODEV or EINVAL for ports, EPERM under lockdown, EINVAL by first page and by size."
    ),
    "proc_bus_pci_mmap": (
        "EIO for a removed device, EPERM without SYS_RAWIO or under lockdown, EINVAL for I/O."
    ),
    "pci_mmap_resource_range": (
        "The cache type: UC-, or WC for resourceN_wc; EINVAL if memtypes conflict."
    ),
    "remap_pfn_range": (
        "Populate the whole VMA before anybody can see it (up to 6.18, and every legacy ->mmap)."
    ),
    "vma_link_file": (
        "Make the VMA visible to unmap_mapping_range, under the rmap lock of its file."
    ),
    "mmap_end": "Drop mmap_lock; the value is the address.",
    "remap_pfn_range_complete": (
        "Populate a VMA that is already visible, page by page (/dev/mem from 6.19)."
    ),
    "valid_phys_addr_range": (
        "EFAULT before any permission is tested: above high_memory, the end of mapped memory."
    ),
    "check_page": "Check one page, or the part of it that is asked for, and map it.",
    "fetch_page": "Copy the page into a buffer of the kernel's own.",
    "copy_page": "Copy the page from or to the process.",
    "port_range": (
        "Byte by byte up to port 0xffff: bytes beyond do not count, a range beyond gives 0."
    ),
    "pci_resource_io": (
        "A BAR of ports takes 1, 2 or 4 bytes, else EINVAL; a memory BAR has no read or write: EIO."
    ),
    "ksys_ioperm": (
        "EINVAL for ports beyond 0xffff; EPERM without CAP_SYS_RAWIO or under lockdown."
    ),
    "sys_iopl": "EINVAL above level 3; EPERM without CAP_SYS_RAWIO or under lockdown.",
    "load_step": "The load: its bytes as a little-endian integer, or the signal of a fault.",
    "store_step": "The store: it writes nothing if any of its bytes faults.",
}
"""What a step of an access tests, for the user to read."""


SAYS_ARM64 = {
    "valid_phys_addr_range": "EFAULT before any permission is tested: not in one region of RAM.",
    "mmap_is_mem": "The ioctl PCIIOC_MMAP_IS_MEM, which arm64 does not have: EINVAL.",
    "proc_bus_pci_mmap": "EIO: no file of /proc/bus/pci can be mapped on arm64.",
    "phys_mem_access_prot_allowed": "Refuses nothing: arm64 has no such check.",
    "mmap_mem": "The page protection, by phys_mem_access_prot: uncached, but for RAM.",
    "pci_mmap_resource_range": "The page protection: uncached, write-combining for resourceN_wc.",
    "valid_mmap_phys_addr_range": "EINVAL when the range wraps or exceeds PHYS_MASK.",
    "ksys_ioperm": "ENOSYS: a system call of x86 only.",
    "sys_iopl": "ENOSYS: a system call of x86 only.",
}
"""What a step tests on arm64, where that is not what SAYS has."""


def says_of(step: str, arch: str) -> str:
    """What a step of an access tests on that architecture, for the user to read."""
    return (SAYS_ARM64 if arch == "arm64" else SAYS).get(step) or SAYS.get(step, "")


def function_of(operation: str, step: str, kernel: KernelProfile) -> tuple[str, str]:
    """Kernel function and file of a step in that version; the step's own name if none is named.

    A file below arch/ is named for its own architecture alone.
    """
    arch = kernel.arch
    if arch == "arm64" and step in ARM64:
        return ARM64[step]
    function, file = BY_OPERATION.get((operation, step)) or FUNCTIONS.get(step, (step, ""))
    moved = MOVED.get(step, ()) or (arch == "x86_64" and MOVED_X86.get(step)) or ()
    for until, *was in moved:
        if is_between(kernel.version, "", until):
            function, file = was
            break
    if arch == "arm64":
        file = file.replace("arch/x86/lib", COPY)
    if arch == "x86_64" or not file.startswith("arch/x86"):
        return function, file
    return ("handle_mm_fault", MEMORY) if function == "do_user_addr_fault" else (function, "")
