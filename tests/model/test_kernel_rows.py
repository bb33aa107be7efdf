"""Every row of the feature table by what it does: operations that end differently at its two sides.

A row stands between two versions of VERSIONS. What is observed there must be what the table below
says, and with the older value put back the newer kernel must not end as it did: so it is this row
that makes the difference, not another of the same version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from devmemkit.figures.actors import arrows
from devmemkit.model import flags as fl
from devmemkit.model.features import FEATURES, VERSIONS
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.step import step_names, take_step
from devmemkit.text.iomem_tree import entries_of
from tests.model.machines import (
    BAR0,
    BDF,
    HIGH,
    PAGE,
    PMEM,
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

Observe = Callable[[KernelProfile], Any]
MUXED = fl.IORESOURCE_MUXED
TO = 0x7F10_0000_0000


def on(kernel: KernelProfile, **more: Any) -> Machine:
    """The tests' machine under a profile."""
    return Machine(kernel, machine(**more).components, high_memory=HIGH)


def errno(m: Machine, name: str, actor: str = "p", /, **arguments: Any) -> str | None:
    return do(m, name, actor, **arguments)[1].errno


def policy(kernel: KernelProfile) -> object:
    """A claim: does a page of /dev/mem live, one of a BAR, and can it be mapped anew?"""
    m, page = mapped(on(kernel), PMEM, 1)
    m, bar = bar_mapped(m, 0, 1)
    m = claim_(claim_(m, PMEM, PAGE), BAR0, PAGE)
    again = errno(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE)
    return live(m, page, 1), live(m, bar, 1), again


def attribute_mapping(kernel: KernelProfile) -> object:
    """Before there is the inode: does making a resource file crash, does opening one?"""
    m = on(kernel, inode=False)
    made = do(m, "pci_create_resource_files", bdf=BDF)[1]
    return bool(made.bug), bool(do(m, "open_resource", bdf=BDF, bar=0)[1].bug)


def iomem_inode(kernel: KernelProfile) -> object:
    """Which initcall the picture of the actors says makes the inode of a policy that has one."""
    drawn = arrows(replace(kernel, policy_name="RevokeAll"))
    return next(arrow.says for arrow in drawn if (arrow.start, arrow.end) == ("initcall", "inode"))


def resource_files(kernel: KernelProfile) -> object:
    """The files of a device that is added before pci_sysfs_init."""
    m, _ = ok(on(kernel), "pci_add_device", "bus", bdf=BDF)
    return len(m.get(("sysfs", BDF), ()))


def access_recheck(kernel: KernelProfile) -> object:
    """A debugger's read with a claim between its look-up and its copy."""
    m, address = mapped(on(kernel), PMEM, 1)
    m = step_to(begin(m, "t", "ptrace_peek", pid="p", address=address), "t", "follow_phys")
    return finish(claim_(m, PMEM, PAGE), "t")[1].errno


def access_one_page(kernel: KernelProfile) -> object:
    """A debugger's read of RAM that the process has mapped."""
    config = Config(strict_devmem=False, io_strict_devmem=False)
    m, address = mapped(on(replace(kernel, config=config, cmdline="nopat")), 0x20_0000, 1)
    return errno(m, "ptrace_peek", address=address)


def sysram_rule(kernel: KernelProfile) -> object:
    """A new mapping of exclusive System RAM that is idle and not all of its page."""
    flags = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_EXCLUSIVE
    m = on(kernel, tree=iomem(node(1 << 36, (1 << 36) + PAGE - 1, "virtio_mem", flags)))
    m, fd = ok(m, "open_resource", bdf=BDF, bar=0)
    bars = m["pci", BDF].bars
    moved = replace(bars[0], start=1 << 36, end=(1 << 36) + PAGE - 1)
    m = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(moved, *bars[1:]))})
    return errno(m, "mmap_resource", fd=fd, length=PAGE)


def low_ram(kernel: KernelProfile) -> object:
    """What /dev/mem reads of RAM below 1 MiB."""
    m, fd = ok(on(kernel).with_({("page", 1): b"\1" * PAGE}), "open_devmem")
    return ok(m, "read_devmem", fd=fd, offset=PAGE, count=1)[1]


def read_bounce(kernel: KernelProfile) -> object:
    """A read that waits for its buffer while the page changes."""
    m, fd = ok(on(kernel), "open_devmem")
    m = begin(m, "t", "read_devmem", pid="p", fd=fd, offset=PMEM, count=1, buffer="b")
    while blocked(m, "t") is None:
        m, _ = take_step(m, "t")
    m = m.with_({("page", PMEM >> 12): b"\1" * PAGE})
    return finish(ok(m, "uffdio_copy", buffer="b")[0], "t")[1].value


def low_reserved(kernel: KernelProfile) -> object:
    """Which pages of low RAM a debugger reads: below 64 KiB, above, the last before the BIOS's."""
    m, address = mapped(on(kernel), 0, 0x9F, dsync=False)
    return [errno(m, "ptrace_peek", address=address + n * PAGE) for n in (15, 16, 0x9E)]


def lockdown(kernel: KernelProfile) -> object:
    return errno(on(replace(kernel, cmdline="lockdown=integrity")), "open_devmem")


def muxed_sleep(kernel: KernelProfile) -> object:
    """A waiter whose region is released before it sleeps: what it then waits for."""
    m, _ = ok(on(kernel), "request_mem_region", "a", start=PMEM, size=PAGE, flags=MUXED)
    m = begin(m, "b", "request_mem_region", start=PMEM, size=PAGE, flags=MUXED)
    m, _ = ok(step_to(m, "b", "insert"), "release_mem_region", "a", start=PMEM, size=PAGE)
    return blocked(step_to(m, "b", "fall_asleep"), "b")


def proc_exclusive(kernel: KernelProfile) -> object:
    """A new mapping of a busy BAR through /proc/bus/pci."""
    m, fd = ok(on(kernel), "open_proc_pci", bdf=BDF)
    m, _ = ok(m, "pciioc_mmap_is_mem", fd=fd)
    return errno(claim_(m, BAR0, PAGE), "mmap_proc_pci", fd=fd, offset=BAR0, length=PAGE)


def bind_error(kernel: KernelProfile) -> object:
    """A bind to a device that has a driver."""
    m, _ = ok(on(kernel), "bind", "d", bdf=BDF)
    return errno(m, "bind", "d", bdf=BDF)


def memtype_lives(kernel: KernelProfile) -> object:
    """A driver's bind, over a write-back mapping that its own claim zaps."""
    m, _ = mapped(on(kernel), BAR0, 1, dsync=False)
    return errno(m, "bind", "d", bdf=BDF)


def failed_copy_frees(kernel: KernelProfile) -> object:
    """An uncached mapping, after a fork that failed over a write-back one."""
    m, address = mapped(on(kernel), PMEM, 1, shared=False, dsync=False)
    m, _ = ok(m, "store", address=address, value=1)
    m, outcome = do(m, "fork", child="c")
    m, fd = ok(m, "open_devmem", dsync=True)
    return outcome.errno, errno(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)


def ramoops_undo(kernel: KernelProfile) -> object:
    """ramoops beside a write that waits: its error, and whether the range is claimable then."""
    m, fd = ok(on(kernel), "open_devmem")
    m = begin(m, "t", "write_devmem", pid="p", fd=fd, offset=PMEM, data=b"x", buffer="b")
    m = step_to(m, "t", "check_page")
    m, outcome = do(m, "ramoops_probe", "d", start=PMEM, size=PAGE)
    return outcome.errno, errno(m, "request_mem_region", "d", start=PMEM, size=PAGE)


def devmem_mmap(kernel: KernelProfile) -> object:
    """How many mappings and runs of pages there are after the two steps behind the checks."""
    m, fd = ok(on(kernel), "open_devmem")
    m = begin(m, "p", "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)
    seen = []
    for step in step_names(kernel, "mmap_devmem")[-3:-1]:
        m = step_to(m, "p", step)
        seen.append((len(m["vmas", "p"]), len(m["pagetable", "p"].runs)))
    return seen


def pat_check(kernel: KernelProfile) -> object:
    """What refuses RAM to a kernel without STRICT_DEVMEM, and how often one with it is asked."""
    loose = replace(kernel, config=Config(strict_devmem=False, io_strict_devmem=False))
    m, fd = ok(on(loose), "open_devmem")
    refused = errno(m, "mmap_devmem", fd=fd, offset=0x5FFF_F000, length=PAGE)
    m, fd = ok(on(kernel), "open_devmem")
    m = begin(m, "p", "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)
    claimed = claim_(step_to(m, "p", "range_is_allowed"), PMEM, PAGE)
    return refused, finish(claimed, "p")[1].errno


def mremap_checks(kernel: KernelProfile) -> object:
    """No source and a bad target, no source (and what is left of the target), a hole on the way."""
    m, address = mapped(on(kernel), PMEM, 3)
    away = {"address": TO, "length": PAGE, "new_length": PAGE}
    both = errno(m, "mremap", **away, to=address + 8)
    after, outcome = do(m, "mremap", **away, to=address)
    twice = {"address": address, "length": 3 * PAGE, "new_length": 3 * PAGE, "to": TO}
    holed, _ = ok(m, "munmap", address=address + PAGE, length=PAGE)
    left = sum(vma.pages for vma in after["vmas", "p"])
    return both, outcome.errno, left, errno(holed, "mremap", **twice)


def mprotect_keeps(kernel: KernelProfile) -> object:
    """A debugger's write to a page that was written before mprotect took and gave the right."""
    m, address = bar_mapped(on(kernel), 0, 1)
    m, _ = ok(m, "store", address=address, value=1)
    for prot in ("r", "rw"):
        m, _ = ok(m, "mprotect", address=address, length=PAGE, prot=prot)
    return errno(m, "ptrace_poke", address=address, value=2)


def populate(kernel: KernelProfile) -> object:
    """madvise(POPULATE_READ) where nothing is, and over a hole that a mapping follows."""
    m, address = mapped(on(kernel), PMEM, 1)
    ask = {"length": 2 * PAGE, "advice": "POPULATE_READ"}
    return errno(m, "madvise", address=TO, **ask), errno(
        m, "madvise", address=address - PAGE, **ask
    )


def mseal(kernel: KernelProfile) -> object:
    """munmap of a mapping that the process has tried to seal."""
    m, address = mapped(on(kernel), PMEM, 1)
    m, _ = do(m, "mseal", address=address, length=PAGE)
    return errno(m, "munmap", address=address, length=PAGE)


def zap_lock(kernel: KernelProfile) -> object:
    """Whether one claim's walk waits for another's."""
    m = begin(on(kernel), "a", "request_mem_region", start=PMEM, size=PAGE)
    m = begin(step_to(m, "a", "zap_begin"), "b", "request_mem_region", start=BAR0, size=PAGE)
    return blocked(step_to(m, "b", "both_ends"), "b")


def iores_levels(kernel: KernelProfile) -> object:
    """The depths at which /proc/iomem shows ten nodes inside one another."""
    tree = None
    for depth in range(10):
        tree = node(0, 0xFFF, str(depth), fl.IORESOURCE_MEM, *([tree] if tree else []))
    assert tree is not None
    return max(entry.depth for entry in entries_of(tree, levels=kernel["iores_levels"]))


def non_mappable(kernel: KernelProfile) -> object:
    """An mmap of a BAR of ports."""
    m, fd = ok(on(kernel), "open_resource", bdf=BDF, bar=4)
    return errno(m, "mmap_resource", fd=fd, length=PAGE)


DEAD, ALIVE = [False], [True]
ROWS: dict[Observe, tuple[tuple[str, Any], ...]] = {
    policy: (
        ("0", (ALIVE, ALIVE, None)),
        ("4.5", (ALIVE, ALIVE, "EPERM")),
        ("5.8", (DEAD, ALIVE, "EPERM")),
        ("5.12", (DEAD, DEAD, "EPERM")),
    ),
    attribute_mapping: (
        ("0", (False, False)),
        ("5.12", (True, False)),
        ("5.15", (False, True)),
    ),
    iomem_inode: (("0", "make"), ("5.8", "chr_dev_init"), ("5.12", "iomem_init_inode")),
    resource_files: (("0", 0), ("7.2", 3)),
    access_recheck: (("0", None), ("5.12", "EIO")),
    access_one_page: (("0", None), ("7.3", "EIO")),
    sysram_rule: (("0", None), ("5.16", "EINVAL")),
    low_ram: (("0", b"\1"), ("4.11", b"\0")),
    read_bounce: (("0", b"\1"), ("4.16", b"\0")),
    low_reserved: (("0", [None, "EIO", "EIO"]), ("6.1", [None] * 3)),
    lockdown: (("0", None), ("5.4", "EPERM")),
    muxed_sleep: (("0", "muxed_resource_wait"), ("6.12", None)),
    proc_exclusive: (("0", None), ("5.12", "EINVAL")),
    bind_error: (("0", "ENODEV"), ("6.1", "EBUSY")),
    memtype_lives: (("0", None), ("6.16", "ENOMEM")),
    failed_copy_frees: (("0", ("ENOMEM", None)), ("6.1", ("ENOMEM", "EAGAIN"))),
    ramoops_undo: (
        *(("0", ("ENOMEM", "EBUSY")), ("5.10", ("ENOMEM", None)), ("5.11", ("ENOMEM", "EBUSY"))),
        *(("6.1", ("ENOMEM", None)), ("6.13", ("ENOMEM", "EBUSY")), ("7.0", ("ENOMEM", None))),
    ),
    devmem_mmap: (("0", [(0, 1), (1, 1)]), ("6.19", [(1, 0), (1, 1)])),
    pat_check: (("0", ("EINVAL", None)), ("6.16", (None, "EINVAL"))),
    mremap_checks: (
        ("0", ("EINVAL", "EFAULT", 2, "EFAULT")),
        ("6.1", ("EFAULT", "EFAULT", 3, "EFAULT")),
        ("6.16", ("EINVAL", "EFAULT", 3, "EFAULT")),
        ("6.17", ("EINVAL", "EFAULT", 3, None)),
    ),
    mprotect_keeps: (("0", "EIO"), ("6.1", None)),
    populate: (
        ("0", ("EINVAL", "EINVAL")),
        ("5.14", ("ENOMEM", "EINVAL")),
        ("6.12", ("ENOMEM", "ENOMEM")),
    ),
    mseal: (("0", None), ("6.10", "EPERM")),
    zap_lock: (("0", "i_mmap iomem"), ("6.1", None)),
    iores_levels: (("0", 5), ("7.3", 8)),
    non_mappable: (("0", "ENODEV"), ("7.2", "EINVAL")),
}


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def sides(version: str) -> tuple[str, str]:
    """The last version before a row's, and the first from it on."""
    older = [one for one in VERSIONS if number(one) < number(version)]
    return older[-1], next(one for one in VERSIONS if number(one) >= number(version))


def test_every_row_is_observed() -> None:
    of_one = {row.feature for row in FEATURES if row.arch}  # see test_architecture_rows
    shared = (row for row in FEATURES if row.feature not in of_one)
    said = {name: [r.version for r in rows] for name, rows in groupby(shared, lambda r: r.feature)}
    assert {see.__name__: [version for version, _ in rows] for see, rows in ROWS.items()} == said


BOUNDARIES = [
    pytest.param(observe, rows[at], rows[at + 1], id=f"{observe.__name__}-{rows[at + 1][0]}")
    for observe, rows in ROWS.items()
    for at in range(len(rows) - 1)
]


@pytest.mark.parametrize(("observe", "row", "after"), BOUNDARIES)
def test_both_sides_of_a_row(
    observe: Observe, row: tuple[str, Any], after: tuple[str, Any]
) -> None:
    older, newer = map(KernelProfile, sides(after[0]))
    assert observe(older) == row[1]
    assert observe(newer) == after[1]
    name = observe.__name__
    without = replace(newer, features=((name, older[name]),))
    assert observe(without) != after[1], "another row makes the difference"
