"""The space map as text: every region and every gap in a line, names without control characters."""

from __future__ import annotations

import pytest

from devmemkit.figures.text_map import text_map
from devmemkit.model.resource.tree import Resource
from devmemkit.text.iomem import parse
from devmemkit.text.iomem_tree import tree_of

DUMP = """\
00001000-0009ffff : System RAM
fe000000-fe00ffff : PCI Bus 0000:00
  fe000000-fe000fff : \x1b]2;toy
"""
MAP = r"""
    1000    636 KiB  ===          System RAM
          3.968 GiB               (unused)
fe000000     64 KiB  ::           PCI Bus 0000:00
fe000000      4 KiB  #              \x1b]2;toy

= System RAM, # busy, : bus window
"""


def test_each_region_and_gap_has_a_line_and_each_mark_a_meaning() -> None:
    assert text_map(tree_of(parse(DUMP), root_end=(1 << 32) - 1)) == MAP.strip("\n")


def test_a_tree_without_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a tree with at least one node, got none"):
        text_map(Resource(0, 0xFFFF))
