"""What the kernel does, as data and named atomic steps; standard library only, no I/O.

Find a rule by the kernel function that it stands for: each step's docstring names its own.

    resource/   kernel/resource.c and revoke_devmem: the tree, claims, revocation, strict checks
    devmem/     drivers/char/mem.c: /dev/mem and /dev/port
    mm/         mm/, arch/x86/mm/pat: mappings, page tables, faults, cache types, system calls
    pci/        drivers/pci: devices, drivers, resourceN, /proc/bus/pci
    drivers/    drivers/base, nvdimm, vfio, fs/pstore: bind, remove, nd_pmem, DMA, ramoops
    process/    kernel/fork.c, kernel/sys.c: tasks, files, fork, credentials
    boot.py     the initcalls that make the iomem inode and the resource files

features.py has the table of what differs between versions, kernel.py a kernel made of its rows,
policy.py what a claim does to mappings, repairs.py the orders that no kernel has, machine.py the
state, step.py how an operation runs.
"""
