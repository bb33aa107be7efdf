"""Which nodes of a dump are claims: by their names, by what is below them."""

from __future__ import annotations

import pytest

from devmemkit.text.iomem import parse
from devmemkit.text.iomem_tree import is_driver, tree_of

CLAIMED = {
    "a window by its node": (
        """\
40000000-4fffffff : pcie-controller@1003000
600000000-6ffffffff : /soc/pcie@fd500000
700000000-7ffffffff : pci@1c00000
""",
        [],
    ),
    "a window by what is below": (
        """\
10000000-1fffffff : soc bridge
  10000000-1fffffff : fabric
    10000000-100fffff : PCI Bus 0000:01
      10000000-10003fff : 0000:01:00.0
        10000000-10003fff : nvme
20000000-20ffffff : VMD MEMBAR1
  20000000-20003fff : 10000:e1:00.0
    20000000-20003fff : nvme
""",
        ["nvme", "nvme"],
    ),
    "a host bridge's own registers": (
        """\
01003000-010037ff : pcie-controller@1003000
40000000-4fffffff : pcie-controller@1003000
""",
        ["pcie-controller@1003000"],
    ),
    "platform devices": (
        """\
2a000000-2a01ffff : arm-smmu-v3.0.auto
  2a000000-2a000dff : arm-smmu-v3.0.auto
2a400000-2a400fff : ARMH0011:00
  2a400000-2a400fff : ARMH0011:00 ARMH0011:00
2a410000-2a410fff : ARMH0011:01
  2a410000-2a410fff : ARMH0011:01
fed40000-fed44fff : MSFT0101:00
""",
        ["arm-smmu-v3.0.auto", "ARMH0011:00 ARMH0011:00", "ARMH0011:01"],
    ),
    "what firmware took below 1 MiB": (
        """\
000a0000-000fffff : Reserved
  000a0000-000bffff : PCI Bus 0000:00
  000f0000-000fffff : System ROM
""",
        ["Reserved", "System ROM"],
    ),
}


@pytest.mark.parametrize("kind", CLAIMED)
def test_what_is_claimed(kind: str) -> None:
    text, busy = CLAIMED[kind]
    tree = tree_of(parse(text), root_end=(1 << 40) - 1)
    assert [node.name for node in tree.walk() if node.busy] == busy


def test_firmware_and_windows_are_no_drivers() -> None:
    names = (
        "Reserved", "ACPI Tables", "Video ROM", "PCI Bus 0000:00", "pcie-controller@1003000",
        "PCI MMCONFIG 0000 [bus 00-ff]", "IOAPIC 0", "System RAM", "0000:00:02.0", "PNP0C02:00", "",
    )  # fmt: skip
    assert not [name for name in names if is_driver(name)]
    assert is_driver("e1000")
    assert is_driver("f8000000.serial")
