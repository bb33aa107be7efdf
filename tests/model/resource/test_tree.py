"""The resource tree beside a linear reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.resource.region import release_region, request_region
from devmemkit.model.resource.tree import Resource, release_resource, request_resource_conflict
from tests.model.machines import MEM, node

ROOT_END = 0x3F


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TYPE_BITS", 0x1F00),
        ("IO", 0x100),
        ("MEM", 0x200),
        ("PREFETCH", 0x2000),
        ("MUXED", 0x400000),
        ("EXT_TYPE_BITS", 0x1000000),
        ("SYSTEM_RAM", 0x1000200),
        ("EXCLUSIVE", 0x8000000),
        ("UNSET", 0x20000000),
        ("BUSY", 0x80000000),
    ],
)
def test_flag_values(name: str, value: int) -> None:
    assert getattr(fl, f"IORESOURCE_{name}") == value


def test_desc_values() -> None:
    assert (
        fl.IORES_DESC_NONE,
        fl.IORES_DESC_ACPI_TABLES,
        fl.IORES_DESC_ACPI_NV_STORAGE,
        fl.IORES_DESC_PERSISTENT_MEMORY,
        fl.IORES_DESC_PERSISTENT_MEMORY_LEGACY,
        fl.IORES_DESC_RESERVED,
        fl.IORES_DESC_SOFT_RESERVED,
    ) == (0, 2, 3, 4, 5, 7, 8)


def test_size_is_of_an_inclusive_range() -> None:
    """resource_size(r) = end - start + 1."""
    assert Resource(0x1000, 0x1FFF).size == 0x1000
    assert Resource(5, 5).size == 1


RANGES = st.tuples(st.integers(0, ROOT_END + 2), st.integers(0, 20)).map(lambda p: (p[0], sum(p)))


def small_tree() -> Resource:
    a = node(8, 15, "a", MEM, node(9, 10, "b"))
    return node(0, ROOT_END, "root", MEM, a, node(20, 29, "c"))


@pytest.mark.parametrize(("start", "end"), [(30, 29), (ROOT_END, ROOT_END + 1)])
def test_request_outside_gives_the_root(start: int, end: int) -> None:
    """End < start, or outside the root: the conflict is the root itself."""
    root = small_tree()
    assert request_resource_conflict(root, Resource(start, end)) is root


def test_request_below_the_root_start() -> None:
    """Start < root.start is outside too."""
    root = node(8, 15, "root")
    assert request_resource_conflict(root, Resource(7, 9)) is root
    assert request_resource_conflict(root, Resource(8, 15)) is None


def test_request_never_descends() -> None:
    """An idle child that has room for the range is a conflict all the same."""
    root = small_tree()
    assert request_resource_conflict(root, Resource(12, 13)) is root.children[0]
    assert request_resource_conflict(root, Resource(10, 25)) is root.children[0]  # the first
    new = Resource(16, 19, "gap")
    assert request_resource_conflict(root, new) is None
    assert [str(c.name) for c in root.children] == ["a", "gap", "c"]
    assert (new.parent, new.busy) == (root, False)


def test_a_claim_of_an_identical_range_becomes_the_child() -> None:
    root = small_tree()
    claim = request_region(root, 20, 10, "claim")
    assert claim.parent is root.children[1]


def test_release_takes_the_children_along() -> None:
    root = small_tree()
    a = root.children[0]
    release_resource(a)
    assert [c.name for c in root.children] == ["c"]
    assert [c.name for c in a.children] == ["b"]
    assert a.parent is None


@pytest.mark.parametrize("disjoint", [True, False])
def test_release_of_what_is_in_no_tree(disjoint: bool) -> None:
    """EINVAL, nothing changed: no parent, or one that has another node in its place."""
    root = small_tree()
    root.disjoint = disjoint
    stale = Resource(8, 15, "a")
    stale.parent = root
    before = root.value()
    for one in (Resource(8, 15, "a"), stale, root):
        with pytest.raises(KernelError) as caught:
            release_resource(one)
        assert caught.value.name == "EINVAL"
        assert root.value() == before


def naive_request(children: list[Resource], root: Resource, new: Resource) -> Resource | None:
    """__request_resource as a linear walk over the siblings."""
    if new.end < new.start or new.start < root.start or new.end > root.end:
        return root
    return next((c for c in children if c.end >= new.start and c.start <= new.end), None)


def check(root: Resource) -> None:
    """Siblings sorted and disjoint, children inside their parent and pointing to it."""
    for at in (root, *root.walk()):
        for left, right in zip(at.children, at.children[1:], strict=False):
            assert left.end < right.start
        for child in at.children:
            assert child.parent is at
            assert at.start <= child.start <= child.end <= at.end
        assert at.disjoint


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["request", "claim", "free", "release"]), RANGES),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(ACTIONS)
def test_any_sequence_keeps_the_tree_healthy(actions: list[tuple[str, tuple[int, int]]]) -> None:
    """The invariants hold; a failure changes nothing; success adds or removes one."""
    root = node(0, ROOT_END, "root")
    for number, (what, (start, end)) in enumerate(actions):
        before, size = root.value(), len(list(root.walk()))
        nodes = list(root.walk())
        pick = nodes[start % len(nodes)] if nodes else Resource(start, end)
        new = Resource(start, end, f"n{number}", MEM)
        expected = naive_request(root.children, root, new)
        try:
            if what == "request":
                assert request_resource_conflict(root, new) is expected
                size -= expected is not None
            elif what == "claim":
                assert request_region(root, start, end - start + 1, new.name).busy
            elif what == "free":
                freed = release_region(root, pick.start, pick.size)
                assert (freed is None) == (root.value() == before)
                size -= 0 if freed is None else 1 + len(list(freed.walk()))
            else:
                release_resource(pick)
                size -= 1 + len(list(pick.walk()))
        except KernelError:
            assert root.value() == before
        else:
            grown = what in ("request", "claim")
            assert len(list(root.walk())) == size + grown
        check(root)


@settings(deadline=None)
@given(st.lists(RANGES, max_size=12), RANGES)
def test_first_reaching_and_overlapping(spans: list[tuple[int, int]], query: Any) -> None:
    """The bisected look-ups equal a scan, in healthy and in damaged trees."""
    healthy = node(0, 99, "root")
    for span in spans:
        request_resource_conflict(healthy, Resource(*span))
    ordered = sorted(spans)
    damaged = node(0, 99, "root", MEM, *[Resource(*span) for span in ordered])
    damaged.disjoint = False
    for root in (healthy, damaged):
        found = [(c.start, c.end) for c in root.overlapping(*query)]
        wanted = [
            (c.start, c.end) for c in root.children if c.start <= query[1] and c.end >= query[0]
        ]
        assert found == wanted
        at = root.first_reaching(query[0])
        assert all(c.end < query[0] for c in root.children[:at])
        assert at == len(root.children) or root.children[at].end >= query[0]


def test_overlapping_siblings_are_found_without_bisection() -> None:
    """In a damaged tree an end may come before that of an earlier sibling."""
    root = node(0, 99, "root", MEM, node(10, 30, "wide"), node(12, 14, "inside"))
    root.disjoint = False
    assert [c.name for c in root.overlapping(20, 20)] == ["wide"]
    inside = root.children[1]
    release_resource(inside)
    assert [c.name for c in root.children] == ["wide"]


def test_copy_and_value() -> None:
    """A copy has the same value and shares no node."""
    root = small_tree()
    twin = root.copy()
    assert twin.value() == root.value()
    assert not {id(n) for n in twin.walk()} & {id(n) for n in root.walk()}
    twin.children[0].children[0].flags |= fl.IORESOURCE_BUSY
    assert twin.value() != root.value()
    assert twin.children[0].children[0].parent is twin.children[0]


def test_a_copy_of_a_damaged_tree_is_searched_as_one() -> None:
    root = node(0, 99, "root", MEM, node(10, 30, "wide"), node(12, 14, "inside"))
    root.disjoint = False
    assert [c.name for c in root.copy().overlapping(20, 20)] == ["wide"]
    assert small_tree().copy().disjoint
