"""A platform device is served, unbound and given to UIO as one, also inside a PCI device's BAR."""

from __future__ import annotations

import pytest

from devmemkit.explain.answer import Answer
from devmemkit.explain.platform import platform_device, served_by
from devmemkit.explain.symptom import causes
from devmemkit.text.iomem import parse
from tests.explain.known import answer, ask, known

RP1 = """\
00000000-3fbfffff : System RAM
107d001000-107d0011ff : serial@7d001000
  107d001000-107d0011ff : 107d001000.serial serial@7d001000
1f00000000-1ffffffffb : pcie@1000120000
  1f00000000-1f005fffff : PCI Bus 0002:01
    1f00000000-1f003fffff : 0002:01:00.0
      1f00030000-1f000300ff : serial
      1f000d0000-1f000dbfff : 1f000d0000.gpio gpio@d0000
      1f000e0000-1f000ebfff : 1f000d0000.gpio gpio@d0000
    1f00410000-1f00413fff : 0002:01:00.0
      1f00410000-1f00413fff : nvme
"""


def on_a_pi_5(address: int) -> Answer:
    return answer(known(iomem=parse(RP1), devices={}, arch="arm64"), address=address)


def test_a_platform_device_inside_a_bar_is_not_its_pci_device() -> None:
    for address in (0x1F_000D_0000, 0x1F_000E_0000):
        found = on_a_pi_5(address)
        assert found.outcome == "EPERM"
        asked, unbind, uio, *others = (one.do for one in found.advice)
        assert asked.startswith("use the interface of 1f000d0000.gpio, which owns it: /dev/gpioch")
        assert unbind == (
            "unbind the driver: echo 1f000d0000.gpio | "
            "tee /sys/bus/*/devices/1f000d0000.gpio/driver/unbind"
        )
        assert found.advice[1].gives == "ok"
        assert uio == "give 1f000d0000.gpio to a program of yours with UIO (uio_pdrv_genirq)"
        assert not any("0002:01:00.0" in one or "VFIO" in one for one in others)


def test_a_claim_of_a_part_is_no_claim_of_the_bar() -> None:
    described = known(iomem=parse(RP1), devices={}, arch="arm64")
    found = causes(*ask(described, address=0x1F_000D_0000, op="load"), "BUS_ADRERR")
    assert found[0].what.startswith("a driver claimed the region after it was mapped")
    assert found[0].played
    beside = answer(described, address=0x1F_0020_0000).later  # in the BAR, of no block
    assert beside is not None
    assert beside.when == "a driver claims 0x1f00200000-0x1f00200fff"


def test_nothing_is_unbound_for_what_works_without() -> None:
    blocks = ((0xFE00_0000, "timer"), (0xFE00_2000, "gpio"), (0xFE00_4000, "pwm"))
    text = "".join(f"{at:x}-{at + 255:x} : {at:x}.{name}\n" for at, name in blocks)
    board = known(iomem=parse(text), devices={}, arch="arm64")
    for address, unbound in ((0xFE00_0000, True), (0xFE00_1000, False)):
        does = [one.do for one in answer(board, address=address, length=0x8000).advice]
        assert any(one.startswith("unbind the driver: ") for one in does) == unbound
        assert any(one.startswith("map one page only") for one in does) != unbound


def test_a_pci_device_beside_it_keeps_its_own_advice() -> None:
    does = [one.do for one in on_a_pi_5(0x1F_0041_0000).advice]
    assert any(one.startswith("unbind the driver: echo 0002:01:00.0 > ") for one in does)
    assert any(one.startswith("hand 0002:01:00.0 to ") for one in does)
    assert not any("uio_pdrv_genirq" in one for one in does)


def test_the_range_of_an_amba_device_is_not_its_drivers_claim() -> None:
    found = on_a_pi_5(0x10_7D00_1000)
    assert found.verdict.owner is not None
    assert found.verdict.owner[0] == "107d001000.serial serial@7d001000"
    assert found.verdict.path == ("serial@7d001000",)
    assert "107d001000.serial/driver/unbind" in found.advice[1].do


@pytest.mark.parametrize(
    ("name", "start", "device"),
    [
        ("fe201000.serial serial@7e201000", 0xFE20_1000, "fe201000.serial"),
        ("ff180000.serial", 0xFF18_0000, "ff180000.serial"),
        ("serial@7e201000", 0xFE20_1000, "fe201000.serial"),
        ("/amba/gpio@e000a000", 0xE000_A000, "e000a000.gpio"),
        ("INT34BB:00 INT34BB:00", 0xFD6E_0000, "INT34BB:00"),
        ("e1000e", 0xFEBC_0000, ""),
        ("0000:00:1f.3", 0xFEBC_0000, ""),
        ("PCI Bus 0000:00", 0xFEBC_0000, ""),
        ("x; reboot@1000", 0x1000, ""),
        ("1000.a;b", 0x1000, ""),
        ("1000.\N{LATIN SMALL LETTER E WITH ACUTE}", 0x1000, ""),
    ],
)
def test_a_claims_name_shows_its_device(name: str, start: int, device: str) -> None:
    assert platform_device((name, start, start + 0xFFF)) == device


def test_what_serves_a_block_is_told_where_it_is_known() -> None:
    assert "libgpiod" in served_by("fd58a000.pinctrl")
    assert served_by("ff180000.serial").startswith("its /dev/ttyS")
    assert served_by("fe340000.mmc") == ""
    assert served_by("INT34BB:00") == ""
