"""What can be asked: an address or a BAR, and one sentence for everything else."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.explain.access import AccessError, access_of, number
from devmemkit.explain.answer import as_json
from devmemkit.explain.description import Description, with_lspci
from devmemkit.text.iomem import parse
from tests.explain.known import E1000, E1000_BAR, IVSHMEM_BAR, answer, known


@pytest.mark.parametrize(
    ("text", "value"), [("0x1000", 4096), ("4096", 4096), ("64K", 65536), ("0X2m", 2 << 20)]
)
def test_numbers(text: str, value: int) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "x", "0x", "-1", "1T", "1" * 99, "\x1b[31m"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(AccessError, match="expected a number such as") as caught:
        number(text)
    assert str(caught.value).isprintable()


def test_an_address_in_a_bar_finds_its_file() -> None:
    access = access_of(known(), address=E1000_BAR + 0x1000, via="sysfs")
    assert (access.bdf, access.bar, access.offset) == (E1000, 0, 0x1000)
    assert access.file == f"/sys/bus/pci/devices/{E1000}/resource0"


def test_files_by_name() -> None:
    where: dict[str, Any] = {"bdf": E1000, "bar": 0, "op": "mmap"}
    assert access_of(known(), **where, via="proc").file == "/proc/bus/pci/00/03.0"
    assert access_of(known(), address=0x80, via="port", op="read").file == "/dev/port"
    assert access_of(known(), address=0, op="read").file == "/dev/mem"
    assert access_of(known(), **where, wc=True).file.endswith("/0000:00:03.0/resource0_wc")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "expected --address or --bdf and --bar, got neither"),
        ({"address": 0, "bdf": E1000, "bar": 0}, "--address: expected one in a BAR of"),
        ({"bdf": E1000}, "expected --bar N with --bdf, got none"),
        ({"bar": 0, "address": 1}, "expected --bdf with --bar and --offset, got none"),
        ({"bdf": "0000:99:00.0", "bar": 0}, "--bdf: expected a device of the machine"),
        ({"bdf": E1000, "bar": 5}, r"--bar: expected one that 0000:00:03.0 has \(0, 1\), got 5"),
        ({"address": 0, "via": "sysfs"}, "--address: expected one in a BAR"),
        ({"address": 1 << 64}, "--address: expected a number from 0 to"),
        ({"address": 0, "length": -1}, "--length: expected a number from 0 to"),
        ({"bdf": E1000, "bar": 0, "via": "proc", "op": "read"}, "--op: expected mmap, load or"),
        ({"address": 0, "wc": True}, "--wc: expected --via sysfs, got devmem"),
        ({"address": 0x80, "via": "port"}, "--op: expected read or write with --via port"),
    ],
)
def test_what_cannot_be_asked(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AccessError, match=f"^{sentence}"):
        access_of(known(), **asked)


def test_a_bar_without_address_says_so() -> None:
    text = b"00:02.0 VGA: A\n\tRegion 0: Memory at <ignored> (32-bit, non-prefetchable)\n"
    described = with_lspci(Description(), text, "x")
    with pytest.raises(AccessError, match=r"got 0, of which the description lacks address or size"):
        access_of(described, bdf="0000:00:02.0", bar=0)


def test_dev_mem_without_a_dump_is_about_bars_only() -> None:
    text = b"00:02.0 VGA: A\n\tRegion 0: Memory at fe000000 (32-bit) [size=4K]\n"
    described = with_lspci(Description(), text, "x")
    assert access_of(described, address=0xFE00_0000).start == 0xFE00_0000
    with pytest.raises(AccessError, match="--address: expected one in a BAR"):
        access_of(described, address=0x1000)


REGIONS = """\
fe000000-fe0fffff : PCI Bus 0000:00
  fe000000-fe003fff : 0000:00:02.0
    fe000000-fe003fff : nvme
  fe004000-fe007fff : 0000:00:03.0
  fe010000-fe01ffff : 0000:00:03.0
    fe010000-fe01ffff : ahci
"""


@pytest.mark.parametrize(
    ("bdf", "bar", "start"),
    [
        ("0000:00:02.0", 0, 0xFE00_0000),
        ("0000:00:02.0", 4, 0xFE00_0000),
        ("0000:00:03.0", 0, 0xFE01_0000),  # claimed, so no ROM
        ("0000:00:03.0", 1, 0xFE00_4000),
    ],
)
def test_a_dump_names_devices_and_their_bars_are_assumed(bdf: str, bar: int, start: int) -> None:
    """The one region of a device is any BAR; of several those that are claimed come first."""
    described = known(devices={}, iomem=parse(REGIONS), ioports=None)
    access = access_of(described, bdf=bdf, bar=bar)
    assert access.start == start
    found = answer(described, bdf=bdf, bar=bar)
    assert found.outcome == ("ok" if start == 0xFE00_4000 else "EINVAL")
    (assumed,) = found.assumed
    assert assumed.startswith(f"BAR {bar} of {bdf} is {start:#x}-")
    assert not as_json(found)["certain"]
    assert [one.gives for one in found.advice if one.do.startswith("unbind")] == (
        ["ok"] if found.outcome != "ok" else []
    )


def test_a_dump_does_not_say_whether_a_bar_is_prefetchable() -> None:
    described = known(devices={}, iomem=parse(REGIONS), ioports=None)
    found = answer(described, bdf="0000:00:03.0", bar=1, wc=True)
    assert {branch.conditions[0]: branch.verdict.outcome for branch in found.branches} == {
        "the BAR is prefetchable": "ok",
        "the BAR is not prefetchable": "ENOENT",
    }


def test_a_number_that_a_dump_cannot_know_is_refused_with_addresses() -> None:
    described = known(devices={}, iomem=parse(REGIONS), ioports=None)
    why = "got 4; a dump does not number BARs, so ask with --address: 0xfe010000, 0xfe004000"
    with pytest.raises(AccessError, match=f"{why}$"):
        access_of(described, bdf="0000:00:03.0", bar=4)


def test_what_a_text_tells_of_a_device_is_better_than_a_dump() -> None:
    text = b"00:02.0 Thing: A\n\tRegion 2: Memory at fe000000 (32-bit) [size=16K]\n"
    described = with_lspci(known(devices={}, iomem=parse(REGIONS)), text, "x")
    assert [bar.index for bar in described.found["0000:00:02.0"].bars] == [2]
    assert not answer(described, bdf="0000:00:02.0", bar=2).assumed
    bare = with_lspci(known(devices={}, iomem=parse(REGIONS)), b"00:02.0 Thing: A\n", "x")
    assert access_of(bare, bdf="0000:00:02.0", bar=2).start == 0xFE00_0000


def test_a_port_of_a_device_is_found_in_a_dump() -> None:
    ports = parse("c000-c01f : 0000:00:02.0\n  c000-c01f : thing\n")
    described = known(devices={}, iomem=None, ioports=ports)
    access = access_of(described, bdf="0000:00:02.0", bar=4, via="port", op="read")
    assert access.start == 0xC000


def test_an_address_in_a_device_names_the_bar_and_the_offset() -> None:
    for bar in (None, 0):
        access = access_of(known(), bdf=E1000, bar=bar, address=E1000_BAR + 0x100)
        assert (access.via, access.bar, access.offset) == ("sysfs", 0, 0x100)
    for asked, words in (
        ({"address": IVSHMEM_BAR}, f"a BAR of {E1000} (0xfebc0000-0xfebdffff), got 0xf8000000"),
        ({"address": E1000_BAR, "bar": 5}, f"a BAR of {E1000} (none), got 0xfebc0000"),
        ({"address": E1000_BAR, "offset": 1}, "--address or --offset, got both"),
    ):
        with pytest.raises(AccessError) as error:
            access_of(known(), bdf=E1000, **asked)
        assert words in str(error.value)
