"""AddressSpace against brute force over a list kept in order of linking."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model.mm.address_space import AddressSpace, Mapped

ENTRIES = st.builds(
    lambda first, length, pid, start: Mapped(first, first + length, pid, start),
    st.integers(0, 40),
    st.one_of(st.integers(0, 3), st.integers(0, 40)),
    st.sampled_from(["p", "q"]),
    st.integers(0, 3).map(lambda n: n << 12),
)
STEPS = st.lists(st.tuples(st.booleans(), ENTRIES), max_size=25)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(0, 90), st.integers(0, 90))
def test_overlapping_equals_a_scan(steps: list[tuple[bool, Mapped]], a: int, b: int) -> None:
    """All VMAs that map a page of the range, in pgoff order."""
    space, linked = AddressSpace(), list[Mapped]()
    for link, entry in steps:
        if link:
            space.link(entry)
            linked.append(entry)
        elif linked:
            gone = linked.pop(entry.first % len(linked))
            space.unlink(gone)
    a, b = min(a, b), max(a, b)
    found = space.overlapping(a, b)
    assert sorted(found) == sorted(e for e in linked if e.first <= b and e.last >= a)
    assert [e.first for e in found] == sorted(e.first for e in found)
    assert sorted(space.value()) == sorted(linked)
    assert space.overlapping(0, 100) == list(space.value())


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=12), st.randoms(use_true_random=False))
def test_equal_values_walk_in_the_same_order(entries: list[Mapped], random: st.DrawFn) -> None:
    """Two address spaces that no walk can tell apart, and only those, have one value."""
    one, other = AddressSpace(), AddressSpace()
    for entry in entries:
        one.link(entry)
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for entry in shuffled:
        other.link(entry)
    assert (one.value() == other.value()) == (one.overlapping(0, 99) == other.overlapping(0, 99))


def test_a_twin_comes_after_its_parent() -> None:
    """At fork the child's VMA stands behind the parent's of the same offset."""
    space = AddressSpace()
    parent, child = Mapped(5, 8, "z", 0), Mapped(5, 8, "a", 0)
    space.link(parent)
    space.link(child)
    assert space.overlapping(6, 6) == [parent, child]


def test_unlink_of_what_is_not_linked() -> None:
    space = AddressSpace()
    space.link(Mapped(0, 3, "p", 0))
    with pytest.raises(ValueError, match="not in list"):
        space.unlink(Mapped(0, 2, "p", 0))


def test_a_copy_is_private() -> None:
    space = AddressSpace()
    space.link(Mapped(0, 3, "p", 0))
    twin = space.copy()
    twin.link(Mapped(1, 3, "p", 0))
    assert len(space.value()) == 1
    assert len(twin.value()) == 2
