"""Initcalls as operations: what waits for what, and which files a device gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

import devmemkit.model.operations  # noqa: F401 - registers every operation
from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from tests.model.machines import BDF, begin, blocked, do, finish, machine, ok


@pytest.mark.parametrize(
    ("waiter", "waits_for", "initcall"),
    [
        ("begin_program", "no user space yet", "populate_rootfs"),
        ("begin_probe", "no driver yet", "host_driver_init"),
    ],
)
def test_what_waits_for_an_initcall(waiter: str, waits_for: str, initcall: str) -> None:
    m = begin(machine(), "t", waiter)
    assert blocked(m, "t") == waits_for
    m, _ = ok(m, initcall, "init")
    assert finish(m, "t")[1].ok


@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_a_device_has_files_for_its_bars_and_none_for_its_rom(version: str) -> None:
    m = machine(version)
    rom = Bar(6, 0xE020_0000, 0xE020_FFFF, fl.IORESOURCE_MEM)
    m = m.with_({("pci", BDF): replace(m["pci", BDF], bars=(*m["pci", BDF].bars, rom))})
    m, _ = ok(m, "pci_sysfs_init", "init")
    m, _ = ok(m, "pci_add_device", "bus", bdf=BDF)
    assert m["sysfs", BDF] == ("resource0", "resource2", "resource4")
    assert do(m, "look_for_files", bdf=BDF)[1].ok


def test_files_that_two_make_are_gone() -> None:
    """Up to 7.1: who comes second finds the name taken, and cleans up by name."""
    m, _ = ok(machine("6.12"), "pci_create_resource_files", "init", bdf=BDF)
    m, outcome = do(m, "pci_create_resource_files", "bus", bdf=BDF)
    assert (outcome.errno, m["sysfs", BDF], m["duplicate", BDF]) == ("EEXIST", (), True)
    assert do(m, "look_for_files", bdf=BDF)[1].ok  # it has no directory: nobody looks
    m = m.with_({"pci_devices": (BDF,)})
    assert do(m, "look_for_files", bdf=BDF)[1].errno == "ENOENT"


def test_the_walk_makes_the_files_of_every_device_that_is_there() -> None:
    m = machine("6.12")
    other = "0000:00:04.0"
    m = m.with_({("pci", other): replace(m["pci", BDF], bdf=other)})
    for bdf in (BDF, other):
        m, _ = ok(m, "pci_add_device", "bus", bdf=bdf)
        assert m.get(("sysfs", bdf)) is None  # pci_sysfs_init has not begun
    m, _ = ok(m, "pci_sysfs_init", "init")
    assert [len(m["sysfs", bdf]) for bdf in (BDF, other)] == [3, 3]


def test_what_making_the_files_gives() -> None:
    assert ok(machine(), "pci_create_resource_files", "init", bdf=BDF)[1] == 0
