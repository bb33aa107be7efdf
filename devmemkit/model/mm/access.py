"""Access to a mapping: loads and stores, kernel copies from and to user memory, ptrace.

Source: handle_mm_fault and do_fault (mm/memory.c), generic_access_phys, fs and mm helpers.
"""

from __future__ import annotations

from devmemkit.model.errors import Blocked, KernelError, Trap
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.mm.physical import patched, read_physical, write_physical
from devmemkit.model.mm.populate import fault_check, fault_lock, fill
from devmemkit.model.process.task import VM, Vma, find_vma
from devmemkit.model.repairs import UNLOCKED
from devmemkit.model.resource.strict import LOW_MEGABYTE, has_ram
from devmemkit.model.step import (
    OPERATIONS,
    Frame,
    Next,
    Return,
    Step,
    Steps,
    lock,
    operation,
    unlock,
)

BIOS = 0x9F
"""The page from which on x86 keeps low memory for the BIOS (reserve_bios_regions)."""


def pieces(m: View, address: int, count: int) -> list[tuple[int, int]]:
    """The parts (address, count) of a range, one a page."""
    found = []
    while count:
        part = min(count, -address % m.kernel.page_size or m.kernel.page_size)
        found.append((address, part))
        address, count = address + part, count - part
    return found


def fault(m: View, pid: str, address: int, need: VM) -> None:
    """Check an access as the MMU and handle_mm_fault do; Trap with SIGSEGV or SIGBUS.

    A page without a PTE in a remapped VMA is SIGBUS, as the VMA has no ->fault. Under
    SubstitutePage it becomes a page of zeroes.
    """
    table, vpn = m["pagetable", pid], address >> m.kernel.page_shift
    present = vpn in table.private or table.pfn(vpn) is not None
    vma = find_vma(m, pid, address)
    # any of the three lets a load through: x86 without pkeys has no write-only or exec-only pages
    enough = VM.READ | VM.WRITE | VM.EXEC if need == VM.READ else need
    allowed = vma is not None and bool(enough & vma.flags)
    if present and allowed:
        return
    if any(writes for _, writes in m.get(("lock", "mmap", pid), ())):
        raise Blocked(f"mmap {pid}")  # a fault waits for the mmap or munmap under way
    if vma is None:
        raise Trap("SIGSEGV", "SEGV_MAPERR", address)
    if not allowed:
        raise Trap("SIGSEGV", "SEGV_ACCERR", address)
    if m.kernel.on_fault == "substitute":
        m.edit(("pagetable", pid)).private[vpn] = bytes(m.kernel.page_size)
        return
    raise Trap("SIGBUS", "BUS_ADRERR", address)


def peek(m: View, pid: str, address: int, count: int) -> bytes:
    """Read bytes of a present page, from the private copy if there is one."""
    table, vpn, at = (
        m["pagetable", pid],
        address >> m.kernel.page_shift,
        address % m.kernel.page_size,
    )
    if vpn in table.private:
        return bytes(table.private[vpn][at : at + count])
    return read_physical(m, (table.pfn(vpn) << m.kernel.page_shift) + at, count)


def poke(m: View, pid: str, address: int, data: bytes) -> None:
    """Write to a present page; a private mapping gets its own copy first (do_wp_page)."""
    vpn, at = address >> m.kernel.page_shift, address % m.kernel.page_size
    vma = find_vma(m, pid, address)
    is_private = vpn in m["pagetable", pid].private  # a copy, or what SubstitutePage put there
    if vma is not None and VM.SHARED in vma.flags and not is_private:
        write_physical(m, (m["pagetable", pid].pfn(vpn) << m.kernel.page_shift) + at, data)
        table = m["pagetable", pid]
        if vma.file.kind == "resource" and (vpn not in table.dirty or vpn in table.protected):
            m.edit(("pagetable", pid)).write(vpn)
        return
    page = patched(peek(m, pid, vpn << m.kernel.page_shift, m.kernel.page_size), at, data)
    table = m.edit(("pagetable", pid))
    table.zap(vpn, vpn)
    table.private[vpn] = page


def load_step(m: View, f: Frame) -> Next:
    """A load instruction gives the bytes as a little-endian integer, or a signal."""
    parts = pieces(m, f.address, f.size)
    if must_fault(m, f, f.size, VM.READ):
        return fault_lock
    data = b"".join(peek(m, f.pid, address, part) for address, part in parts)
    return Return(int.from_bytes(data, "little"))


def store_step(m: View, f: Frame) -> Next:
    """A store instruction writes all its bytes, or none when one of them faults."""
    parts = pieces(m, f.address, f.size)
    if must_fault(m, f, f.size, VM.WRITE):
        return fault_lock
    data = f.value.to_bytes(f.size, "little")
    for address, part in parts:
        poke(m, f.pid, address, data[address - f.address : address - f.address + part])
    return Return(0)


def must_fault(m: View, f: Frame, count: int, need: VM) -> bool:
    """Check each page of an access; whether one must be inserted first."""
    for address, _ in pieces(m, f.address, count):
        try:
            fault(m, f.pid, address, need)
        except Trap as trap:
            if trap.signal != "SIGBUS" or m.kernel.on_fault != "insert":
                raise
            f.faulted = address
            return True
    return False


def fault_insert(m: View, f: Frame) -> Next:
    """Insert the PTE, drop the lock, and run the instruction or the copy again."""
    fill(m, f, f.page, f.page)
    if m.kernel.repair != UNLOCKED:
        unlock(m, f, "i_mmap", f.vma.file.f_mapping)
    return OPERATIONS[f.operation].steps(m.kernel)[0]


def with_fault(step: Step) -> Steps:
    """The steps of an operation that touches pages, with the fault handler if there is one."""
    handler = (fault_lock, fault_check, fault_insert)
    return lambda kernel: (step, *handler) if kernel.on_fault == "insert" else (step,)


operation("load", choose=with_fault(load_step), needs=("pid", "address"), size=8)
operation("store", choose=with_fault(store_step), needs=("pid", "address", "value"), size=8)


def user_copy(m: View, f: Frame) -> Next:
    """copy_from_user and copy_to_user give EFAULT instead of a signal (measured, 5.10 to 7.3)."""
    need = VM.READ if f.operation == "copy_from_user" else VM.WRITE
    try:
        if must_fault(m, f, f.count, need):
            return fault_lock
        for address, count in pieces(m, f.address, f.count):
            if need == VM.WRITE:  # copies a private page, dirties a shared one
                poke(m, f.pid, address, peek(m, f.pid, address, count))
    except Trap as trap:
        raise KernelError("EFAULT", f"user buffer at {trap.address:#x}: {trap}") from None
    return Return(f.count)


operation("copy_from_user", choose=with_fault(user_copy), needs=("pid", "address"), count=8)
"""write(2) of a buffer inside the mapping; gives the count; EFAULT on a zapped page."""

operation("copy_to_user", choose=with_fault(user_copy), needs=("pid", "address"), count=8)
"""read(2) into a buffer inside the mapping; gives the count; EFAULT on a zapped page."""


def _is_gone(m: View, vma: Vma) -> bool:
    """Whether the VMA maps a sysfs file whose device was removed (kernfs_get_active)."""
    return vma.file.kind == "resource" and m.get(("pci", vma.file.bdf)) is None


def is_writable(m: View, pid: str, address: int) -> bool:
    """Whether the PTE at a mapped address lets writes through to the device (pte_write)."""
    vma = find_vma(m, pid, address)
    may_write = vma is not None and VM.WRITE | VM.SHARED in vma.flags
    return may_write and address >> m.kernel.page_shift not in m["pagetable", pid].protected


def follow_phys(m: View, f: Frame) -> Next:
    """ptrace and /proc/pid/mem look up the pfn in a remapped VMA; EIO when the page is zapped.

    EIO too for a sysfs file whose device was removed (kernfs_vma_access), and for every mapping on
    arm64 before v6.0. The operation holds mmap_lock: an mmap or munmap waits, a zap does not.
    """
    lock(m, f, "mmap", f.pid, write=False)
    vma = find_vma(m, f.pid, f.address)
    pfn = m["pagetable", f.pid].pfn(f.address >> m.kernel.page_shift)
    if vma is None or pfn is None or _is_gone(m, vma):
        raise KernelError("EIO", f"no page at {f.address:#x}")
    if not m.kernel["vma_access"]:
        raise KernelError("EIO", "no mapping of a device can be read or written by ptrace here")
    if f.operation == "ptrace_poke" and not is_writable(m, f.pid, f.address):
        raise KernelError("EIO", f"the PTE at {f.address:#x} is not writable")
    # RAM below 1 MiB is reserved
    if m.kernel["access_one_page"] and pfn >= LOW_MEGABYTE and has_ram(m, pfn):
        raise KernelError("EIO", f"pfn {pfn:#x} is System RAM")
    f.pfn = pfn
    return None


def recheck(m: View, f: Frame) -> Next:
    """generic_access_phys looks the pfn up again (v5.12 on); EIO when the page was zapped.

    The kernel retries a page that changed; mmap_lock keeps these mappings from changing.
    """
    if m["pagetable", f.pid].pfn(f.address >> m.kernel.page_shift) is None:
        raise KernelError("EIO", f"the page at {f.address:#x} was revoked")
    return copy_phys(m, f)


def copy_phys(m: View, f: Frame) -> Next:
    """generic_access_phys copies through its own ioremap of the pfn.

    EIO where ioremap refuses RAM in use: pages below 1 MiB that the kernel has not reserved; on
    arm64 also where the process has no right to the page (ioremap_prot).
    """
    vma = find_vma(m, f.pid, f.address)
    if m.kernel["access_needs_right"] and vma and not vma.flags & (VM.READ | VM.WRITE | VM.EXEC):
        raise KernelError("EIO", f"the process has no right to {f.address:#x}: ioremap_prot")
    if m.kernel["low_reserved"] <= f.pfn < BIOS and has_ram(m, f.pfn):
        raise KernelError("EIO", f"ioremap refuses pfn {f.pfn:#x}, which is System RAM")
    at = (f.pfn << m.kernel.page_shift) + f.address % m.kernel.page_size
    if f.operation == "ptrace_peek":
        return Return(int.from_bytes(read_physical(m, at, 8), "little"))
    write_physical(m, at, f.value.to_bytes(8, "little"))
    return Return(0)


def _access_steps(kernel: KernelProfile) -> tuple[Step, ...]:
    return (follow_phys, recheck if kernel["access_recheck"] else copy_phys)


operation("ptrace_peek", choose=_access_steps, needs=("pid", "address"))
"""PTRACE_PEEKDATA at an aligned address of `pid`; EIO on a zapped page."""

operation("ptrace_poke", choose=_access_steps, needs=("pid", "address", "value"))


@operation("process_vm_readv", needs=("pid", "address"))
def gup_refuses(m: View, f: Frame) -> Next:
    """process_vm_readv fails with EFAULT, as get_user_pages refuses every remapped VMA."""
    raise KernelError("EFAULT", f"{f.address:#x} is in a VM_PFNMAP mapping or in none")
