"""mmap of resourceN and /proc/bus/pci: their own checks and errnos."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.model.pci.device import Bar
from devmemkit.model.pci.sysfs import resource_path
from devmemkit.model.process.task import Task
from devmemkit.model.step import finished, take_step
from tests.model.machines import (
    ALL,
    BAR0,
    BAR2,
    BDF,
    PAGE,
    PORTS,
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


def opened(version: str = "6.12", bar: int = 0, /, wc: bool = False, **more: Any) -> Machine:
    """A machine whose process has the BAR's file open as descriptor 0."""
    return ok(machine(version, **more), "open_resource", bdf=BDF, bar=bar, wc=wc)[0]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("bar", "more", "errno"),
    [
        (0, {}, None),
        (2, {}, None),
        (4, {}, None),  # an I/O BAR has a file
        (1, {}, "ENOENT"),
        (6, {}, "ENOENT"),
        (0, {"wc": True}, "ENOENT"),  # not PREFETCH
        (2, {"wc": True}, None),
        (2, {"wc": True, "cmdline": "nopat"}, "ENOENT"),
        (2, {"wc": True, "config": Config(x86_pat=False)}, "ENOENT"),
        (0, {"task": Task(root=False, capabilities=frozenset({"SYS_RAWIO"}))}, "EACCES"),
        (0, {"task": Task(capabilities=frozenset())}, None),  # no capability is needed
        (0, {"cmdline": "lockdown=integrity"}, None),  # tested at mmap, not at open
    ],
)
def test_open(version: str, bar: int, more: dict[str, Any], errno: str | None) -> None:
    m = machine(version, **{key: value for key, value in more.items() if key != "wc"})
    wc = more.get("wc", False)
    assert do(m, "open_resource", bdf=BDF, bar=bar, wc=wc)[1].errno == errno


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("offset", "pages", "errno"),
    [(0, 64, None), (0, 65, "EINVAL"), (63, 1, None), (63, 2, "EINVAL"), (64, 1, "EINVAL")],
)
def test_fits(version: str, offset: int, pages: int, errno: str | None) -> None:
    """vm_pgoff + pages stay inside the BAR (M: beyond is EINVAL)."""
    m = opened(version)
    outcome = do(m, "mmap_resource", fd=0, offset=offset * PAGE, length=pages * PAGE)[1]
    assert outcome.errno == errno


@pytest.mark.parametrize(
    ("length", "pages"), [(1, 1), (PAGE - 1, 1), (PAGE, 1), (PAGE + 1, 2), (2 * PAGE, 2)]
)
def test_a_page_that_the_bar_begins_is_its_own(length: int, pages: int) -> None:
    """Source: pci_mmap_fits, which rounds the length up."""
    m = opened("6.12")
    bar = replace(m["pci", BDF].bars[0], end=BAR0 + length - 1)
    m = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(bar,))})
    for asked in range(1, 4):
        errno = do(m, "mmap_resource", fd=0, length=asked * PAGE)[1].errno
        assert errno == (None if asked <= pages else "EINVAL")


@pytest.mark.parametrize("version", ALL)
def test_only_the_first_page_is_checked(version: str) -> None:
    """EINVAL iff the BAR's first page is taken; /dev/mem
    asks about each page, EPERM."""
    m, fd = ok(opened(version), "open_devmem", dsync=True)
    first = claim_(m, BAR0, PAGE)
    for page in (0, 1, 63):
        span = {"offset": page * PAGE, "length": PAGE}
        assert do(first, "mmap_resource", fd=0, **span)[1].errno == "EINVAL"
    ok(first, "mmap_devmem", fd=fd, offset=BAR0 + PAGE, length=PAGE)
    middle = claim_(m, BAR0 + 4 * PAGE, 4 * PAGE)
    middle, address = ok(middle, "mmap_resource", fd=0, offset=5 * PAGE, length=PAGE)
    assert live(middle, address, 1) == [True]  # a revoked range is mapped again
    span = {"offset": BAR0 + 5 * PAGE, "length": PAGE}
    assert do(middle, "mmap_devmem", fd=fd, **span)[1].errno == "EPERM"
    middle = claim_(middle, BAR0 + 5 * PAGE + (1 << 33), PAGE)
    assert live(middle, address, 1) == [True]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("cmdline", ["", "iomem=relaxed", "lockdown=integrity"])
def test_order_of_errnos(version: str, cmdline: str) -> None:
    """Lockdown EPERM, the busy first page EINVAL, the size EINVAL."""
    locked = cmdline.startswith("lockdown")
    m = opened(version, cmdline=cmdline)
    taken = claim_(m, BAR0, PAGE)
    expected = {"": "EINVAL", "iomem=relaxed": None, "lockdown=integrity": "EPERM"}[cmdline]
    after, outcome = do(taken, "mmap_resource", fd=0, length=PAGE)
    assert outcome.errno == expected
    if expected:
        assert after["vmas", "p"] == ()
    free = do(m, "mmap_resource", fd=0, length=PAGE)[1]
    assert free.errno == ("EPERM" if locked else None)
    beyond = do(m, "mmap_resource", fd=0, length=65 * PAGE)[1]
    assert beyond.errno == ("EPERM" if locked else "EINVAL")
    why = do(taken, "mmap_resource", fd=0, length=65 * PAGE)[1].why
    assert ("first page" in why) == (cmdline == "")  # the busy page comes before the size


@pytest.mark.parametrize(
    ("version", "errno"),
    [("5.10", "ENODEV"), ("6.18", "ENODEV"), ("7.2", "EINVAL"), ("7.3", "EINVAL")],
)
def test_an_io_bar_cannot_be_mapped(version: str, errno: str) -> None:
    """x86 maps no ports: no mmap at all, from 7.2 EINVAL (measured).

    Lockdown is not asked before that, on any of them.
    """
    m = opened(version, 4, cmdline="lockdown=integrity")
    after, outcome = do(m, "mmap_resource", fd=0, length=PAGE)
    assert outcome.errno == errno
    assert after["vmas", "p"] == ()


@pytest.mark.parametrize("version", ALL)
def test_the_offset_becomes_absolute(version: str) -> None:
    """The same key space as /dev/mem; UC- for resourceN, WC for resourceN_wc."""
    m = opened(version)
    m, _ = ok(m, "mmap_resource", fd=0, offset=3 * PAGE, length=2 * PAGE)
    (vma,) = m["vmas", "p"]
    assert vma.pgoff == (BAR0 >> 12) + 3
    assert [r.type for r in m["memtype"]] == ["UC-"]
    m = opened(version, 2, wc=True)
    m, address = ok(m, "mmap_resource", fd=0, length=PAGE)
    assert [r.type for r in m["memtype"]] == ["WC"]
    m, _ = ok(m, "store", address=address, value=5)
    assert m["page", BAR2 >> 12][0] == 5


@pytest.mark.parametrize("version", ALL)
def test_memtype_conflict_is_einval(version: str) -> None:
    """EINVAL here, EAGAIN through /dev/mem."""
    m, _ = mapped(opened(version), BAR0, 1, dsync=False)
    assert do(m, "mmap_resource", fd=0, length=PAGE)[1].errno == "EINVAL"
    ok(m, "mmap_resource", fd=0, offset=PAGE, length=PAGE)


def test_lockdown_is_asked_at_mmap() -> None:
    """Raising it later zaps nothing but refuses the next mmap."""
    m, address = bar_mapped(machine(), 0, 1)
    locked = Machine(replace(m.kernel, cmdline="lockdown=integrity"), m.components)
    assert live(locked, address, 1) == [True]
    assert do(locked, "mmap_resource", fd=0, length=PAGE)[1].errno == "EPERM"


def test_strict_off_with_iomem_strict() -> None:
    """With STRICT_DEVMEM=n, iomem=strict is still seen by the BAR-start test."""
    config = Config(strict_devmem=False, io_strict_devmem=False)
    for cmdline, errno in [("", None), ("iomem=strict", "EINVAL")]:
        m = opened("6.12", config=config, cmdline=cmdline)
        m = claim_(m, BAR0, PAGE, flags=fl.IORESOURCE_EXCLUSIVE)
        assert do(m, "mmap_resource", fd=0, length=PAGE)[1].errno == errno


@pytest.mark.parametrize(
    ("version", "own"), [("5.8", True), ("5.10", True), ("5.12", False), ("6.1", False)]
)
def test_whose_address_space(version: str, own: bool) -> None:
    """Mappings are the iomem inode's from v5.12; release revives neither."""
    m, _ = bar_mapped(machine(version), 0, 1)
    assert (m.get(("i_mmap", f"{BDF}/resource0")) is not None) == own
    assert (m.get(("i_mmap", "iomem")) is None) == own


# /proc/bus/pci


def test_the_ioctl_of_procfs() -> None:
    """Lockdown is EPERM, a device that is gone ENOTTY, another kind of file a mistake of ours."""
    m, fd = ok(machine(cmdline="lockdown=integrity"), "open_proc_pci", bdf=BDF)
    assert do(m, "pciioc_mmap_is_mem", fd=fd)[1].errno == "EPERM"
    m = ok(proc(), "remove", "root", bdf=BDF)[0]
    assert do(m, "pciioc_mmap_is_mem", fd=0)[1].errno == "ENOTTY"
    assert do(m, "mmap_proc_pci", fd=0, offset=BAR0, length=PAGE)[1].errno == "EIO"
    with pytest.raises(ValueError, match="expected a file of kind proc, got resource"):
        do(opened("6.12"), "pciioc_mmap_is_mem", fd=0)


def test_a_device_that_goes_while_procfs_maps_it() -> None:
    m = begin(proc(), "p", "mmap_proc_pci", fd=0, offset=BAR0, length=PAGE)
    m = ok(step_to(m, "p", "do_mmap"), "remove", "root", bdf=BDF)[0]
    assert finish(m, "p")[1].errno == "EIO"


@pytest.mark.parametrize("version", ALL)
def test_nothing_in_sysfs_is_mapped_for_execution(version: str) -> None:
    """SB_I_NOEXEC: EPERM at mmap, EACCES at mprotect; /dev/mem allows it."""
    m = opened(version)
    assert do(m, "mmap_resource", fd=0, length=PAGE, prot="rx")[1].errno == "EPERM"
    m, address = ok(m, "mmap_resource", fd=0, length=PAGE)
    grow = {"address": address, "length": PAGE, "prot": "rx"}
    assert do(m, "mprotect", **grow)[1].errno == "EACCES"
    m, address = mapped(m, BAR0, 1)
    ok(m, "mprotect", **{**grow, "address": address})


def proc(version: str = "6.12", /, *, memory: bool = True, **more: Any) -> Machine:
    m, fd = ok(machine(version, **more), "open_proc_pci", bdf=BDF)
    return ok(m, "pciioc_mmap_is_mem", fd=fd)[0] if memory else m


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("offset", "pages", "more", "errno"),
    [
        (BAR0, 64, {}, None),
        (BAR0 + PAGE, 1, {}, None),
        (BAR2, 4, {}, None),
        (BAR0, 65, {}, "ENODEV"),
        (BAR0 - PAGE, 1, {}, "ENODEV"),
        (PORTS & ~(PAGE - 1), 1, {}, "ENODEV"),
        (BAR0, 1, {"memory": False}, "EINVAL"),
        (0x1000, 1, {"memory": False}, "EINVAL"),
        (BAR0, 1, {"memory": False, "cmdline": "lockdown=integrity"}, "EPERM"),
        (BAR0, 1, {"task": Task(capabilities=frozenset())}, "EPERM"),
        (BAR0, 1, {"cmdline": "iomem=relaxed"}, None),
    ],
)
def test_proc(version: str, offset: int, pages: int, more: dict[str, Any], errno: Any) -> None:
    """Capability and lockdown EPERM, I/O state EINVAL, no BAR ENODEV."""
    m = proc(version, **more)
    after, outcome = do(m, "mmap_proc_pci", fd=0, offset=offset, length=pages * PAGE)
    assert outcome.errno == errno
    if errno is None:
        assert after["vmas", "p"][0].pgoff == offset >> 12


@pytest.mark.parametrize("version", ALL)
def test_proc_checks_the_first_page_of_the_bar(version: str) -> None:
    """EINVAL, as sysfs; 5.10 does not look (measured)."""
    m = proc(version)
    first, middle = claim_(m, BAR0, PAGE), claim_(m, BAR0 + PAGE, PAGE)
    span = {"offset": BAR0 + PAGE, "length": PAGE}
    errno = do(first, "mmap_proc_pci", fd=0, **span)[1].errno
    assert errno == (None if version == "5.10" else "EINVAL")
    ok(middle, "mmap_proc_pci", fd=0, **span)


# The race of section 4 for the legacy ->mmap: C is one test, then P, then L.


def after_each_step(version: str, page: int, pages: int, *, kind: str) -> list[tuple[str, str]]:
    m = opened(version, fine=True) if kind == "resource" else proc(version, fine=True)
    offset = 0 if kind == "resource" else BAR0
    name = "mmap_resource" if kind == "resource" else "mmap_proc_pci"
    m = begin(m, "P", name, pid="p", fd=0, offset=offset, length=3 * PAGE)
    ends = list[tuple[str, str]]()
    while True:
        m, event = take_step(m, "P")
        if finished(m, "P"):
            return ends
        claimed = claim_(m, BAR0 + page * PAGE, pages * PAGE)
        claimed, outcome = finish(claimed, "P")
        alive = () if outcome.errno else live(claimed, outcome.value, 3)
        ends.append((event.step, outcome.errno or "".join("dL"[page] for page in alive)))


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("kind", ["resource", "proc"])
def test_whole_claims_inside_a_legacy_mmap(version: str, kind: str) -> None:
    """The window is everything between the one check and the link; 5.10 never
    revokes; 7.3 as 6.1."""
    check = "pci_mmap_resource" if kind == "resource" else "proc_bus_pci_mmap"
    last = "LLL" if version == "5.10" else "ddd"
    assert after_each_step(version, 0, 3, kind=kind) == [
        ("do_mmap", "LLL" if (kind, version) == ("proc", "5.10") else "EINVAL"),
        (check, "LLL"),
        ("pci_mmap_resource_range", "LLL"),
        ("remap_pfn_range", "LLL"),
        ("vma_link_file", last),
    ]


@pytest.mark.parametrize("version", ["6.1", "6.12", "7.3"])
def test_a_claim_beyond_the_first_page_is_missed_from_the_start(version: str) -> None:
    """C does not even look at it."""
    ends = [end for _, end in after_each_step(version, 1, 1, kind="resource")]
    assert ends == ["LLL", "LLL", "LLL", "LLL", "LdL"]


@pytest.mark.parametrize("version", ["6.1", "7.3"])
def test_link_waits_for_a_zap_walk(version: str) -> None:
    """L takes the rmap lock of the iomem inode."""
    m = begin(opened(version), "P", "mmap_resource", pid="p", fd=0, length=PAGE)
    m = step_to(m, "P", "remap_pfn_range")
    m = begin(m, "K", "request_mem_region", start=BAR0, size=PAGE)
    m = step_to(m, "K", "zap_begin")
    assert blocked(m, "P") == "i_mmap iomem"
    m, outcome = finish(finish(m, "K")[0], "P")
    assert live(m, outcome.value, 1) == [True]


def test_procfs_maps_the_last_bar() -> None:
    m = proc()
    bar = Bar(5, BAR2, BAR2 + 4 * PAGE - 1, fl.IORESOURCE_MEM)
    m = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(bar,))})
    assert do(m, "mmap_proc_pci", fd=0, offset=BAR2, length=PAGE)[1].ok
    rom = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(replace(bar, index=6),))})
    assert do(rom, "mmap_proc_pci", fd=0, offset=BAR2, length=PAGE)[1].errno == "ENODEV"


def test_the_paths_of_a_bar() -> None:
    assert resource_path(BDF, 0) == f"/sys/bus/pci/devices/{BDF}/resource0"
    assert resource_path(BDF, 0, wc=True) == f"/sys/bus/pci/devices/{BDF}/resource0_wc"
