"""A driver's probe: what it asks for first, and what it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.pci.device import PciDevice
from tests.model.machines import ALL, BDF, PAGE, PMEM, do, machine, ok


@pytest.mark.parametrize("version", ALL)
def test_a_probe_enables_the_device_first(version: str) -> None:
    m = machine(version)
    assert ok(m, "pci_probe", "driver", bdf=BDF, driver="e1000", bars=(0,))[1] == 0
    device: PciDevice = m["pci", BDF]
    unset = replace(device.bars[1], flags=device.bars[1].flags | fl.IORESOURCE_UNSET)
    m = m.with_({("pci", BDF): replace(device, bars=(device.bars[0], unset))})
    after, outcome = do(m, "pci_probe", "driver", bdf=BDF, driver="e1000", bars=(0,))
    assert (outcome.errno, after["pci", BDF].held) == ("EINVAL", ())


@pytest.mark.parametrize("version", ALL)
def test_what_a_driver_maps_and_releases_gives_0(version: str) -> None:
    m = machine(version)
    assert ok(m, "ioremap", "driver", start=PMEM, size=PAGE)[1] == 0
    assert ok(m, "release_mem_region", "driver", start=PMEM, size=PAGE)[1] == 0  # there is none
