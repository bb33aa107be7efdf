"""Every row of an architecture by what it does: operations that end differently on another one.

What is observed must be what the table below says; with x86's value put in its place each kernel
must end as one of x86 does: so it is this row that makes the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.features import ARCHITECTURES, FEATURES
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.pci.sysfs import proc_path
from devmemkit.model.process.task import Task
from tests.model.machines import BDF, HIGH, PAGE, PMEM, RAM, do, iomem, machine, mapped, node, ok

Observe = Callable[[KernelProfile], object]
BITS, HIGH_PAGE = 40, 1 << 33
RAM_END = 0x4000_0000
"""Where the tests' machine has persistent memory behind RAM."""


def on(kernel: KernelProfile, task: Task | None = None) -> Machine:
    """The tests' machine under a profile, with a page at 8 GiB of which 16 bytes are RAM."""
    sliver = node(HIGH_PAGE, HIGH_PAGE + 15, "sliver", RAM)
    parts = machine(tree=iomem(sliver), task=task).components
    return Machine(kernel, parts, high_memory=HIGH, phys_bits=BITS)


def errno(m: Machine, name: str, **arguments: object) -> str | None:
    return do(m, name, **arguments)[1].errno


def mapping(kernel: KernelProfile, offset: int) -> str | None:
    """The errno of an mmap of one page of /dev/mem."""
    m, fd = ok(on(kernel), "open_devmem", dsync=True)
    return errno(m, "mmap_devmem", fd=fd, offset=offset, length=PAGE)


def low_megabyte(kernel: KernelProfile) -> object:
    """An mmap of the firmware's ROM, which is busy, and of the RAM below it."""
    return mapping(kernel, 0xF_0000), mapping(kernel, 0x1000)


def ram_page(kernel: KernelProfile) -> object:
    """Under iomem=relaxed an mmap of a page that RAM fills, and of one that it only touches."""
    lax = replace(kernel, cmdline="iomem=relaxed")
    return mapping(lax, 0x10_0000), mapping(lax, HIGH_PAGE)


def copy_reach(kernel: KernelProfile) -> object:
    """A read of RAM, across its end, of idle memory behind it, and of no bytes at each."""
    m, fd = ok(on(kernel), "open_devmem")
    places = (RAM_END - 8, 8), (RAM_END - 4, 8), (PMEM, 8), (PMEM, 0), (RAM_END - 8, 0)
    return [errno(m, "read_devmem", fd=fd, count=count, offset=at) for at, count in places]


def mmap_end(kernel: KernelProfile) -> object:
    """An mmap of the last page but one and of the last of 40 bits, and of the last of 64."""
    ends = (1 << BITS) - 2 * PAGE, (1 << BITS) - PAGE, 1 << BITS, fl.U64 + 1 - PAGE
    return [mapping(kernel, end) for end in ends]


def task_size(kernel: KernelProfile) -> object:
    """A munmap of nothing at the ends of 2^47 and 2^48, and an mremap to 2^47."""
    m, address = mapped(on(kernel), PMEM, 1)
    ends = (1 << 47) - 2 * PAGE, (1 << 47) - PAGE, (1 << 48) - PAGE, 1 << 48
    found = [errno(m, "munmap", address=end, length=PAGE) for end in ends]
    move = {"address": address, "length": PAGE, "new_length": PAGE}
    return found, errno(m, "mremap", to=1 << 47, **move)


def cache_types(kernel: KernelProfile) -> object:
    """An uncached mmap of a page that is mapped write-back."""
    m, fd = ok(on(kernel), "open_devmem")
    m, _ = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)
    m, fd = ok(m, "open_devmem", dsync=True)
    return errno(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)


def resource_wc(kernel: KernelProfile) -> object:
    """resource2_wc of a prefetchable BAR without PAT, and resource0_wc of another BAR."""
    m = on(replace(kernel, cmdline="nopat"))
    return [errno(m, "open_resource", bdf=BDF, bar=bar, wc=True) for bar in (2, 0)]


def proc_mmap(kernel: KernelProfile) -> object:
    """The ioctl and the mmap of /proc/bus/pci, which wants a device, a right and an offset."""
    m, fd = ok(on(kernel), "open_proc_pci", bdf=BDF)
    m, outcome = do(m, "pciioc_mmap_is_mem", fd=fd)
    asked = {"fd": fd, "length": PAGE}
    return outcome.errno, *(
        errno(m, "mmap_proc_pci", offset=offset, **asked) for offset in (0xE000_0000, PMEM, 1)
    )


def proc_domain(kernel: KernelProfile) -> object:
    """An ordinary user's open of the file, which chmod made writable by its path without domain."""
    m, _ = ok(
        on(kernel, Task(False, frozenset())), "chmod", "root", path=proc_path(BDF), mode=0o666
    )
    return errno(m, "open_proc_pci", bdf=BDF)


def access_needs_right(kernel: KernelProfile) -> object:
    """A look of a debugger at a page to which the process has no right."""
    m, address = mapped(on(kernel), PMEM, 1, prot="")
    return errno(m, "ptrace_peek", address=address)


def vma_access(kernel: KernelProfile) -> object:
    m, address = mapped(on(kernel), PMEM, 1)
    return errno(m, "ptrace_peek", address=address)


def port_calls(kernel: KernelProfile) -> object:
    m = on(kernel)
    return errno(m, "ioperm", first=0, count=1), errno(m, "iopl", level=3)


GENERIC = ("EPERM", "EPERM"), ("EPERM", None), None, ("ENOSYS", "ENOSYS")
ROWS: dict[Observe, tuple[object, object, object]] = {
    low_megabyte: ((None, None), GENERIC[0], GENERIC[0]),
    ram_page: (("EPERM", "EPERM"), GENERIC[1], GENERIC[1]),
    copy_reach: (
        ["EPERM", "EPERM", None, None, None],
        ["EPERM", "EFAULT", "EFAULT", "EFAULT", None],
        ["EPERM", "EPERM", "EFAULT", None, None],
    ),
    mmap_end: (
        [None, None, "EINVAL", "EINVAL"],
        {
            "6.1": [None, "EINVAL", "EINVAL", None],
            "6.12": [None, None, "EINVAL", "EINVAL"],
            "7.3": [None, "EINVAL", "EINVAL", None],
        },
        [None, None, "EINVAL", "EINVAL"],
    ),
    task_size: (
        ([None, "EINVAL", "EINVAL", "EINVAL"], "EINVAL"),
        ([None, None, None, "EINVAL"], None),
        ([None, "EINVAL", "EINVAL", "EINVAL"], "EINVAL"),
    ),
    access_needs_right: (None, {"6.1": None, "6.12": "EIO", "7.3": "EIO"}, None),
    cache_types: ("EAGAIN", GENERIC[2], GENERIC[2]),
    resource_wc: (["ENOENT", "ENOENT"], [None, "ENOENT"], ["ENOENT", "ENOENT"]),
    proc_mmap: (
        (None, None, "ENODEV", "EINVAL"),
        ("EINVAL", "EIO", "EIO", "EINVAL"),
        (None, None, "ENODEV", "EINVAL"),
    ),
    proc_domain: (None, "EACCES", None),
    vma_access: (None, None, None),
    port_calls: ((None, None), GENERIC[3], GENERIC[3]),
}
"""What is observed on each of ARCHITECTURES, by kernel where that matters."""


def test_every_row_of_an_architecture_is_observed() -> None:
    assert {see.__name__ for see in ROWS} == {row.feature for row in FEATURES if row.arch}


@pytest.mark.parametrize("version", ["6.1", "6.12", "7.3"])
@pytest.mark.parametrize("observe", ROWS, ids=lambda one: one.__name__)
def test_each_architecture_ends_by_its_row_alone(observe: Observe, version: str) -> None:
    feature, plain = observe.__name__, KernelProfile(version)
    for arch, seen in zip(ARCHITECTURES, ROWS[observe], strict=True):
        kernel = KernelProfile(version, arch=arch)
        assert observe(kernel) == (seen[version] if isinstance(seen, dict) else seen)
        assert observe(replace(kernel, features=((feature, plain[feature]),))) == ROWS[observe][0]


@pytest.mark.parametrize("version", ["4.5", "6.12"])
def test_a_generic_copy_ends_where_the_kernel_has_no_mapping(version: str) -> None:
    """RAM is written, or read, up to its end; behind it the copy faults, not the permission."""
    config = Config(strict_devmem=False, io_strict_devmem=False)
    m, fd = ok(on(KernelProfile(version, config, arch="other")), "open_devmem", mode="rw")
    across = {"fd": fd, "offset": RAM_END - 8}
    assert ok(m, "write_devmem", data=bytes(16), **across)[1] == 8
    assert errno(m, "read_devmem", count=16, **across) == "EFAULT"
    assert errno(m, "write_devmem", fd=fd, offset=RAM_END, data=bytes(8)) == "EFAULT"
    assert errno(m, "read_devmem", fd=fd, offset=HIGH, count=8) == "EFAULT"
    plain = on(KernelProfile(version, config))
    plain, fd = ok(plain, "open_devmem", mode="rw")
    assert ok(plain, "write_devmem", data=bytes(16), fd=fd, offset=RAM_END - 8)[1] == 16


def test_resource_wc_came_to_arm64_in_5_10() -> None:
    assert resource_wc(KernelProfile("5.8", arch="arm64")) == ["ENOENT", "ENOENT"]
    assert resource_wc(KernelProfile("5.10", arch="arm64")) == [None, "ENOENT"]


def test_ptrace_reads_mappings_of_arm64_from_6_0() -> None:
    assert vma_access(KernelProfile("5.15", arch="arm64")) == "EIO"
    assert vma_access(KernelProfile("5.15")) is None
    assert vma_access(KernelProfile("6.1", arch="arm64")) is None


def test_a_row_of_an_architecture_replaces_those_of_all_alone() -> None:
    """Rows that apply to all come first; what one architecture has, no other has."""
    for row in FEATURES:
        assert row.arch in ("", *ARCHITECTURES[:-1])
        for arch in ARCHITECTURES:
            held = KernelProfile("7.3", arch=arch).rows[row.feature]
            assert held.arch in ("", arch)
            assert bool(held.arch) == any(
                (one.feature, one.arch) == (row.feature, arch) for one in FEATURES
            )


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^arch: expected one of x86_64, arm64, other; got 'arm'"):
        KernelProfile("6.12", arch="arm")
