"""Which kernel function a step of the model stands for, and in which file it is."""

from __future__ import annotations

from devmemkit.model.kernel import KernelProfile
from devmemkit.model.step import OPERATIONS

MEM, PAT, MEMORY = "drivers/char/mem.c", "arch/x86/mm/pat/memtype.c", "mm/memory.c"
SYSFS, PROC = "drivers/pci/pci-sysfs.c", "drivers/pci/proc.c"

FUNCTIONS = {
    "open_port": ("open_port", MEM),
    "valid_phys_addr_range": ("valid_phys_addr_range", "arch/x86/mm/mmap.c"),
    "do_mmap": ("do_mmap", "mm/mmap.c"),
    "valid_mmap_phys_addr_range": ("valid_mmap_phys_addr_range", "arch/x86/mm/mmap.c"),
    "range_is_allowed": ("range_is_allowed", MEM),
    "phys_mem_access_prot_allowed": ("phys_mem_access_prot_allowed", PAT),
    "mmap_mem": ("mmap_mem", MEM),
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
    "pci_resource_io": ("pci_resource_io", SYSFS),
    "user_copy": ("copy_from_user", "arch/x86/lib"),
    "follow_phys": ("generic_access_phys", MEMORY),
    "recheck": ("generic_access_phys", MEMORY),
    "copy_phys": ("generic_access_phys", MEMORY),
}
"""Step to kernel function and file; steps of one operation alone are in BY_OPERATION."""

BY_OPERATION = {
    ("read_devmem", "copy_page"): ("read_mem", MEM),
    ("write_devmem", "copy_page"): ("write_mem", MEM),
    ("read_ioport", "port_range"): ("read_port", MEM),
    ("write_ioport", "port_range"): ("write_port", MEM),
    ("copy_to_user", "user_copy"): ("copy_to_user", "arch/x86/lib"),
}


def function_of(operation: str, step: str) -> tuple[str, str]:
    """Kernel function and file of a step; the step's own name where it is no function alone."""
    return BY_OPERATION.get((operation, step)) or FUNCTIONS.get(step, (step, ""))


def says(kernel: KernelProfile, operation: str, step: str) -> str:
    """What a step tests, in the first sentence of its rule."""
    steps = OPERATIONS[operation].steps(kernel)
    doc = next((one.__doc__ or "" for one in steps if one.__name__ == step), "")
    return doc.strip().split("\n")[0]
