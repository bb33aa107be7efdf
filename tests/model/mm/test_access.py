"""Touching a mapping: loads, stores, kernel copies and ptrace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine, View
from devmemkit.model.mm.access import pieces
from tests.model.machines import (
    ALL,
    BDF,
    PAGE,
    PMEM,
    RAM,
    bar_mapped,
    begin,
    blocked,
    claim_,
    do,
    finish,
    iomem,
    live,
    machine,
    mapped,
    node,
    ok,
    step_to,
)
from tests.model.machines import BAR0 as BAR

NONE = Config(strict_devmem=False, io_strict_devmem=False)
LIVE, DEAD = 0, PAGE
"""Offsets in a mapping of two pages, the second of which has been claimed."""


def half_dead(version: str, *, sysfs: bool = False) -> tuple[Machine, int]:
    if sysfs:
        m, address = bar_mapped(machine(version), 0, 2)
        return claim_(m, BAR + PAGE, PAGE), address
    m, address = mapped(machine(version), PMEM, 2)
    return claim_(m, PMEM + PAGE, PAGE), address


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("sysfs", [False, True])
@pytest.mark.parametrize(("name", "more"), [("load", {}), ("store", {"value": 1})])
def test_dead_page_is_sigbus(version: str, sysfs: bool, name: str, more: dict[str, int]) -> None:
    """SIGBUS, BUS_ADRERR (2), si_addr the touched address. 5.10 sysfs lives."""
    m, address = half_dead(version, sysfs=sysfs)
    ok(m, name, address=address + LIVE, **more)
    outcome = do(m, name, address=address + DEAD + 24, **more)[1]
    if sysfs and version == "5.10":
        assert outcome.ok
        return
    assert (outcome.signal, outcome.si_code) == ("SIGBUS", "BUS_ADRERR")
    assert (outcome.si_addr, outcome.si_code) == (address + DEAD + 24, "BUS_ADRERR")
    assert outcome.errno is None


@pytest.mark.parametrize("version", ALL)
def test_a_private_mapping_dies_alike(version: str) -> None:
    """The copy is dropped, SIGBUS afterwards; a store makes no new copy."""
    m, address = mapped(machine(version), PMEM, 2, shared=False)
    m, _ = ok(m, "store", address=address + DEAD, value=5)
    m = claim_(m, PMEM + PAGE, PAGE)
    assert live(m, address, 2) == [True, False]
    assert do(m, "store", address=address + DEAD, value=6)[1].signal == "SIGBUS"
    m, _ = ok(m, "release_mem_region", "driver", start=PMEM + PAGE, size=PAGE)
    assert live(m, address, 2) == [True, False]


def test_private_copies_do_not_reach_memory() -> None:
    m, shared = mapped(machine(), PMEM, 1)
    m, private = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE, shared=False)
    m, _ = ok(m, "store", address=shared, value=0x11)
    assert ok(m, "load", address=private)[1] == 0x11
    m, _ = ok(m, "store", address=private + 8, value=0x22)
    m, _ = ok(m, "store", address=shared, value=0x33)
    assert ok(m, "load", address=shared + 8)[1] == 0
    assert [ok(m, "load", address=private + at)[1] for at in (0, 8)] == [0x11, 0x22]
    assert m["pagetable", "p"].pfn(private // PAGE) is None
    assert do(m, "ptrace_peek", address=private)[1].errno == "EIO"  # not device memory any more


def test_sizes_and_page_crossing() -> None:
    """Little-endian; a store that crosses into a dead page writes nothing."""
    m, address = half_dead("6.12")
    m, _ = ok(m, "store", address=address + 3, value=0xABCD, size=2)
    assert ok(m, "load", address=address + 3, size=1)[1] == 0xCD
    assert ok(m, "load", address=address, size=8)[1] == 0xABCD << 24
    after, outcome = do(m, "store", address=address + PAGE - 4, value=(1 << 64) - 1)
    assert (outcome.signal, outcome.si_addr) == ("SIGBUS", address + PAGE)
    assert after["page", PMEM >> 12] == m["page", PMEM >> 12]
    assert do(m, "load", address=address + PAGE - 4)[1].si_addr == address + PAGE
    assert pieces(View(machine()), PAGE - 1, PAGE + 2) == [
        (PAGE - 1, 1),
        (PAGE, PAGE),
        (2 * PAGE, 1),
    ]


@pytest.mark.parametrize(("name", "more"), [("load", {}), ("store", {"value": 1})])
def test_a_repaired_fault_holds_the_rmap_lock_for_its_page_only(
    name: str, more: dict[str, int]
) -> None:
    """A claim waits while the handler has the lock, and goes on before the instruction is over."""
    m, address = mapped(machine(repair="fault"), PMEM, 1)
    m = step_to(begin(m, "p", name, address=address, **more), "p", "fault_check")
    where = {"start": PMEM, "size": PAGE}
    claim = step_to(begin(m, "driver", "request_mem_region", **where), "driver", "both_ends")
    assert blocked(claim, "driver") == "i_mmap iomem"
    m = step_to(claim, "p", "fault_insert")
    assert blocked(m, "driver") is None
    m = finish(m, "driver")[0]
    m, outcome = finish(m, "p")  # the instruction runs again, its page is gone by now
    assert (outcome.signal, outcome.si_addr) == ("SIGBUS", address)


@pytest.mark.parametrize("prot", ["r", "", "rx"])
def test_protection(prot: str) -> None:
    """SIGSEGV, not SIGBUS: SEGV_MAPERR without a VMA, SEGV_ACCERR against its protection."""
    m, address = mapped(machine(), PMEM, 2, prot=prot)
    m = claim_(m, PMEM + PAGE, PAGE)
    for at in (LIVE, DEAD):  # the protection is looked at first
        write = do(m, "store", address=address + at, value=1)[1]
        assert (write.signal, write.si_code) == ("SIGSEGV", "SEGV_ACCERR")
    assert do(m, "load", address=address)[1].ok == ("r" in prot)
    writable, at = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE, prot="w")
    assert live(writable, at, 1) == [True]  # x86 has no write-only pages
    none = do(m, "load", address=0x1000)[1]
    assert (none.signal, none.si_code, none.si_addr) == ("SIGSEGV", "SEGV_MAPERR", 0x1000)


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("name", ["copy_from_user", "copy_to_user"])
def test_kernel_copies_are_efault(version: str, name: str) -> None:
    """read(2) and write(2) with a dead buffer: EFAULT, no signal."""
    m, address = half_dead(version)
    assert ok(m, name, address=address, count=PAGE)[1] == PAGE
    for start, count in [(DEAD, 1), (PAGE - 1, 2)]:
        outcome = do(m, name, address=address + start, count=count)[1]
        assert (outcome.errno, outcome.signal) == ("EFAULT", None)


@pytest.mark.parametrize("version", ALL)
def test_ptrace_is_eio(version: str) -> None:
    """Live works, dead is EIO; process_vm_readv is EFAULT for both."""
    m, address = half_dead(version)
    m, _ = ok(m, "ptrace_poke", address=address, value=77)
    assert ok(m, "ptrace_peek", address=address)[1] == 77
    assert do(m, "ptrace_peek", address=address + DEAD)[1].errno == "EIO"
    assert do(m, "ptrace_poke", address=address + DEAD, value=1)[1].errno == "EIO"
    assert do(m, "ptrace_peek", address=0x1000)[1].errno == "EIO"
    for at in (LIVE, DEAD):
        assert do(m, "process_vm_readv", address=address + at)[1].errno == "EFAULT"


def test_ptrace_poke_needs_a_writable_pte() -> None:
    """generic_access_phys looks at pte_write: read-only and private mappings are EIO."""
    for more in ({"prot": "r"}, {"shared": False}):
        m, address = mapped(machine(), PMEM, 1, **more)
        after, outcome = do(m, "ptrace_poke", address=address, value=1)
        assert outcome.errno == "EIO"
        assert after.get(("page", PMEM >> 12)) is None
        ok(m, "ptrace_peek", address=address)


@pytest.mark.parametrize(("arch", "errno"), [("x86_64", None), ("arm64", "EIO")])
def test_ptrace_of_a_page_without_rights(arch: str, errno: str | None) -> None:
    """Found by random operations on arm64, 6.12 and 7.3, where ioremap_prot refuses its PTE."""
    m = machine("6.12")
    m, address = mapped(m.with_kernel(replace(m.kernel, arch=arch)), PMEM, 1, prot="")
    assert do(m, "ptrace_peek", address=address)[1].errno == errno
    m, _ = ok(m, "mprotect", address=address, length=PAGE, prot="r")
    assert do(m, "ptrace_peek", address=address)[1].ok


@pytest.mark.parametrize(
    ("version", "misses"),
    [("5.8", True), ("5.10", True), ("5.12", False), ("6.1", False), ("7.3", False)],
)
@pytest.mark.parametrize("name", ["ptrace_peek", "ptrace_poke"])
def test_a_revoke_between_look_up_and_copy(version: str, misses: bool, name: str) -> None:
    """5.10 misses it for that one access; from 96667f8a4382 (v5.12) it is EIO."""
    m, address = mapped(machine(version), PMEM, 1)
    m, _ = ok(m, "store", address=address, value=42)
    value = {"value": 43} if name == "ptrace_poke" else {}
    m = step_to(begin(m, "t", name, pid="p", address=address, **value), "t", "follow_phys")
    control, outcome = finish(m, "t")
    assert outcome.ok
    m, outcome = finish(claim_(m, PMEM, PAGE), "t")
    if not misses:
        assert outcome.errno == "EIO"
        assert ok(m, "read_devmem", fd=0, offset=PMEM + PAGE, count=1)
    elif name == "ptrace_peek":
        assert outcome.value == 42
    written = 43 if name == "ptrace_poke" and misses else 42
    assert m["page", PMEM >> 12][0] == written
    assert control["page", PMEM >> 12][0] == (43 if value else 42)


@pytest.mark.parametrize("version", ["5.10", "6.1"])
def test_mmap_and_mremap_wait_for_a_debugger(version: str) -> None:
    """access_remote_vm holds mmap_lock for reading; a zap needs no such lock."""
    m, one = mapped(machine(version), PMEM, 1)
    m = step_to(begin(m, "t", "ptrace_peek", pid="p", address=one), "t", "follow_phys")
    move = {"address": one, "length": PAGE, "new_length": PAGE, "to": one + 4 * PAGE}
    for name, arguments in [
        ("mremap", move),
        ("munmap", {"address": one, "length": PAGE}),
        ("mmap_devmem", {"fd": 0, "offset": PMEM, "length": PAGE}),
    ]:
        assert blocked(begin(m, "u", name, pid="p", **arguments), "u")
    zapped = claim_(m, PMEM, PAGE)
    assert finish(zapped, "t")[1].errno == (None if version == "5.10" else "EIO")
    after, outcome = finish(m, "t")
    assert outcome.value == 0
    ok(after, "mremap", **move)


def test_a_debugger_waits_for_an_mmap() -> None:
    """Nobody sees a half-built mapping of 7.3 through ptrace."""
    m, one = mapped(machine("7.3"), PMEM, 1)
    m = begin(m, "u", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=PAGE)
    m = step_to(m, "u", "vma_link_file")
    assert blocked(begin(m, "t", "ptrace_peek", pid="p", address=one), "t")


@pytest.mark.parametrize(("version", "refused"), [("5.10", 0), ("6.12", 0), ("7.2", 0), ("7.3", 1)])
def test_ptrace_of_ram(version: str, refused: bool) -> None:
    """7.3 refuses online, non-reserved RAM; what lies below 1 MiB is reserved."""
    for ram in (0x10_0000, 0x20_0000):
        m, address = mapped(machine(version, config=NONE, cmdline="nopat"), ram, 1)
        assert (do(m, "ptrace_peek", address=address)[1].errno == "EIO") == bool(refused)
    m, address = mapped(machine(version), 0x1000, 1)
    ok(m, "ptrace_peek", address=address)


def test_a_present_page_does_not_wait_for_mmap_lock() -> None:
    """A load that needs no fault goes through while another thread maps; a dead page waits."""
    m, address = half_dead("6.12")
    m = step_to(begin(m, "t", "mmap_devmem", pid="p", fd=0, length=PAGE, offset=0), "t", "do_mmap")
    m = begin(m, "a", "load", pid="p", address=address)
    assert blocked(m, "a") is None
    m = begin(m, "b", "load", pid="p", address=address + DEAD)
    assert blocked(m, "b") == "mmap p"
    assert finish(finish(m, "t")[0], "b")[1].signal == "SIGBUS"


@pytest.mark.parametrize("version", [*ALL, "6.18"])
def test_ptrace_of_a_removed_devices_mapping(version: str) -> None:
    """Measured: from 6.1 loads go on after a removal, but ptrace asks sysfs: EIO; procfs works."""
    m, fd = ok(machine(version), "open_resource", bdf=BDF, bar=0)
    m, sysfs = ok(m, "mmap_resource", fd=fd, length=PAGE)
    m, fd = ok(m, "open_proc_pci", bdf=BDF)
    m, _ = ok(m, "pciioc_mmap_is_mem", fd=fd)
    m, proc = ok(m, "mmap_proc_pci", fd=fd, offset=BAR, length=PAGE)
    assert do(m, "ptrace_peek", "t", pid="p", address=sysfs)[1].ok
    m, _ = ok(m, "remove", "root", bdf=BDF)
    assert do(m, "load", address=sysfs)[1].signal == ("SIGBUS" if version == "5.10" else None)
    assert do(m, "ptrace_peek", "t", pid="p", address=sysfs)[1].errno == "EIO"
    assert do(m, "ptrace_poke", "t", pid="p", address=sysfs, value=1)[1].errno == "EIO"
    assert do(m, "ptrace_peek", "t", pid="p", address=proc)[1].ok


@pytest.mark.parametrize("version", [*ALL, "6.18"])
def test_ptrace_of_low_memory(version: str) -> None:
    """Measured: 5.10 keeps only 64 KiB for itself, and ioremap refuses the RAM behind it."""
    m, low = mapped(machine(version), 0, 0x98, dsync=False)
    found = [do(m, "ptrace_peek", "t", pid="p", address=low + i * PAGE)[1].errno for i in range(32)]
    assert found == [None] * 16 + (["EIO"] if version == "5.10" else [None]) * 16
    assert do(m, "load", address=low + 20 * PAGE)[1].ok


@pytest.mark.parametrize(("page", "errno"), [(0x9E, "EIO"), (0x9F, None)])
def test_ptrace_below_1_mib_ends_at_the_bios(page: int, errno: str | None) -> None:
    """On 5.10 the kernel has RAM up to page 0x9e in use, as the BIOS has the next for itself."""
    tree = iomem(node(0x9_F000, 0x9_FFFF, "System RAM", RAM))
    m, address = mapped(machine("5.10", tree=tree), page * PAGE, 1, dsync=False)
    assert do(m, "ptrace_peek", address=address)[1].errno == errno
