"""PCI devices and their drivers: enable, claims, bind, unbind, removal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.machine import Machine
from devmemkit.model.pci.device import Bar, PciDevice
from tests.model.machines import (
    ALL,
    BAR0,
    BAR2,
    BDF,
    BUSY,
    MEM,
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


def busy(m: Machine) -> list[tuple[int, str]]:
    """Start and name of each driver's claim, memory and ports."""
    nodes = [n for tree in ("iomem", "ioport") for n in m[tree].walk()]
    return [(n.start, n.name) for n in nodes if n.busy and n.parent and n.parent.name == BDF]


ALL_BARS = [(BAR0, "driver"), (BAR2, "driver"), (PORTS, "driver")]


@pytest.mark.parametrize("version", ALL)
def test_enable_claims_nothing(version: str) -> None:
    """A BAR is idle until pci_request_region; unassigned or uninserted is EINVAL."""
    m, address = bar_mapped(machine(version), 0, 1)
    after, _ = ok(m, "pci_enable_device", "driver", bdf=BDF)
    assert (busy(after), live(after, address, 1)) == ([], [True])
    dev = m["pci", BDF]
    for bad in (
        replace(dev.bars[0], flags=MEM | fl.IORESOURCE_UNSET),
        replace(dev.bars[0], end=dev.bars[0].end + PAGE),  # not in the tree
    ):
        broken = m.with_({("pci", BDF): replace(dev, bars=(bad, *dev.bars[1:]))})
        assert do(broken, "pci_enable_device", bdf=BDF)[1].errno == "EINVAL"
    assert do(m, "pci_enable_device", bdf="0000:00:1f.0")[1].errno == "ENODEV"


@pytest.mark.parametrize("version", ALL)
def test_request_region(version: str) -> None:
    """The whole BAR, a BUSY child of the BAR's node; I/O through the ioport root."""
    m, address = bar_mapped(machine(version), 0, 64)
    after, _ = ok(m, "pci_request_region", "driver", bdf=BDF, bar=0, name="drv")
    assert busy(after) == [(BAR0, "drv")]
    node = after["iomem"].children[-1].children[0].children[0]
    assert (node.start, node.end, node.flags) == (BAR0, BAR0 + 64 * PAGE - 1, BUSY)
    assert any(live(after, address, 64)) == (version == "5.10")
    again = do(after, "pci_request_region", "other", bdf=BDF, bar=0)[1]
    assert (again.errno, again.conflict) == ("EBUSY", str(node))
    ports, _ = ok(m, "pci_request_region", "driver", bdf=BDF, bar=4)
    assert busy(ports) == [(PORTS, "driver")]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("taken", [0, 2, 4])
def test_request_regions_undoes_the_earlier_bars(version: str, taken: int) -> None:
    """EBUSY and nothing kept; without a rival all three are held."""
    m = machine(version)
    m, _ = ok(m, "pci_request_region", "rival", bdf=BDF, bar=taken, name="rival")
    m = m.with_({("pci", BDF): replace(m["pci", BDF], held=())})
    before = busy(m)
    after, outcome = do(m, "pci_request_regions", "driver", bdf=BDF)
    assert (outcome.errno, busy(after), after["pci", BDF].held) == ("EBUSY", before, ())
    free, _ = ok(machine(version), "pci_request_regions", "driver", bdf=BDF)
    assert (busy(free), free["pci", BDF].held) == (ALL_BARS, (0, 2, 4))
    some, _ = ok(machine(version), "pci_request_regions", "driver", bdf=BDF, bars=(2,))
    assert busy(some) == [(BAR2, "driver")]


def test_release_region() -> None:
    """Released by the BAR's exact range."""
    m, _ = ok(machine(), "pci_request_regions", "driver", bdf=BDF)
    m, value = ok(m, "pci_release_region", "driver", bdf=BDF, bar=2)
    assert (value, m["pci", BDF].held) == (1, (0, 4))
    assert busy(m) == [ALL_BARS[0], ALL_BARS[2]]
    assert ok(m, "pci_release_region", "driver", bdf=BDF, bar=2)[1] == 0
    m, value = ok(m, "pci_release_region", "driver", bdf=BDF, bar=4)
    assert (value, busy(m)) == (1, [ALL_BARS[0]])
    m, value = ok(m, "pci_release_regions", "driver", bdf=BDF, bars=(0,))
    assert (value, busy(m), m["pci", BDF].held) == (0, [], ())


@pytest.mark.parametrize("version", ALL)
def test_bind_and_unbind(version: str) -> None:
    """Bind claims and revokes; unbind releases, revives nothing; rebinding revokes
    again what was mapped in the idle gap."""
    m, address = mapped(machine(version), BAR0, 2)
    m, _ = ok(m, "bind", "driver", bdf=BDF)
    assert (m["pci", BDF].driver, busy(m)) == ("driver", ALL_BARS)
    assert live(m, address, 2) == [False, False]
    twice = "ENODEV" if version == "5.10" else "EBUSY"
    assert do(m, "bind", "other", bdf=BDF, driver="other")[1].errno == twice
    assert do(m, "mmap_devmem", fd=0, offset=BAR0, length=PAGE)[1].errno == "EPERM"
    m, _ = ok(m, "unbind", "driver", bdf=BDF)
    assert (m["pci", BDF].driver, busy(m)) == (None, [])
    assert live(m, address, 2) == [False, False]
    assert m.get("memtype") == machine_memtype(m)
    m, fresh = ok(m, "mmap_devmem", fd=0, offset=BAR0, length=PAGE)
    m, _ = ok(m, "bind", "driver", bdf=BDF)
    assert live(m, fresh, 1) == [False]
    free, _ = ok(m, "unbind", "driver", bdf=BDF)
    assert do(free, "unbind", bdf=BDF)[1].errno == "ENODEV"


def machine_memtype(m: Machine) -> object:
    """What the process's own mapping keeps: nothing up to 6.15, its type since."""
    return m.get("memtype") if m.kernel["memtype_lives"] == "until VMA dies" else None


def test_unbind_releases_the_last_bar_first() -> None:
    m, _ = ok(machine(), "bind", "driver", bdf=BDF)
    m, left = begin(m, "driver", "unbind", bdf=BDF), []
    for _ in range(3):
        m = step_to(m, "driver", "release")
        left.append([start for start, _ in busy(m)])
    assert left == [[BAR0, BAR2], [BAR0], []]


def test_the_rom_is_not_requested() -> None:
    """pci_request_regions takes the six BARs."""
    m = machine()
    rom = Bar(6, BAR2 + 4 * PAGE, BAR2 + 5 * PAGE - 1, MEM)
    m = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(*m["pci", BDF].bars, rom))})
    m, _ = ok(m, "bind", "driver", bdf=BDF)
    assert (busy(m), m["pci", BDF].held) == (ALL_BARS, (0, 2, 4))


def test_a_partial_driver_takes_the_bars_it_wants() -> None:
    """Bars given; the others stay idle and mapped."""
    m, address = mapped(machine(), BAR2, 2)
    m, _ = ok(m, "bind", "driver", bdf=BDF, bars=(0,))
    assert busy(m) == ALL_BARS[:1]
    assert live(m, address, 2) == [True, True]


@pytest.mark.parametrize("version", [*ALL, "6.18"])
@pytest.mark.parametrize("driver", ["driver", "e1000", "nvme"])
def test_bind_fails_as_the_driver_does(version: str, driver: str) -> None:
    """Measured: a refused claim is e1000's EBUSY, nvme's ENODEV, always ENODEV on 5.10."""
    m = claim_(machine(version), BAR0 + PAGE, PAGE)
    after, outcome = do(m, "bind", "driver", bdf=BDF, driver=driver)
    wanted = "ENODEV" if version == "5.10" or driver == "nvme" else "EBUSY"
    assert (outcome.errno, after["pci", BDF].driver) == (wanted, None)
    assert after["iomem"].value() == m["iomem"].value()
    m, _ = ok(m, "release_mem_region", "driver", start=BAR0 + PAGE, size=PAGE)
    assert do(m, "bind", "driver", bdf=BDF, driver=driver)[1].ok


@pytest.mark.parametrize(
    ("version", "driver", "errno"),
    [
        ("5.10", "e1000", "ENODEV"),
        ("6.1", "driver", "ENOMEM"),
        ("6.1", "e1000", "EIO"),
        ("7.3", "nvme", "ENODEV"),
    ],
)
def test_what_a_driver_says_without_its_mapping(version: str, driver: str, errno: str) -> None:
    """Read in the drivers: a live write-back mapping fails ioremap; iomem=relaxed keeps it."""
    m, _ = mapped(machine(version, cmdline="iomem=relaxed"), BAR0, 1, dsync=False)
    after, outcome = do(m, "bind", "driver", bdf=BDF, driver=driver)
    assert (outcome.errno, busy(after)) == (errno, [])


@pytest.mark.parametrize(
    ("driver", "fits", "errno"),
    [("e1000", "nvme", "ENODEV"), ("nvme", "", "ENODEV"), ("nd_pmem", None, "ENOENT")],
)
def test_a_driver_does_not_take_anothers_device(driver: str, fits: str | None, errno: str) -> None:
    m = machine()
    m = m.with_({("pci", BDF): replace(m["pci", BDF], fits=fits)})
    assert do(m, "bind", "root", bdf=BDF, driver=driver)[1].errno == errno
    assert do(m, "bind", "root", bdf=BDF)[1].ok  # a driver in general fits every device


@pytest.mark.parametrize("version", ["5.10", "5.12", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize("bound", [False, True])
def test_hot_removal(version: str, bound: bool) -> None:
    """5.10 zaps sysfs mappings at remove, from v5.12 they stay readable."""
    m, address = bar_mapped(machine(version), 0, 2)
    m, other = mapped(m, BAR0, 2)
    if bound:
        m, _ = ok(m, "bind", "driver", bdf=BDF, bars=(2,))
    m, _ = ok(m, "remove", "root", bdf=BDF)
    survives = version != "5.10"
    assert live(m, address, 2) == [survives] * 2
    assert live(m, other, 2) == [True, True]  # /dev/mem mappings are never reached
    assert m.get(("pci", BDF)) is None
    assert BDF not in [n.name for tree in ("iomem", "ioport") for n in m[tree].walk()]
    assert do(m, "remove", "root", bdf=BDF)[1].errno == "ENODEV"
    assert do(m, "mmap_resource", fd=0, length=PAGE)[1].errno == "ENODEV"
    assert do(m, "open_resource", bdf=BDF, bar=0)[1].errno == "ENOENT"
    assert do(m, "open_proc_pci", bdf=BDF)[1].errno == "ENOENT"


def test_bar() -> None:
    bar = Bar(0, BAR0, BAR0 + PAGE - 1, MEM)
    assert (bar.length, bar.memory) == (PAGE, True)
    assert (Bar(1, 0, 0, 0).length, Bar(4, 8, 15, fl.IORESOURCE_IO).memory) == (0, False)
    assert PciDevice(BDF, (bar,)).bar(1) is None


def test_bind_unbind_and_remove_exclude_one_another() -> None:
    """The device's lock (drivers/base/dd.c): a removal waits for a probe under way."""
    m = step_to(begin(machine(), "d", "bind", bdf=BDF), "d", "probe_request")
    for name in ("remove", "unbind", "bind"):
        assert blocked(begin(m, "x", name, bdf=BDF), "x")
    m, outcome = finish(m, "d")
    assert outcome.ok
    m, _ = ok(m, "remove", "x", bdf=BDF)
    assert m.get(("pci", BDF)) is None
    assert not [key for key in m.components if key[0] == "lock"]


@pytest.mark.parametrize("version", ["6.18", "7.3"])
def test_a_failed_ioremap_leaves_no_cache_type_of_the_driver(version: str) -> None:
    """BAR 0 is mapped when BAR 2 conflicts with what a process had mapped write-back."""
    m, _ = mapped(machine(version), BAR2, 1, dsync=False)
    m, outcome = do(m, "bind", "driver", bdf=BDF)
    assert not outcome.ok
    assert [one.owner[0] for one in m["memtype"]] == ["vma"]


def test_what_a_probe_gives() -> None:
    assert ok(machine(), "pci_probe", "d", bdf=BDF, driver="driver", bars=(0, 2))[1] == 0
