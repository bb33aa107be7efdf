"""Revocation: when a claim zaps, which pages, what is left."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import Config
from devmemkit.model.resource.revoke import zapped_pages
from devmemkit.model.step import take_step
from tests.model.machines import (
    ALL,
    BAR0,
    PAGE,
    PMEM,
    bar_mapped,
    begin,
    blocked,
    claim_,
    do,
    finish,
    live,
    machine,
    mapped,
    ok,
    step_to,
)


@settings(deadline=None)
@given(st.integers(0, 1 << 20), st.integers(1, 1 << 16))
def test_page_count(start: int, size: int) -> None:
    """First = start>>12, count = (size+4095)>>12; the last page is missed
    iff ((start&4095)+size+4095)>>12 > (size+4095)>>12; never more than one, never one too many."""
    first, last = zapped_pages(start, size)
    assert (first, last - first + 1) == (start >> 12, (size + 4095) >> 12)
    touched = (start + size - 1) >> 12
    missed = ((start & 4095) + size + 4095) >> 12 > (size + 4095) >> 12
    assert touched - last == missed


@pytest.mark.parametrize("version", ALL)
def test_the_claimed_pages_of_a_mapping_die(version: str) -> None:
    """16 pages mapped, pages 4 to 7 claimed, exactly those dead."""
    m, address = mapped(machine(version), PMEM, 16)
    assert all(live(m, address, 16))
    m = claim_(m, PMEM + 4 * PAGE, 4 * PAGE)
    assert live(m, address, 16) == [not 4 <= page < 8 for page in range(16)]
    assert [(v.start, v.pages) for v in m["vmas", "p"]] == [(address, 16)]  # the VMA stays
    m, _ = ok(m, "release_mem_region", "driver", start=PMEM + 4 * PAGE, size=4 * PAGE)
    assert live(m, address, 16) == [not 4 <= page < 8 for page in range(16)]
    m, again = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=16 * PAGE)
    assert all(live(m, again, 16))
    m = claim_(m, PMEM, 16 * PAGE)  # rebinding revokes again
    assert not any(live(m, again, 16))


@pytest.mark.parametrize("version", ALL)
def test_an_unaligned_claim_keeps_its_last_page(version: str) -> None:
    """Claim [+0x1800, +0x27ff]: page 1 dies, page 2 stays; a new mmap of it is
    EPERM."""
    m, address = mapped(machine(version), PMEM, 4)
    m = claim_(m, PMEM + 0x1800, 0x1000)
    assert live(m, address, 4) == [True, False, True, True]
    assert do(m, "mmap_devmem", fd=0, offset=PMEM + 0x2000, length=PAGE)[1].errno == "EPERM"
    assert do(m, "mmap_devmem", fd=0, offset=PMEM + 0x1000, length=PAGE)[1].errno == "EPERM"
    ok(m, "mmap_devmem", fd=0, offset=PMEM + 0x3000, length=PAGE)


@pytest.mark.parametrize("version", ALL)
def test_a_few_bytes_take_the_whole_page(version: str) -> None:
    """Sub-page claims revoke the whole page; the aligned control takes two of two."""
    m, address = mapped(machine(version), PMEM, 3)
    assert live(claim_(m, PMEM + 0x1FF0, 4), address, 3) == [True, False, True]
    assert live(claim_(m, PMEM + 0x1000, 0x1001), address, 3) == [True, False, False]


@pytest.mark.parametrize("version", VERSIONS)
def test_since_5_8_for_devmem(version: str) -> None:
    """Survives a claim on 4.4 and 4.5, dies from 5.8 on."""
    m, address = mapped(machine(version), BAR0, 2)
    m = claim_(m, BAR0, PAGE)
    survives = version in ("4.4", "4.5")
    assert live(m, address, 2) == [survives, True]
    assert (m.get(("i_mmap", "iomem")) is None) == survives  # the shared address space


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["sysfs", "proc"])
def test_since_5_12_for_pci(version: str, kind: str) -> None:
    """On 5.10 only /dev/mem is on the revocable inode."""
    m = machine(version)
    if kind == "sysfs":
        m, address = bar_mapped(m, 0, 2)
    else:
        m, fd = ok(m, "open_proc_pci", bdf="0000:00:03.0")
        m, _ = ok(m, "pciioc_mmap_is_mem", fd=fd)
        m, address = ok(m, "mmap_proc_pci", fd=fd, offset=BAR0, length=2 * PAGE)
    m = claim_(m, BAR0, PAGE)
    survives = version in ("4.4", "4.5", "5.8", "5.10")
    assert live(m, address, 2) == [survives, True]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("why", "survives"),
    [
        ("strict", False),
        ("iomem=relaxed", True),
        ("IO_STRICT_DEVMEM=n", True),
        ("no inode", True),
        ("exclusive, relaxed", True),
    ],
)
def test_when_a_claim_revokes(version: str, why: str, survives: bool) -> None:
    cmdline = "iomem=relaxed" if "relaxed" in why else ""
    config = Config(io_strict_devmem=why != "IO_STRICT_DEVMEM=n")
    m, address = mapped(machine(version, cmdline=cmdline, config=config), PMEM, 2)
    if why == "no inode":
        m = m.with_({"iomem_inode": None})
    flags = fl.IORESOURCE_EXCLUSIVE if "exclusive" in why else 0
    m = claim_(m, PMEM, PAGE, flags=flags)
    assert live(m, address, 2) == [survives, True]


@pytest.mark.parametrize("version", ALL)
def test_claims_below_one_mebibyte(version: str) -> None:
    """Wholly below 1 MiB never revokes; from below to above revokes the whole range."""
    tree = machine().components["iomem"].copy()
    for old in [n for n in tree.children if n.start in (0xF_0000, 0x10_0000)]:
        tree.children.remove(old)
    m, address = mapped(machine(version, tree=tree), 0xFE000, 4)
    assert live(claim_(m, 0xFE000, 2 * PAGE), address, 4) == [True] * 4
    assert live(claim_(m, 0xFF000, PAGE), address, 4) == [True] * 4
    assert live(claim_(m, 0xFF000, 2 * PAGE), address, 4) == [True, False, False, True]
    assert live(claim_(m, 0x100000, PAGE), address, 4) == [True, True, False, True]


@pytest.mark.parametrize("version", ALL)
def test_a_claim_released_before_the_check_is_skipped(version: str) -> None:
    """Both ends are allowed again; one step later it is too late."""
    m, address = mapped(machine(version), PMEM, 1)
    m = begin(m, "driver", "request_mem_region", start=PMEM, size=PAGE)
    for at, survives in (("insert", True), ("both_ends", False)):
        stopped = step_to(m, "driver", at)
        stopped, _ = ok(stopped, "release_mem_region", "other", start=PMEM, size=PAGE)
        stopped, outcome = finish(stopped, "driver")
        assert outcome.ok
        assert live(stopped, address, 1) == [survives]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("claimed_anew", "revokes"), [(0, True), (1, False), (2, False), (3, True)]
)
def test_the_both_ends_test_asks_for_the_first_and_the_last_page_alone(
    version: str, claimed_anew: int, revokes: bool
) -> None:
    """revoke_iomem (kernel/resource.c) returns early if both END pages are allowed."""
    m, address = mapped(machine(version), PMEM, 4)
    m = begin(m, "driver", "request_mem_region", start=PMEM, size=4 * PAGE)
    m = step_to(m, "driver", "insert")
    m, _ = ok(m, "release_mem_region", "other", start=PMEM, size=4 * PAGE)
    start = PMEM + claimed_anew * PAGE
    m, _ = ok(m, "request_mem_region", "other", start=start, size=PAGE)
    m, outcome = finish(m, "driver")
    assert outcome.ok
    killed = [revokes or page == claimed_anew for page in range(4)]
    assert live(m, address, 4) == [not one for one in killed]


@pytest.mark.parametrize("version", ALL)
def test_every_mapping_of_every_process_dies(version: str) -> None:
    """All VMAs by physical page, forked copies and private pages too."""
    m = machine(version, "p", "q")
    m, one = mapped(m, PMEM, 4)
    m, two = mapped(m, PMEM + 2 * PAGE, 4, "q")
    m, private = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=4 * PAGE, shared=False)
    for page in (2, 3):
        m, _ = ok(m, "store", address=private + page * PAGE, value=7)
    m, _ = ok(m, "fork", child="c")
    m = claim_(m, PMEM + 3 * PAGE, 2 * PAGE)
    for pid in ("p", "c"):
        assert live(m, one, 4, pid) == [True, True, True, False]
        assert live(m, private, 4, pid) == [True, True, True, False]
        assert ok(m, "load", pid, address=private + 2 * PAGE)[1] == 7
    assert live(m, two, 4, "q") == [True, False, False, True]


@pytest.mark.parametrize(("version", "waits"), [("5.10", True), ("5.15", True), ("6.1", False)])
def test_two_zap_walks(version: str, waits: bool) -> None:
    """i_mmap_lock_write up to 5.10, read from 6.1: walks may overlap."""
    m, address = mapped(machine(version), PMEM, 4)
    for actor, page in (("a", 0), ("b", 2)):
        m = begin(m, actor, "request_mem_region", start=PMEM + page * PAGE, size=PAGE)
        m = step_to(m, actor, "both_ends")
    m = step_to(m, "a", "zap_begin")
    assert (blocked(m, "b") == "i_mmap iomem") == waits
    m = step_to(finish(m, "a")[0], "b", "zap") if waits else finish(finish(m, "b")[0], "a")[0]
    assert live(m, address, 4) == [False, True, False, True]


@pytest.mark.parametrize("version", ALL)
def test_a_walk_keeps_vmas_from_coming_and_going(version: str) -> None:
    """Link and unlink wait for the rmap lock; touching the mapping does not."""
    m, address = mapped(machine(version), PMEM, 2)
    m = begin(m, "driver", "request_mem_region", start=PMEM, size=2 * PAGE)
    m = step_to(m, "driver", "zap_begin")
    m = begin(m, "u", "munmap", pid="p", address=address, length=2 * PAGE)
    assert blocked(m, "u") == "i_mmap iomem"
    assert live(m, address, 2) == [True, True]  # not zapped yet
    m, _ = finish(m, "driver")
    assert live(m, address, 2) == [False, False]
    assert finish(m, "u")[1].ok


def test_a_fine_walk_goes_page_by_page_in_file_order() -> None:
    """VMA after VMA in pgoff order; in between the later pages still work."""
    m = machine("6.12", "p", "q", fine=True)
    m, high = mapped(m, PMEM + PAGE, 2)
    m, low = mapped(m, PMEM, 2, "q")
    m = begin(m, "driver", "request_mem_region", start=PMEM, size=3 * PAGE)
    m = step_to(m, "driver", "zap_begin")
    seen = []
    for _ in range(4):
        m, event = take_step(m, "driver")
        seen.append((event.step, live(m, low, 2, "q"), live(m, high, 2)))
    assert seen == [
        ("zap", [False, True], [True, True]),
        ("zap", [False, False], [True, True]),
        ("zap", [False, False], [False, True]),
        ("zap", [False, False], [False, False]),
    ]
    assert m["outcome", "driver"].ok
    assert m.get(("lock", "i_mmap", "iomem")) is None


@pytest.mark.parametrize("fine", [False, True])
def test_a_claim_of_what_nobody_maps(fine: bool) -> None:
    m = claim_(machine(fine=fine), PMEM, PAGE)
    assert m.get(("lock", "i_mmap", "iomem")) is None
    m, address = mapped(m, PMEM + 2 * PAGE, 1)
    assert live(claim_(m, PMEM + PAGE, PAGE), address, 1) == [True]


@pytest.mark.parametrize("version", ALL)
def test_hot_added_ram_revokes(version: str) -> None:
    """Memory hot-add claims from the root with SYSTEM_RAM; both ends are denied."""
    at = 1 << 33
    m, address = mapped(machine(version), at, 2)
    m = claim_(m, at, PAGE, flags=fl.IORESOURCE_SYSTEM_RAM, name="System RAM")
    assert live(m, address, 2) == [False, True]
    assert do(m, "mmap_devmem", fd=0, offset=at, length=PAGE)[1].errno == "EPERM"


def test_a_failed_claim_revokes_nothing() -> None:
    """The revoke comes after success."""
    m, address = mapped(machine(), PMEM, 2)
    m, outcome = do(m, "request_mem_region", "driver", start=PMEM - PAGE, size=2 * PAGE)
    assert outcome.errno == "EBUSY"
    assert outcome.conflict is not None
    assert outcome.conflict.endswith(" : System RAM")
    assert live(m, address, 2) == [True, True]
