"""The resource tree against the facts (sections 1.1 to 1.7) and a linear reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.region import release_region, request_region
from devmemkit.model.resource import (
    Resource,
    insert_resource,
    insert_resource_conflict,
    release_resource,
    remove_resource,
    request_resource,
    request_resource_conflict,
    resource_intersection,
    resource_overlaps,
    resource_union,
)
from tests.model.machines import BUSY, MEM, node

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
    """Facts 1.2."""
    assert getattr(fl, f"IORESOURCE_{name}") == value


def test_desc_values() -> None:
    """Facts 1.2."""
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
    """Facts 1.1: resource_size(r) = end - start + 1."""
    assert Resource(0x1000, 0x1FFF).size == 0x1000
    assert Resource(5, 5).size == 1


RANGES = st.tuples(st.integers(0, ROOT_END + 2), st.integers(0, 20)).map(lambda p: (p[0], sum(p)))


@settings(deadline=None)
@given(RANGES, RANGES)
def test_union_and_intersection(a: tuple[int, int], b: tuple[int, int]) -> None:
    """Facts 1.1: interval overlap alone; None when the two do not overlap, even when they touch."""
    one, two = set(range(a[0], a[1] + 1)), set(range(b[0], b[1] + 1))
    left, right = Resource(*a, flags=MEM), Resource(*b, flags=fl.IORESOURCE_IO)
    assert resource_overlaps(left, right) == bool(one & two)
    common = (min(one & two), max(one & two)) if one & two else None
    assert resource_intersection(left, right) == common
    assert resource_union(left, right) == (common and (min(one | two), max(one | two)))


def small_tree() -> Resource:
    a = node(8, 15, "a", MEM, node(9, 10, "b"))
    return node(0, ROOT_END, "root", MEM, a, node(20, 29, "c"))


@pytest.mark.parametrize(("start", "end"), [(30, 29), (ROOT_END, ROOT_END + 1)])
def test_request_outside_gives_the_root(start: int, end: int) -> None:
    """Facts 1.3: end < start, or outside the root: the conflict is the root itself."""
    root = small_tree()
    assert request_resource_conflict(root, Resource(start, end)) is root
    with pytest.raises(KernelError) as caught:
        request_resource(root, Resource(start, end))
    assert (caught.value.name, caught.value.errno, caught.value.conflict) == ("EBUSY", 16, root)


def test_request_below_the_root_start() -> None:
    """Facts 1.3: start < root.start is outside too."""
    root = node(8, 15, "root")
    assert request_resource_conflict(root, Resource(7, 9)) is root
    assert request_resource_conflict(root, Resource(8, 15)) is None


def test_request_never_descends() -> None:
    """Facts 1.3: an idle child that has room for the range is a conflict all the same."""
    root = small_tree()
    assert request_resource_conflict(root, Resource(12, 13)) is root.children[0]
    assert request_resource_conflict(root, Resource(10, 25)) is root.children[0]  # the first
    new = Resource(16, 19, "gap")
    request_resource(root, new)
    assert [str(c.name) for c in root.children] == ["a", "gap", "c"]
    assert (new.parent, new.busy) == (root, False)


def test_insert_of_an_identical_range_becomes_the_parent() -> None:
    """Facts 1.4 step 4, checklist 2; a claim of the same range becomes the child instead."""
    root = small_tree()
    old = root.children[1]
    new = Resource(20, 29, "new")
    insert_resource(root, new)
    assert (new.parent, new.children, old.parent) == (root, [old], new)
    other = small_tree()
    below = request_region(other, 20, 10, "claim")
    assert below.parent is other.children[1]


def test_insert_descends_into_a_strict_cover_even_a_busy_one() -> None:
    """Facts 1.4 steps 3 and 5: BUSY is irrelevant."""
    root = node(0, ROOT_END, "root", MEM, node(8, 15, "a", BUSY, node(9, 10, "b", BUSY)))
    insert_resource(root, Resource(8, 11, "new"))
    new = root.children[0].children[0]
    assert (new.name, new.children[0].name, new.children[0].parent) == ("new", "b", new)


@pytest.mark.parametrize(("start", "end", "cut"), [(12, 17, "a"), (7, 25, "c"), (18, 20, "c")])
def test_insert_refuses_to_cut(start: int, end: int, cut: str) -> None:
    """Facts 1.4 step 5: the first sibling that sticks out is the conflict; nothing changes."""
    root = small_tree()
    before = root.value()
    with pytest.raises(KernelError) as caught:
        insert_resource(root, Resource(start, end))
    assert caught.value.name == "EBUSY"
    assert caught.value.conflict is not None
    assert caught.value.conflict.name == cut
    assert root.value() == before


def test_insert_that_does_not_fit_and_double_insertion() -> None:
    """Facts 1.4 step 2."""
    root = small_tree()
    assert insert_resource_conflict(root, Resource(0, ROOT_END + 1)) is root
    twice = root.children[1]
    assert insert_resource_conflict(root, twice) is twice


def test_remove_lifts_the_children_and_release_takes_them() -> None:
    """Facts 1.4 (remove_resource), 1.7 (release_resource); EINVAL when in no tree."""
    root = small_tree()
    a, b = root.children[0], root.children[0].children[0]
    remove_resource(a)
    assert [c.name for c in root.children] == ["b", "c"]
    assert (b.parent, a.parent, a.children) == (root, None, [])
    for undo in (remove_resource, release_resource):
        with pytest.raises(KernelError) as caught:
            undo(a)
        assert (caught.value.name, caught.value.errno) == ("EINVAL", 22)
    other = small_tree()
    a = other.children[0]
    release_resource(a)
    assert [c.name for c in other.children] == ["c"]
    assert [c.name for c in a.children] == ["b"]


def naive_request(children: list[Resource], root: Resource, new: Resource) -> Resource | None:
    """__request_resource as facts 1.3 tells it: a linear walk over the siblings."""
    if new.end < new.start or new.start < root.start or new.end > root.end:
        return root
    return next((c for c in children if c.end >= new.start and c.start <= new.end), None)


def check(root: Resource) -> None:
    """Facts 1.1: siblings sorted and disjoint, children inside their parent and pointing to it."""
    for at in (root, *root.walk()):
        for left, right in zip(at.children, at.children[1:], strict=False):
            assert left.end < right.start
        for child in at.children:
            assert child.parent is at
            assert at.start <= child.start <= child.end <= at.end
        assert at.disjoint


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["request", "insert", "claim", "free", "release", "remove"]), RANGES),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(ACTIONS)
def test_any_sequence_keeps_the_tree_healthy(actions: list[tuple[str, tuple[int, int]]]) -> None:
    """Facts 1.1: the invariants hold; a failure changes nothing; success adds or removes one."""
    root = node(0, ROOT_END, "root")
    for number, (what, (start, end)) in enumerate(actions):
        before, size = root.value(), len(list(root.walk()))
        nodes = list(root.walk())
        pick = nodes[start % len(nodes)] if nodes else Resource(start, end)
        new = Resource(start, end, f"n{number}", MEM)
        expected = naive_request(root.children, root, new)
        try:
            if what == "request":
                request_resource(root, new)
                assert expected is None
            elif what == "insert":
                insert_resource(root, new)
            elif what == "claim":
                assert request_region(root, start, end - start + 1, new.name).busy
            elif what == "free":
                freed = release_region(root, pick.start, pick.size)
                assert (freed is None) == (root.value() == before)
                size -= 0 if freed is None else 1 + len(list(freed.walk()))
            elif what == "release":
                release_resource(pick)
                size -= 1 + len(list(pick.walk()))
            else:
                remove_resource(pick)
                size -= 1
        except KernelError as error:
            assert root.value() == before
            failed = error.conflict
            assert what != "request" or failed is expected
        else:
            grown = what in ("request", "insert", "claim")
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


def test_insert_and_remove_carry_the_mark_of_overlapping_siblings() -> None:
    """Nodes that a damaged tree's siblings become children of are searched without bisection."""
    root = node(0, 99, "root", MEM, node(10, 30, "wide"), node(12, 14, "inside"))
    root.disjoint = False
    new = Resource(5, 40, "new")
    assert insert_resource_conflict(root, new) is None
    assert [c.name for c in new.overlapping(20, 20)] == ["wide"]
    root.disjoint = True
    remove_resource(new)
    assert [c.name for c in root.overlapping(20, 20)] == ["wide"]


def test_copy_and_value() -> None:
    """A copy has the same value and shares no node."""
    root = small_tree()
    twin = root.copy()
    assert twin.value() == root.value()
    assert not {id(n) for n in twin.walk()} & {id(n) for n in root.walk()}
    twin.children[0].children[0].flags |= fl.IORESOURCE_BUSY
    assert twin.value() != root.value()
    assert twin.children[0].children[0].parent is twin.children[0]
