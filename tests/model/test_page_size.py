"""Pages of 16 and 64 KiB: what rounds to pages, rounds to those of the kernel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.kernel import PAGE_SHIFTS, Config, KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.pci.device import Bar, PciDevice
from devmemkit.model.process.task import new_task
from tests.model.machines import BDF, MEM, RAM, claim_, do, node, ok

NONE = Config(strict_devmem=False, io_strict_devmem=False)
IDLE, PAGES = 64, 16
"""The first page of idle memory, behind RAM, and the number of its pages."""


def machine(version: str, shift: int) -> Machine:
    """A machine whose places lie at the same pages, whatever their size."""

    def pages(first: int, count: int) -> tuple[int, int]:
        return first << shift, ((first + count) << shift) - 1

    bar = Bar(0, *pages(IDLE, PAGES), MEM)
    tree = node(
        0,
        (1 << (28 + shift)) - 1,
        "mem",
        MEM,
        node(*pages(16, IDLE - 16), "System RAM", RAM),
        node(*pages(IDLE, PAGES), BDF),
    )
    parts: dict[Key, Any] = {"iomem": tree, "clock": 0, "iomem_inode": True}
    parts |= {("pci", BDF): PciDevice(BDF, (bar,)), **new_task("p")}
    kernel = KernelProfile(version, arch="arm64", page_shift=shift)
    return Machine(kernel, parts, phys_bits=28 + shift)


def ends(
    version: str, shift: int, first: int, pages: int, at: int, size: int, via: str
) -> list[Any]:
    """How a mapping of `pages` and accesses beside it end, before and after a claim of eighths.

    `at` and `size` are eighths of a page, from the first page of the idle memory on.
    """
    m, page, eighth = machine(version, shift), 1 << shift, 1 << shift >> 3
    if via == "devmem":
        m, fd = ok(m, "open_devmem")
        where = {"fd": fd, "offset": (IDLE + first) << shift, "length": (pages << shift) - 1}
        mmap = "mmap_devmem"
    else:
        m, fd = ok(m, "open_resource", bdf=BDF, bar=0)
        where = {"fd": fd, "offset": first << shift, "length": (pages << shift) - 1}
        mmap = "mmap_resource"
    found: list[Any] = []

    def see(name: str, **asked: Any) -> Any:
        nonlocal m
        m, outcome = do(m, name, **asked)
        found.append((outcome.errno, outcome.signal))
        return outcome.value

    address = see(mmap, **where)
    if address is None:
        return found
    see("mmap_devmem" if via == "devmem" else mmap, **where | {"offset": where["offset"] + eighth})
    claim = {"start": (IDLE << shift) + at * eighth, "size": size * eighth}
    m, _ = do(m, "request_mem_region", "driver", **claim)
    for number in range(-1, pages + 1):
        for byte in (0, page - 8):
            see("load", address=address + number * page + byte)
        see("load", address=address + number * page + page - 4)  # across its end
        see("copy_from_user", address=address + number * page)
    see(mmap, **where)
    see("munmap", address=address + eighth, length=page)
    see("munmap", address=address, length=1)
    see("mremap", address=address + page, length=page, new_length=eighth, to=address + 64 * page)
    see("load", address=address)
    see("load", address=address + 65 * page - 8)
    if via == "devmem":
        for start in (16 * page, IDLE * page - eighth, IDLE * page):
            see("read_devmem", fd=fd, count=2 * eighth, offset=start)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(("6.1", "6.12", "7.3")),
    st.sampled_from(PAGE_SHIFTS[1:]),
    st.tuples(st.integers(0, PAGES), st.integers(1, 4)),
    st.tuples(st.integers(0, 8 * PAGES), st.integers(1, 40)),
    st.sampled_from(("devmem", "sysfs")),
)
def test_a_kernel_of_larger_pages_is_one_of_4_kib_with_larger_places(
    version: str, shift: int, mapped: tuple[int, int], claimed: tuple[int, int], via: str
) -> None:
    assert ends(version, shift, *mapped, *claimed, via) == ends(
        version, PAGE_SHIFTS[0], *mapped, *claimed, via
    )


@pytest.mark.parametrize(("shift", "denied"), [(12, 1), (14, 4), (16, 16)])
def test_a_claim_of_4_kib_excludes_the_page_around_it(shift: int, denied: int) -> None:
    """What is 4 KiB of 16 or 64: idle memory beside the claim cannot be mapped either."""
    m = machine("6.12", shift)
    at = (IDLE << shift) + (1 << shift)
    m, fd = ok(claim_(m, at, 0x1000), "open_devmem")
    size = 1 << shift
    found = {
        start: do(m, "mmap_devmem", fd=fd, offset=start & -size, length=1)[1].errno
        for start in range(at - 0x1000, at + 18 * 0x1000, 0x1000)
    }
    assert [start for start, errno in found.items() if errno] == [
        at + number * 0x1000 for number in range(denied)
    ]
    wrong = do(m, "mmap_devmem", fd=fd, offset=at + 0x1000, length=1)[1].errno
    assert wrong == (None if shift == 12 else "EINVAL")


@pytest.mark.parametrize(("shift", "dies"), [(12, False), (14, True), (16, True)])
def test_two_bars_of_4_kib_share_a_page(shift: int, dies: bool) -> None:
    """The claim of one BAR takes a mapping of the other, which lies in the same page."""
    m, first = machine("6.12", shift), IDLE << shift
    two = (Bar(0, first, first + 0xFFF, MEM), Bar(1, first + 0x1000, first + 0x1FFF, MEM))
    m = m.with_({("pci", BDF): PciDevice(BDF, two)})
    m, fd = ok(m, "open_resource", bdf=BDF, bar=1)
    m, address = ok(m, "mmap_resource", fd=fd, length=1)
    m = claim_(m, first, 0x1000)
    end = do(m, "load", address=address)[1]
    assert (end.signal == "SIGBUS") == dies
    assert (do(m, "mmap_resource", fd=fd, length=1)[1].errno == "EINVAL") == dies


@pytest.mark.parametrize(("shift", "errno"), [(12, "EPERM"), (14, None), (16, None)])
def test_4_kib_of_ram_fill_no_larger_page(shift: int, errno: str | None) -> None:
    """Where iomem=relaxed lets claims pass, page_is_ram asks whether RAM fills the page."""
    first = IDLE << shift
    tree = node(0, 1 << 50, "mem", MEM, node(first, first + 0xFFF, "System RAM", RAM))
    kernel = KernelProfile("6.12", cmdline="iomem=relaxed", arch="arm64", page_shift=shift)
    m = machine("6.12", shift).with_({"iomem": tree}).with_kernel(kernel)
    m, fd = ok(m, "open_devmem")
    assert do(m, "mmap_devmem", fd=fd, offset=first, length=1)[1].errno == errno


@pytest.mark.parametrize("shift", PAGE_SHIFTS)
def test_one_read_gives_less_than_2_gib_in_whole_pages(shift: int) -> None:
    m = machine("6.12", shift)
    end = 1 << (28 + shift)
    m = m.with_({"iomem": node(0, end - 1, "mem", MEM, node(0, end - 1, "System RAM", RAM))})
    m = m.with_kernel(KernelProfile("6.12", NONE, arch="arm64", page_shift=shift))
    m, fd = ok(m, "open_devmem")
    given_ = ok(m, "read_devmem", fd=fd, count=fl.U64, offset=0, keep=False)[1]
    assert given_ == 0x8000_0000 - (1 << shift)


def test_an_unknown_page_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^page_shift: expected 12 or 14 or 16 on arm64, got 13$"):
        KernelProfile("6.12", arch="arm64", page_shift=13)
    with pytest.raises(ValueError, match=r"^page_shift: expected 12 on x86_64, got 14$"):
        KernelProfile("6.12", page_shift=14)
