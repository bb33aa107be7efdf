"""The machine without a claim: one device's, and no other's of the same driver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explain import cases
from devmemkit.explain import owner as owners
from devmemkit.explain.access import Access, access_of
from devmemkit.explain.answer import as_text
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description, with_lspci
from devmemkit.explain.explanation import explain
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.explain.symptom import SYMPTOMS, causes
from devmemkit.model import flags as fl
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine, View
from devmemkit.model.pci.device import Bar
from devmemkit.model.resource.strict import iomem_is_exclusive
from devmemkit.scenarios.play import Act, Played, play
from devmemkit.text.iomem import parse
from devmemkit.text.lspci import Device
from tests.explain.known import E1000, E1000_BAR, IVSHMEM, answer, ask, known, likeliest

TEXT = """\
00001000-0009ffff : System RAM
fe000000-fe0fffff : PCI Bus 0000:00
  fe000000-fe003fff : 0000:00:03.0
    fe000000-fe003fff : e1000
  fe004000-fe007fff : 0000:00:04.0
    fe004000-fe007fff : e1000
  fe008000-fe008fff : 0000:00:03.0
    fe008000-fe008fff : e1000
fed00000-fed003ff : HPET 0
"""


def test_a_driver_gives_up_one_device_and_keeps_another() -> None:
    machine = likeliest(known(iomem=parse(TEXT)))
    owner, path = owner_of(machine, 0xFE000, Access("devmem", "mmap", 0xFE00_0000, PAGE_SIZE))
    assert owner == ("e1000", 0xFE00_0000, 0xFE00_3FFF)
    assert path == ("PCI Bus 0000:00", "0000:00:03.0")
    freed = unbound(machine, owner)
    assert freed is not None
    taken = [page for page in range(0xFE000, 0xFE009) if iomem_is_exclusive(View(freed), page)]
    assert taken == [0xFE004, 0xFE005, 0xFE006, 0xFE007]
    assert iomem_is_exclusive(View(machine), 0xFE008)  # the machine that was given is as it was


def test_what_no_driver_claimed_is_not_given_up() -> None:
    machine = likeliest(known(iomem=parse(TEXT)))
    for page in (1, 0xFE0FF, 0xA0000):
        access = Access("devmem", "mmap", page << PAGE_SHIFT, PAGE_SIZE)
        assert unbound(machine, owner_of(machine, page, access)[0]) is None


def test_a_driver_is_unbound_by_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model's own operation leaves is what is left: the device has no driver any more."""
    played: list[str] = []

    def watched(machine: Machine, acts: tuple[Act, ...]) -> Played:
        played.extend(act.operation for act in acts)
        return play(machine, acts)

    monkeypatch.setattr(owners, "play", watched)
    machine = likeliest(known())
    assert machine["pci", E1000].held == (0, 1)
    freed = unbound(machine, ("e1000", E1000_BAR, E1000_BAR + 0x1_FFFF))
    assert freed is not None
    assert played == ["unbind"]
    assert (freed["pci", E1000].driver, freed["pci", E1000].held) == (None, ())
    (ports,) = [bar for bar in machine["pci", E1000].bars if not bar.memory]
    busy = [n for n in freed["ioport"].walk() if n.busy and n.start == ports.start]
    assert not busy
    assert machine["pci", E1000].driver == "e1000"
    assert iomem_is_exclusive(View(freed), E1000_BAR >> 12) is None


def test_a_namespace_is_unbound_by_the_model() -> None:
    machine = likeliest(known())
    space = machine["nd", "namespace0.0"]
    assert space.driver == "nd_pmem"
    freed = unbound(machine, ("namespace0.0", space.start, space.end))
    assert freed is not None
    assert freed["nd", "namespace0.0"].driver is None
    assert not [one for one in freed.get("memtype", ()) if one.owner == ("driver", "namespace0.0")]


def test_a_removed_device_leaves_nothing_claimed() -> None:
    machine = likeliest(known())
    after = play(machine, (Act("gone", "D", "remove", {"bdf": E1000}),)).moments[-1].machine
    assert iomem_is_exclusive(View(after), E1000_BAR >> 12) is None


@pytest.mark.parametrize("got", SYMPTOMS)
def test_a_device_with_ports_needs_no_dump_of_them(got: str) -> None:
    text = (
        b"00:02.0 Thing: A\n\tRegion 0: Memory at fe000000 (32-bit, prefetchable) [size=16K]\n"
        b"\tRegion 1: I/O ports at c000 [size=32]\n\tKernel driver in use: thing\n"
    )
    described = with_lspci(Description(release="6.12"), text, "x")
    for cause in causes(*ask(described, bdf="0000:00:02.0", bar=0), got):
        assert cause.what


def test_ram_has_no_owner_to_ask() -> None:
    """Which names are RAM is said in one place."""
    text = TEXT + "100000000-10fffffff : Crash kernel\n"
    found = answer(known(iomem=parse(text)), address=0x1_0000_0000)
    assert found.verdict.owner is not None
    assert found.verdict.owner[0] == "Crash kernel"
    assert not [one.do for one in found.advice if one.do.startswith("use the interface of")]


@pytest.mark.parametrize("name", ["Reserved", "System ROM", "ACPI Non-volatile Storage"])
def test_firmware_has_no_interface(name: str) -> None:
    described = known(iomem=parse(f"000e0000-000fffff : {name}\n"), lockdown="integrity")
    found = answer(described, address=0xF_0000)
    assert found.outcome == "EPERM"
    assert not [one.do for one in found.advice if one.do.startswith("use the interface of")]


def test_a_window_has_no_driver_that_claims_all_of_it() -> None:
    text = "40000000-4fffffff : pcie-controller@1003000\n  40000000-400fffff : PCI Bus 0000:01\n"
    found = answer(known(iomem=parse(text)), address=0x4800_0000)
    assert (found.outcome, found.verdict.claimed) == ("ok", False)
    assert found.later is not None
    assert found.later.when == "a driver claims 0x48000000-0x48000fff"


PORTS = """\
0000-0cf7 : PCI Bus 0000:00
  0070-0077 : rtc0
  0080-008f : dma page reg
0cf8-0cff : PCI conf1
"""


@pytest.mark.parametrize(
    ("address", "owner", "path"),
    [
        (0x70, ("rtc0", 0x70, 0x77), ("PCI Bus 0000:00",)),
        (0x60, ("PCI Bus 0000:00", 0, 0xCF7), ()),
        (0xD00, None, ()),
    ],
)
def test_a_port_has_an_owner(address: int, owner: object, path: tuple[str, ...]) -> None:
    described = known(ioports=parse(PORTS))
    found = answer(described, address=address, length=1, via="port", op="read")
    v = found.verdict
    assert (v.outcome, v.owner, v.path) == ("ok", owner, path)
    assert v.claimed == (address == 0x70)
    locked = answer(replace(described, lockdown="integrity"), address=0x70, via="port", op="read")
    assert locked.advice[0].do == "use the interface of rtc0, which owns it"


SHARED = """\
00:02.0 Thing: A
	Region 0: Memory at fe000000 (32-bit, prefetchable) [size=2K]
	Kernel driver in use: first
00:03.0 Thing: B
	Region 0: Memory at fe000800 (32-bit, prefetchable) [size=2K]
	Kernel driver in use: second
"""


@pytest.mark.parametrize("cmdline", ["quiet", "iomem=relaxed"])
@pytest.mark.parametrize("op", ["mmap", "load"])
def test_of_two_devices_in_a_page_the_one_that_is_asked_for(cmdline: str, op: str) -> None:
    empty = known(devices={}, iomem=None, cmdline=cmdline)
    described = with_lspci(empty, SHARED.encode(), "x")
    asked = ((0xFE00_0000, "first", "0000:00:02.0"), (0xFE00_0800, "second", "0000:00:03.0"))
    for address, driver, bdf in asked:
        v = answer(described, address=address, length=4, op=op).verdict
        assert (v.owner, v.path) == ((driver, address, address + 0x7FF), (bdf,))
        assert v.outcome == ("EPERM" if cmdline == "quiet" else "ok")


@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "bound"])
def test_what_is_far_from_an_access_does_not_change_its_answer(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = known(state, lockdown=None, mounts=None)
    places: list[dict[str, Any]] = [
        {"bdf": IVSHMEM, "bar": 2, "via": "sysfs"},
        {"bdf": E1000, "bar": 0, "via": "proc"},
        {"address": E1000_BAR, "length": 1 << 20},
        {"address": 0x4100_0000},  # persistent memory
        {"address": 0x10_0000},
        {"address": 0},
        {"via": "port", "address": 0x70, "op": "read"},
    ]

    def answers() -> list[object]:
        found: list[object] = []
        for place in places:
            access = access_of(described, **{"op": "load", **place})
            machines = Machines(described, access)
            found += [as_text(explain(machines, access))]
            found += [causes(machines, access, got) for got in ("EPERM", "SIGBUS", "EBUSY")]
        return found

    parts = answers()
    monkeypatch.setattr(cases, "near", lambda tree, *_, **__: tree)
    monkeypatch.setattr(cases, "concerned", lambda known, access: list(known.found.values()))
    assert parts == answers()


def test_only_what_is_near_an_access_is_in_its_machine() -> None:
    lines = [
        f"{at:08x}-{at + 0xFFF:08x} : 0000:{at >> 16 & 0xFF:02x}:00.{at >> 12 & 7}\n"
        for at in range(0xA000_0000, 0xA100_0000, 0x1000)
    ]
    described = Description(iomem=parse("".join(["00001000-0fffffff : System RAM\n", *lines])))
    access = access_of(described, address=0xA080_0000)
    machine = likeliest(described, access)
    assert machine.high_memory == 0x1000_0000
    devices = [key for key in machine.components if key[0] == "pci"]
    assert 1 <= len(devices) <= 2
    assert sum(1 for _ in machine["iomem"].walk()) < len(lines) / 2


def test_only_ports_near_an_access_and_a_bounded_number_of_devices_are_in_its_machine() -> None:
    text = "".join(
        f"00:{at >> 3:02x}.{at & 7} Thing: A\n\tI/O ports at {at << 8:04x} [size=256]\n"
        "\tMemory at fe000000 (32-bit) [size=4K]\n\n"
        for at in range(200)
    )
    described = with_lspci(Description(), text.encode(), "x")
    for asked in ({"bdf": "0000:00:18.7", "bar": 1}, {"via": "port", "address": 0xC700}):
        access = access_of(described, op="load" if "bdf" in asked else "read", **asked)
        machine = likeliest(described, access)
        devices = [key[1] for key in machine.components if key[0] == "pci"]
        assert "0000:00:18.7" in devices
        assert len(devices) < 100
        ports = [node.start for node in machine["ioport"].walk()]
        assert 0xC700 in ports
        assert len(ports) < 150  # of 400


def bound(driver: str, modules: tuple[str, ...] = ()) -> Description:
    """A PCI device with a driver, of which only lspci tells."""
    bar = Bar(0, 0xFE00_0000, 0xFE00_0FFF, fl.IORESOURCE_MEM)
    device = Device(E1000, (bar,), driver, modules)
    return known(iomem=None, ioports=None, devices={E1000: device})


@pytest.mark.parametrize("driver", ["pcieport", "pci-stub", "pciback", "uio_pci_generic"])
def test_a_driver_that_claims_no_bar_owns_none(driver: str) -> None:
    found = answer(bound(driver, (driver, "shpchp")), bdf=E1000, bar=0)
    assert (found.outcome, found.branches, found.advice) == ("ok", (), ())
    assert found.later is not None
    assert found.later.when.startswith("shpchp claims")
    alone = answer(bound(driver), bdf=E1000, bar=0).later
    assert alone is not None
    assert alone.when.startswith(f"another driver of {E1000} claims")


def test_no_bridge_is_unbound_or_handed_over_for_anothers_claim() -> None:
    text = f"fe000000-fe000fff : {E1000}\n  fe000000-fe000fff : dwc_pmu\n"
    for driver, offered in (("pcieport", False), ("shpchp", True)):
        described = replace(bound(driver), iomem=parse(text))
        does = [one.do for one in answer(described, bdf=E1000, bar=0).advice]
        assert any(one.startswith("unbind the driver") for one in does) == offered
        assert any("VFIO" in one for one in does) == offered


@pytest.mark.parametrize("driver", ["vfio-pci", "mlx5_vfio_pci", "e1000"])
def test_what_a_bound_driver_has_is_asked_without_a_dump(driver: str) -> None:
    found = answer(bound(driver), bdf=E1000, bar=0)
    assert {one.verdict.outcome for one in found.branches} == {"ok", "EINVAL"}
