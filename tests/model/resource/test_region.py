"""Claims and questions about regions: the kernel's answers, and references."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.resource.region import (
    DISJOINT,
    INTERSECTS,
    MIXED,
    Muxed,
    exclusive_owner,
    next_edge,
    region_intersects,
    release_region,
    request_region,
)
from devmemkit.model.resource.tree import Resource
from tests.model.machines import BUSY, MEM, PAGE, RAM, iomem, node

PMEM_LEGACY = fl.IORES_DESC_PERSISTENT_MEMORY_LEGACY
SYSRAM = fl.IORESOURCE_SYSRAM
MUXED = fl.IORESOURCE_MUXED
EXCLUSIVE = fl.IORESOURCE_EXCLUSIVE


def tree() -> Resource:
    return node(
        0,
        0xFFFF,
        "root",
        MEM,
        node(0x1000, 0x4FFF, "idle", MEM, node(0x2000, 0x3FFF, "inner", MEM, desc=5), desc=4),
        node(0x6000, 0x6FFF, "busy", BUSY, node(0x6100, 0x61FF, "idle in busy")),
        node(0x8000, 0x8FFF, "ram", MEM | SYSRAM),
    )


def names(at: Resource | None) -> list[str]:
    found = []
    while at is not None:
        found.append(at.name)
        at = at.parent
    return found


def test_claim_inherits_from_the_innermost_idle_container() -> None:
    """Type, ext type and desc of where it lands, plus BUSY."""
    root = tree()
    new = request_region(root, 0x2000, 0x800, "driver", EXCLUSIVE)
    assert names(new) == ["driver", "inner", "idle", "root"]
    assert (new.desc, new.flags) == (5, BUSY | EXCLUSIVE)
    ram = request_region(root, 0x8000, 0x100, "hot-added")
    assert (ram.flags, ram.desc) == (BUSY | SYSRAM, 0)
    free = request_region(root, 0x9000, 0x100, "free")
    assert (names(free), free.flags, free.desc) == (["free", "root"], BUSY, 0)
    assert request_region(node(0, 0xFFFF, "io", fl.IORESOURCE_IO), 0, 8, "p").flags == (
        fl.IORESOURCE_IO | fl.IORESOURCE_BUSY
    )


def test_claim_of_an_identical_idle_range_becomes_its_child() -> None:
    assert names(request_region(tree(), 0x2000, 0x2000, "driver"))[1] == "inner"


@pytest.mark.parametrize(
    ("start", "size", "conflict"),
    [
        (0x0800, 0x1000, "idle"),  # over the lower edge of an idle node
        (0x4800, 0x1000, "idle"),  # over its upper edge
        (0x1800, 0x1000, "inner"),  # over an inner edge
        (0x0, 0x7000, "idle"),  # covers nodes
        (0x6800, 0x1000, "busy"),
        (0x6100, 0x80, "busy"),  # an idle node below a busy one is not reached
        (0x6000, 0x1000, "busy"),
        (0x9000, 0, "root"),
        (0xFF00, 0x200, "root"),  # outside the root
    ],
)
def test_claim_straddling_an_edge_or_busy_fails(start: int, size: int, conflict: str) -> None:
    """EBUSY with the conflict; the tree is unchanged."""
    root = tree()
    before = root.value()
    with pytest.raises(KernelError) as caught:
        request_region(root, start, size, "driver")
    assert caught.value.name == "EBUSY"
    assert caught.value.conflict is not None
    assert caught.value.conflict.endswith(f" : {conflict}")
    assert root.value() == before


def test_claim_next_to_edges_succeeds() -> None:
    """The control of the straddling claims: one byte less and it fits."""
    root = tree()
    assert names(request_region(root, 0x0800, 0x800, "a"))[1:] == ["root"]
    assert names(request_region(root, 0x4000, 0x1000, "b"))[1:] == ["idle", "root"]
    assert names(request_region(root, 0x7000, 0x1000, "c"))[1:] == ["root"]


@pytest.mark.parametrize(
    ("held", "wanted", "waits"),
    [(MUXED, MUXED, True), (MUXED, 0, False), (0, MUXED, False), (0, 0, False)],
)
def test_muxed_waits_only_when_both_are_muxed(held: int, wanted: int, waits: bool) -> None:
    """conflict.flags & flags & MUXED."""
    root = tree()
    first = request_region(root, 0x1000, 0x100, "a", held)
    expected: type[Muxed] | type[KernelError] = Muxed if waits else KernelError
    with pytest.raises(expected) as caught:
        request_region(root, 0x1000, 0x100, "b", wanted)
    if isinstance(caught.value, Muxed):
        assert caught.value.parent.name == "idle"  # the retry goes on from here
    else:
        assert isinstance(caught.value, KernelError)
        assert caught.value.conflict == str(first)


def test_release_takes_the_exact_busy_range_alone() -> None:
    """Idle containers are entered, inexact ranges stop."""
    root = tree()
    before = root.value()
    held = request_region(root, 0x2000, 0x1000, "driver")
    claimed = root.value()
    for start, size in [(0x2000, 0x800), (0x2000, 0x2000), (0x2800, 0x10), (0x5000, 0x1000)]:
        assert release_region(root, start, size) is None
        assert root.value() == claimed
    assert release_region(root, 0x2000, 0x1000) is held
    assert root.value() == before
    assert release_region(root, 0x2000, 0x1000) is None


def test_release_does_not_free_idle_nodes_and_loses_children() -> None:
    """The node "inner" is idle, hence nonexistent; a busy node's children go with it."""
    root = tree()
    assert release_region(root, 0x2000, 0x2000) is None
    busy = release_region(root, 0x6000, 0x1000)
    assert busy is not None
    assert [c.name for c in busy.children] == ["idle in busy"]
    assert "idle in busy" not in [n.name for n in root.walk()]


def test_release_of_an_inner_busy_range_below_an_equal_idle_one() -> None:
    """An idle node of the same range is descended into."""
    root = tree()
    held = request_region(root, 0x2000, 0x2000, "driver")
    assert release_region(root, 0x2000, 0x2000) is held


@pytest.mark.parametrize(
    ("start", "size", "answer"),
    [
        (0x0, 0x1000, DISJOINT),  # a hole
        (0x1000, 0x1000, INTERSECTS),
        (0x0800, 0x1000, INTERSECTS),  # holes do not count
        (0x1000, 0x3000, MIXED),
        (0x3000, 0x1000, DISJOINT),
        (0x2FFF, 0x2, MIXED),
        (0x5000, 0x1000, INTERSECTS),  # matching descendants cover the other node's part
        (0x5000, 0x2000, MIXED),  # they cover the first page of it only
        (0x7000, 0x1000, MIXED),  # a descendant that does not begin at the left
        (0x7800, 0x800, INTERSECTS),  # but here it covers the part asked for
    ],
)
def test_region_intersects(start: int, size: int, answer: str) -> None:
    """Intersections with the descendant rule."""
    root = node(
        0,
        0xFFFF,
        "root",
        MEM,
        node(0x1000, 0x2FFF, "ram", RAM),
        node(0x3000, 0x3FFF, "mem", MEM),
        node(0x5000, 0x6FFF, "cxl", MEM, node(0x5000, 0x5FFF, "ram", RAM)),
        node(0x7000, 0x7FFF, "cxl", MEM, node(0x7800, 0x7FFF, "ram", RAM)),
    )
    assert region_intersects(root, start, size, fl.IORESOURCE_SYSTEM_RAM) == answer


def test_region_intersects_by_desc() -> None:
    """Desc NONE matches all, another only itself."""
    root = iomem()
    assert region_intersects(root, 0x4000_0000, PAGE, MEM) == INTERSECTS
    assert region_intersects(root, 0x4000_0000, PAGE, MEM, PMEM_LEGACY) == INTERSECTS
    assert region_intersects(root, 0x4000_0000, PAGE, MEM, 4) == DISJOINT


NODES = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.integers(0, 6),
        st.sampled_from([MEM, BUSY, BUSY | EXCLUSIVE, RAM, RAM | EXCLUSIVE, MEM | SYSRAM]),
        st.sampled_from([0, 4]),
    ),
    max_size=10,
)


def grown(specs: list[tuple[int, int, int, int]], unit: int) -> Resource:
    """A healthy tree of nested nodes: each spec goes as deep as it fits."""
    root = node(0, 20 * unit - 1, "root")
    for index, (at, length, flags, desc) in enumerate(specs):
        start, end = at * unit, (at + length) * unit + unit - 1
        parent, fits = root, end <= root.end
        while fits:
            around = list(parent.overlapping(start, end))
            if not around:
                new = node(start, end, f"n{index}", flags, desc=desc)
                new.parent = parent
                parent.children = sorted([*parent.children, new], key=lambda c: c.start)
                break
            fits = around[0].start <= start and around[0].end >= end
            parent = around[0]
    return root


def naive_intersects(root: Resource, start: int, size: int, flags: int, desc: int) -> str:
    """Byte by byte: a top-level node's part is excused when the matching nodes below it
    cover all of it; holes do not count."""
    wanted = set(range(start, start + size))

    def bytes_of(r: Resource) -> set[int]:
        return set(range(r.start, r.end + 1)) & wanted

    def matches(r: Resource) -> bool:
        return r.flags & flags == flags and (desc in (0, r.desc))

    found = other = False
    for top in root.children:
        if not bytes_of(top):
            continue
        inside = [r for r in top.walk() if matches(r) and bytes_of(r)]
        if matches(top):
            found = True
            continue
        found = found or bool(inside)
        if not bytes_of(top) <= set().union(*map(bytes_of, inside)):
            other = True
    return DISJOINT if not found else MIXED if other else INTERSECTS


@settings(max_examples=300, deadline=None)
@given(NODES, st.integers(0, 60), st.integers(1, 30), st.sampled_from([0, 4]))
def test_region_intersects_equals_bytes(specs: Any, start: int, size: int, desc: int) -> None:
    root = grown(specs, 3)
    found = region_intersects(root, start, size, fl.IORESOURCE_SYSTEM_RAM, desc)
    assert found == naive_intersects(root, start, size, fl.IORESOURCE_SYSTEM_RAM, desc)


@settings(max_examples=300, deadline=None)
@given(NODES, st.integers(0, 63), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_exclusive_owner_equals_a_scan(
    specs: Any, at: int, strict: bool, io_strict: bool, rule: bool, damaged: bool
) -> None:
    """The first qualifying node in pre-order that overlaps any byte of the page."""
    root = grown(specs, PAGE // 2)
    if damaged:
        for each in (root, *root.walk()):
            each.disjoint = False
    page = at * PAGE // 4 & ~(PAGE - 1)

    def qualifies(r: Resource) -> bool:
        both = fl.IORESOURCE_SYSTEM_RAM | EXCLUSIVE
        busy = strict and r.busy and (io_strict or bool(r.flags & EXCLUSIVE))
        forever = rule and r.flags & both == both
        return r.start < page + PAGE and r.end >= page and (forever or busy)

    wanted = next(filter(qualifies, root.walk()), None)
    given_ = {"strict": strict, "io_strict": io_strict, "sysram_rule": rule}
    assert exclusive_owner(root, page, **given_) is wanted


@pytest.mark.parametrize(
    ("flags", "strict", "io_strict", "rule", "blocked"),
    [
        (MEM, True, True, True, False),
        (BUSY, True, True, False, True),
        (BUSY, True, False, True, False),
        (BUSY | EXCLUSIVE, True, False, False, True),
        (BUSY | EXCLUSIVE, True, True, False, True),
        (MEM | EXCLUSIVE, True, True, True, False),
        (BUSY | EXCLUSIVE, False, True, True, False),
        (BUSY, False, True, True, False),
        (MEM | SYSRAM | EXCLUSIVE, False, False, True, True),
        (MEM | SYSRAM | EXCLUSIVE, True, True, False, False),
    ],
)
def test_truth_table(flags: int, strict: bool, io_strict: bool, rule: bool, blocked: bool) -> None:
    """The rules for System RAM and for busy nodes."""
    root = node(0, 0xFFFF, "root", MEM, node(0x1800, 0x1803, "few bytes", flags))
    config = {"strict": strict, "io_strict": io_strict, "sysram_rule": rule}
    assert bool(exclusive_owner(root, 0x1000, **config)) == blocked
    assert exclusive_owner(root, 0x2000, **config) is None
    assert exclusive_owner(root, 0, **config) is None


@settings(max_examples=300, deadline=None)
@given(NODES, st.integers(0, 70), st.booleans())
def test_next_edge_equals_a_scan(specs: Any, address: int, damaged: bool) -> None:
    root = grown(specs, 3)
    if damaged:
        for each in (root, *root.walk()):
            each.disjoint = False
    edges = {edge for r in root.walk() for edge in (r.start, r.end + 1) if edge > address}
    assert next_edge(root, address) == min(edges, default=None)
