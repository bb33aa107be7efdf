"""The space map, drawn and as text: order and nesting kept, nothing lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import MOST, size_of, space_map
from devmemkit.figures.svg import to_svg
from devmemkit.figures.text_map import text_map
from devmemkit.host.files import read
from devmemkit.model import flags as fl
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.machines import load_machine, recorded
from devmemkit.text.iomem import parse
from devmemkit.text.iomem_tree import tree_of
from tests.figures.pictures import column
from tests.samples import SAMPLES, needs_samples

# who reads without privileges gets zeroes for addresses: nothing to draw
DUMPS = [
    path
    for path in sorted((SAMPLES / "iomem").glob("*.txt"))
    if not path.stem.startswith("zeroed-")
]


def boxes(picture: Picture) -> list[tuple[float, float, float, float]]:
    return [(rect.left, rect.right, rect.top, rect.bottom) for rect in picture.marks.rects]


def in_order(picture: Picture, root: Resource) -> None:
    """Each node has a box, inside its parent's and below its elder sibling's."""
    nodes = list(root.walk())
    box = dict(zip(map(id, nodes), boxes(picture), strict=True))
    for node in nodes:
        left, right, top, bottom = box[id(node)]
        assert top < bottom
        if node.parent is not root and node.parent is not None:
            outer = box[id(node.parent)]
            assert outer[0] < left
            assert right < outer[1]
            assert outer[2] < top
            assert bottom < outer[3]
        elder = [box[id(one)] for one in (node.parent or root).children]
        for one, other in pairwise(elder):
            assert one[3] <= other[2]


@pytest.mark.parametrize("name", recorded())
def test_recorded_machines_are_drawn_whole(name: str) -> None:
    root = load_machine(name, KernelProfile("6.12"), state="bound")["iomem"]
    marked = next(node for node in root.walk() if node.name == "nvme")
    picture = space_map(name, root, marked=marked)
    in_order(picture, root)
    assert len(picture.marks.outlines) == 1
    assert {"ram", "claimed", "bus", "idle"} <= set(column(picture, "rects", "role"))
    assert "16 KiB" in column(picture, "texts", "text")
    to_svg(picture)


# other people's dumps, not ours to ship; the recorded machines above are always drawn
@needs_samples
@pytest.mark.parametrize("path", DUMPS or [Path()], ids=lambda path: path.stem)
def test_real_dumps_are_drawn_whole(path: Path) -> None:
    dump = parse(read(str(path)), source=path.name)
    bits = max(46, *(entry.end.bit_length() for entry in dump.entries))
    root = tree_of(dump, root_end=(1 << bits) - 1)
    picture = space_map(path.stem, root)
    in_order(picture, root)
    assert picture.height <= MOST + 120  # title, three rows of legend
    to_svg(picture)


def test_a_page_and_a_window_of_512_gib_stand_side_by_side() -> None:
    root = Resource(0, (1 << 46) - 1)
    for start, size, name in ((0x1000, 0x1000, "page"), (1 << 40, 512 << 30, "window")):
        node = Resource(start, start + size - 1, name, fl.IORESOURCE_MEM)
        node.parent = root
        root.children.append(node)
    picture = space_map("two", root)
    heights = [bottom - top for _, _, top, bottom in boxes(picture)]
    assert 1 < heights[1] / heights[0] < 4
    assert {"page", "window", "4 KiB", "512 GiB", "1024 GiB unused"} <= {
        *column(picture, "texts", "text")
    }


def test_thousands_of_regions_stay_within_a_page_that_scrolls() -> None:
    root = Resource(0, (1 << 46) - 1)
    for number in range(5000):
        node = Resource(number << 20, (number << 20) + 0xFFF, f"r{number}", fl.IORESOURCE_MEM)
        node.parent = root
        root.children.append(node)
    picture = space_map("many", root)
    assert picture.height <= MOST + 120  # title, three rows of legend
    assert len(boxes(picture)) == 5000


def test_markup_in_a_name_is_text_and_an_empty_tree_is_told() -> None:
    root = Resource(0, 0xFFFF)
    with pytest.raises(ValueError, match="nothing: expected a tree with at least one node"):
        space_map("nothing", root)
    node = Resource(0, 0xFFF, "<img src=x onerror=alert(1)>")
    node.parent = root
    root.children.append(node)
    assert "<img" not in to_svg(space_map("hostile", root))


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 B"), (4096, "4 KiB"), (64 << 20, "64 MiB"), (3 << 29, "1.5 GiB"), (1 << 60, "1 EiB")],
)
def test_sizes_are_in_the_largest_unit_that_they_fill(count: int, said: str) -> None:
    assert size_of(count) == said


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
