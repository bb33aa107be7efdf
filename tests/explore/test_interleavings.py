"""Counting orders: against all of them written out, and told apart by what commutes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devmemkit.explore.check import searched
from devmemkit.explore.interleavings import Orders, orders
from devmemkit.explore.learn import Leaf
from devmemkit.explore.system import System
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.boot import attribute_creation
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent
from tests.explore.toys import scenario

Order = tuple[tuple[int, Leaf], ...]


def written_out(system: System, state: int) -> Iterator[Order]:
    ended = True
    for task, tree in enumerate(system.trees):
        leaf = tree.at(state)
        if leaf.said is not None:
            ended = False
            for rest in written_out(system, state & leaf.keep | leaf.put):
                yield ((task, leaf), *rest)
    if ended:
        yield ()


def normal(order: Order) -> tuple[tuple[int, int], ...]:
    """The same for two orders that do not differ: each step as early as it may come."""
    depth: list[int] = []
    for at, (task, leaf) in enumerate(order):
        before = [
            depth[other]
            for other in range(at)
            if order[other][0] == task or not commute(order[other][1], leaf)
        ]
        depth.append(1 + max(before, default=0))
    count: dict[int, int] = {}
    steps = []
    for (task, _), level in zip(order, depth, strict=True):
        count[task] = count.get(task, 0) + 1
        steps.append((level, task, count[task]))
    return tuple((level, task) for level, task, _ in sorted(steps))


def commute(one: Leaf, other: Leaf) -> bool:
    touches = [set(leaf.reads) | set(leaf.writes) for leaf in (one, other)]
    return not set(one.writes) & touches[1] and not set(other.writes) & touches[0]


@pytest.mark.parametrize(
    "made",
    [
        scenario("toy_add", "toy_add"),
        scenario("toy_think", "toy_think", times=2),
        mmap_vs_claim(KernelProfile("6.12")),
        mmap_vs_claim(KernelProfile("7.3")),
        claim_vs_release(KernelProfile("6.12")),
        attribute_creation(KernelProfile("6.12")),
    ],
    ids=["add", "think", "6.12", "7.3", "release", "attributes"],
)
def test_the_numbers_are_those_of_all_orders_written_out(made: Concurrent) -> None:
    system, _ = searched(made, partial_order=False, symmetry=False, asks=False)
    every = list(written_out(system, system.start))
    assert orders(made) == Orders(len(every), len({normal(order) for order in every}))


def test_many_orders_of_which_few_differ() -> None:
    found = orders(mmap_vs_claim(KernelProfile("7.3"), users=2))
    assert found == Orders(41_521_369_918, 2_630)


def test_what_cannot_be_counted_is_none() -> None:
    assert orders(mmap_vs_claim(KernelProfile("6.12", policy_name="RevokeAfterGrace"))) is None
    assert orders(mmap_vs_claim(KernelProfile("6.12"), users=3, rounds=2)) is None
