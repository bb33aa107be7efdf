"""Legacy persistent memory: its driver's three claims, its disk, refusals per kernel version."""

from __future__ import annotations

import pytest

from devmemkit.model.machine import Machine
from devmemkit.model.step import finished, take_step
from tests.model.machines import (
    ALL,
    BDF,
    PAGE,
    PMEM,
    begin,
    claim_,
    do,
    finish,
    live,
    machine,
    mapped,
    ok,
    step_to,
)

NAME = "namespace0.0"
KERNELS = (*ALL, "6.18")


def bind(m: Machine) -> Machine:
    return ok(m, "bind", "nd", bdf=NAME, driver="nd_pmem")[0]


def claims(m: Machine) -> list[tuple[int, int]]:
    """The busy nodes inside the range: offset and size in bytes."""
    return [(n.start - PMEM, n.size) for n in m["iomem"].walk() if n.busy and n.name == NAME]


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("dsync", [False, True])
def test_corruption_before_the_driver_comes_is_what_the_disk_serves(
    version: str, dsync: bool
) -> None:
    """Measured on all: the mapping dies with the claim, the bytes stay; unbind revives nothing."""
    m, address = mapped(machine(version), PMEM, 8, dsync=dsync)
    m, _ = ok(m, "store", address=address + 3 * PAGE, value=0x1234)
    disk = {"device": "pmem0", "offset": 3 * PAGE, "count": 8}
    assert do(m, "read_block", "u", **disk)[1].errno == "ENOENT"
    m = bind(m)
    assert claims(m) == [(0, 256 * PAGE)]
    assert live(m, address, 8) == [False] * 8
    assert ok(m, "read_block", "u", **disk)[1] == (0x1234).to_bytes(8, "little")
    assert do(m, "read_devmem", fd=0, count=8, offset=PMEM)[1].errno == "EPERM"
    m, _ = ok(m, "unbind", "nd", bdf=NAME)
    assert claims(m) == []
    assert live(m, address, 8) == [False] * 8
    assert do(m, "read_block", "u", **disk)[1].errno == "ENOENT"
    m, fresh = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=8 * PAGE)
    assert ok(m, "load", address=fresh + 3 * PAGE)[1] == 0x1234
    assert live(bind(m), fresh, 8) == [False] * 8


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("page", [0, 1, 2, 255])
def test_a_page_that_is_claimed_refuses_the_driver(version: str, page: int) -> None:
    """Measured: EBUSY, on 5.10 ENODEV; nothing is kept, and after the release it binds."""
    free = machine(version)
    m = claim_(free, PMEM + page * PAGE, PAGE)
    after, outcome = do(m, "bind", "nd", bdf=NAME, driver="nd_pmem")
    assert outcome.errno == ("ENODEV" if version == "5.10" else "EBUSY")
    assert after.value() - m.value() == {(("outcome", "nd"), outcome)}
    assert do(after, "unbind", "nd", bdf=NAME)[1].errno == "ENODEV"
    m, _ = ok(after, "release_mem_region", "driver", start=PMEM + page * PAGE, size=PAGE)
    assert claims(bind(m)) == [(0, 256 * PAGE)]


def test_between_its_claims_the_first_pages_can_be_mapped_again() -> None:
    """Three claims revoke three times; in the two gaps anybody may write."""
    m, address = mapped(machine(), PMEM, 4)
    m = begin(m, "nd", "bind", bdf=NAME, driver="nd_pmem")
    m = step_to(m, "nd", "zap")
    assert claims(m) == [(0, 2 * PAGE)]
    assert live(m, address, 4) == [False, False, True, True]
    for _ in range(2):
        m = step_to(m, "nd", "release")
        assert claims(m) == []
        m, again = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE)
        assert live(m, again, 1) == [True]
        m = step_to(m, "nd", "zap")
        assert live(m, again, 1) == [False]
    assert live(m, address, 4) == [False] * 4
    m, outcome = finish(m, "nd")
    assert (outcome.ok, claims(m)) == (True, [(0, 256 * PAGE)])


def test_a_claim_in_the_gap_refuses_what_comes_after() -> None:
    m = begin(machine(), "nd", "bind", bdf=NAME, driver="nd_pmem")
    m = claim_(step_to(m, "nd", "release"), PMEM + PAGE, PAGE)
    m, outcome = finish(m, "nd")
    assert (outcome.errno, claims(m)) == ("EBUSY", [])


@pytest.mark.parametrize("version", KERNELS)
def test_the_driver_maps_it_with_the_type_that_is_there(version: str) -> None:
    """Measured with iomem=relaxed: WB on its own, UC- where a process has that, EBUSY for both."""
    free = machine(version, cmdline="iomem=relaxed")
    free, sync = ok(free, "open_devmem", dsync=True)
    free, back = ok(free, "open_devmem")
    first = {"offset": PMEM, "length": 2 * PAGE}
    third = {"offset": PMEM + 4 * PAGE, "length": 2 * PAGE}
    m = bind(free)
    assert do(m, "mmap_devmem", fd=back, **first)[1].ok
    assert do(m, "mmap_devmem", fd=sync, **first)[1].errno == "EAGAIN"
    assert do(ok(m, "unbind", "nd", bdf=NAME)[0], "mmap_devmem", fd=sync, **first)[1].ok
    uncached, address = ok(free, "mmap_devmem", fd=sync, **first)
    m = bind(uncached)
    assert live(m, address, 2) == [True, True]
    assert do(m, "mmap_devmem", fd=sync, **third)[1].ok
    m, _ = ok(uncached, "mmap_devmem", fd=back, **third)
    m, outcome = do(m, "bind", "nd", bdf=NAME, driver="nd_pmem")
    assert outcome.errno == ("ENODEV" if version == "5.10" else "EBUSY")
    assert claims(m) == []


@pytest.mark.parametrize("version", KERNELS)
def test_binding_twice_and_other_buses(version: str) -> None:
    m = bind(machine(version))
    twice = do(m, "bind", "nd", bdf=NAME, driver="nd_pmem")[1]
    assert twice.errno == ("ENODEV" if version == "5.10" else "EBUSY")
    assert do(m, "bind", "nd", bdf=NAME, driver="nvme")[1].errno == "ENOENT"
    assert do(m, "bind", "nd", bdf=BDF, driver="nd_pmem")[1].errno == "ENOENT"
    assert do(m, "remove", "nd", bdf=NAME)[1].errno == "ENOENT"


@pytest.mark.parametrize("version", KERNELS)
def test_a_driver_that_goes_unmaps_before_it_releases(version: str) -> None:
    """While it goes nobody can map the range, and when they can no cache type is in the way."""
    m, fd = ok(bind(machine(version)), "open_devmem", dsync=True)
    first = {"fd": fd, "offset": PMEM, "length": PAGE}
    m = begin(m, "nd", "unbind", bdf=NAME)
    seen = []
    while not finished(m, "nd"):
        m, _ = take_step(m, "nd")
        seen.append(do(m, "mmap_devmem", **first)[1].errno)
    assert seen == ["EPERM", "EPERM", "EPERM", None, None]


@pytest.mark.parametrize(("offset", "count"), [(PAGE - 4, 8), (256 * PAGE, 8)])
def test_a_read_of_the_disk_stays_in_one_page_of_it(offset: int, count: int) -> None:
    m = bind(machine())
    with pytest.raises(ValueError, match="offset: expected 8 bytes in one page of 0x100000"):
        do(m, "read_block", "u", device="pmem0", offset=offset, count=count)


def test_what_a_probe_gives() -> None:
    assert ok(machine(), "nd_pmem_probe", "nd", bdf=NAME)[1] == 0
