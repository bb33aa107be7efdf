"""DMA through VFIO type 1: which pages a process can give to its device, and that they stay."""

from __future__ import annotations

import pytest

from devmemkit.lab.attempts import results
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from tests.model.machines import ALL, PAGE, PMEM, claim_, do, machine, mapped, ok

FIRST = PMEM // PAGE


def dma(m: Machine) -> tuple[int, ...]:
    pages: tuple[int, ...] = m.get(("dma", "p"), ())
    return pages


@pytest.mark.parametrize("version", ALL)
def test_a_page_stays_mapped_for_dma_after_the_claim_and_the_munmap(version: str) -> None:
    """Control: what was zapped or never mapped cannot be mapped for DMA."""
    m, address = mapped(machine(version), PMEM, 2)
    m, _ = ok(m, "map_dma", address=address)
    m = claim_(m, PMEM, 2 * PAGE)
    assert dma(m) == (FIRST,)
    assert do(m, "load", address=address)[1].signal == "SIGBUS"
    for page in (address, address + PAGE, address + 2 * PAGE):
        assert do(m, "map_dma", address=page)[1].errno == "EFAULT"
    assert dma(ok(m, "munmap", address=address, length=2 * PAGE)[0]) == (FIRST,)


@pytest.mark.parametrize("version", ALL)
def test_dma_needs_a_page_of_the_device_that_can_be_written(version: str) -> None:
    m, fd = ok(machine(version), "open_devmem", dsync=True)
    where = {"fd": fd, "offset": PMEM, "length": PAGE}
    read_only, address = ok(m, "mmap_devmem", **where, prot="r")
    assert do(read_only, "map_dma", address=address)[1].errno == "EFAULT"
    private, address = ok(m, "mmap_devmem", **where, shared=False)
    written, _ = ok(private, "store", address=address, value=1)
    for state in (private, written):
        assert do(state, "map_dma", address=address)[1].errno == "EFAULT"


def test_dma_of_ram_in_use_is_refused() -> None:
    config = Config(strict_devmem=False, io_strict_devmem=False, x86_pat=False)
    m, address = mapped(machine(config=config), 0x10_0000, 1, dsync=False)
    assert do(m, "map_dma", address=address)[1].errno == "EFAULT"
    m, address = mapped(m, 0xF_0000, 1)
    ok(m, "map_dma", address=address)


def test_under_fault_recheck_dma_faults_the_page_in_unless_it_is_claimed() -> None:
    m, address = mapped(machine(policy="FaultRecheck"), PMEM, 2)
    m = claim_(m, PMEM + PAGE, PAGE)
    assert dma(ok(m, "map_dma", address=address)[0]) == (FIRST,)
    assert do(m, "map_dma", address=address + PAGE)[1].errno == "EFAULT"


def test_what_stands_in_for_a_page_is_no_page_of_the_device() -> None:
    m, address = mapped(machine(policy="SubstitutePage"), PMEM, 1)
    assert do(claim_(m, PMEM, PAGE), "map_dma", address=address)[1].errno == "EFAULT"


@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_a_real_device_reached_the_claimed_page_and_the_model_says_the_same(version: str) -> None:
    """The program data/attempts/vfio-dma.c, and its run without the claim."""
    runs = results()[version]["attempts"]["vfio-dma"]["runs"]
    m, address = mapped(machine(version), PMEM, 1)
    m, _ = ok(m, "map_dma", address=address)
    for mode, state in (("none", m), ("claim", claim_(m, PMEM, PAGE))):
        again, load, device, left = runs[mode]["output"]
        said = do(state, "map_dma", address=address)[1]
        assert again.endswith(f": {'works' if said.ok else said.errno}")
        signal = do(state, "load", address=address)[1].signal
        assert signal == ("SIGBUS" if load == "load: SIGBUS, code 2" else None)
        reached = dma(state) == (FIRST,)
        assert reached == device.endswith(": 0x5ec2e75ec2e75ec2")
        assert reached == left.endswith(": 0xbadbadbadbadbad")
