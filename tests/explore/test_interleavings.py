"""Counts of interleavings, compared with a list of all of them and their normal forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devmemkit.explore.interleavings import Orders, orders
from devmemkit.explore.learn import Leaf
from devmemkit.explore.search import search
from devmemkit.explore.system import System
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Frame, Next, Return, operation
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.boot import attribute_creation
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent, Program
from tests.explore.toys import scenario

Order = tuple[tuple[int, Leaf], ...]


def written_out(system: System, state: int) -> Iterator[Order]:
    ended = True
    for task, tree in enumerate(system.trees):
        leaf = tree.at(state)
        if leaf.result is not None:
            ended = False
            for rest in written_out(system, state & leaf.keep | leaf.put):
                yield ((task, leaf), *rest)
    if ended:
        yield ()


def normal(order: Order) -> tuple[tuple[int, int], ...]:
    """The normal form, equal for equivalent interleavings: each step as early as possible."""
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
    accesses = [set(leaf.reads) | set(leaf.writes) for leaf in (one, other)]
    return not set(one.writes) & accesses[1] and not set(other.writes) & accesses[0]


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
def test_the_counts_equal_those_of_all_interleavings_listed(made: Concurrent) -> None:
    system, _ = search(made)
    every = list(written_out(system, system.space.start))
    assert orders(made) == Orders(len(every), len({normal(order) for order in every}))


def test_many_interleavings_of_which_few_differ() -> None:
    found = orders(mmap_vs_claim(KernelProfile("7.3"), users=2))
    assert found == Orders(41_521_369_918, 2_630)


def test_a_scenario_that_cannot_be_counted_gives_none() -> None:
    assert orders(mmap_vs_claim(KernelProfile("6.12", policy_name="RevokeAfterGrace"))) is None
    assert orders(mmap_vs_claim(KernelProfile("6.12"), users=3, rounds=2)) is None


def until_done(m: View, f: Frame) -> Next:
    return None if m.get("done") else until_done


def finish(m: View, f: Frame) -> Next:
    m["done"] = True
    return Return(0)


operation("toy_poll", until_done, finish)
operation("toy_finish", finish)


def test_a_step_that_leads_back_to_its_own_state_is_a_loop() -> None:
    programs = {
        task: Program((Act("act", task, name),))
        for task, name in (("T0", "toy_poll"), ("T1", "toy_finish"))
    }
    made = Concurrent("toy", Machine(KernelProfile("6.12"), {"clock": 0}), programs, ())
    assert orders(made) is None
