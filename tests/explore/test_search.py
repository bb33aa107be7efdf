"""What was learned is what the steps do, and what symmetry leaves out is left out rightly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.explore.pack import Relaid, Space
from devmemkit.explore.search import Searched, search
from devmemkit.explore.symmetry import Symmetry
from devmemkit.explore.system import CLOCK, System, started
from devmemkit.model.errors import Blocked
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.step import step_in
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent, proceed


def searched(
    made: Concurrent, *, alike: bool = False, merge: bool = False
) -> tuple[System, Searched, Symmetry]:
    space = Space(started(made), made.alike)
    system = System(made, space, merge=merge)
    while True:
        try:
            return system, search(system, symmetry=alike), Symmetry(space)
        except Relaid:
            system.relearn()


def two(version: str, **more: object) -> Concurrent:
    kernel = KernelProfile(version, policy_name=more.pop("policy", None))  # type: ignore[arg-type]
    made = mmap_vs_claim(kernel, pages=1, claimed=1, **more)  # type: ignore[arg-type]
    return replace(made, properties=())


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_every_learned_step_is_the_models_own(version: str) -> None:
    system, found, _ = searched(two(version, users=2))
    for state in found.before:
        machine = system.space.unpack(state)
        assert system.space.pack(machine) == state
        learned = dict(system.moves(state))
        for number, task in enumerate(system.tasks):
            m = View(machine)
            if machine.get(("stack", task)) is None:
                assert number not in learned
                continue
            try:
                step_in(m, task)
            except Blocked:
                assert number not in learned
                continue
            if m.get(("stack", task)) is None:
                proceed(m, task, system.scenario.programs[task])
            assert system.space.unpack(learned[number]) == machine.with_(m.writes)


@pytest.mark.parametrize(
    "made",
    [
        two("6.12", users=2, rounds=2),
        two("7.3", users=2, drivers=2),
        two("6.12", users=3),
        two("5.10", users=2, drivers=2),
        two("6.12", users=2, policy="RevokeAfterGrace"),
        two("7.3", via="sysfs", users=2),
    ],
    ids=["two rounds", "7.3", "three users", "5.10", "grace", "sysfs"],
)
def test_symmetry_keeps_one_of_each_class_and_loses_none(made: Concurrent) -> None:
    system, whole, symmetry = searched(made)
    classes = {symmetry.canonical(state) for state in whole.before}
    assert all(symmetry.canonical(state) == state for state in classes)
    other, less, _ = searched(made, alike=True)
    there = [system.space.pack(other.space.unpack(state)) for state in less.before]
    assert sorted(map(symmetry.canonical, there)) == sorted(classes)
    assert len(less.before) < len(whole.before)


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_merged_steps_reach_the_same_ends(version: str) -> None:
    whole, all_states, _ = searched(two(version, users=2))
    less, some, _ = searched(two(version, users=2), merge=True)
    assert len(some.before) < len(all_states.before)
    assert {less.space.unpack(state) for state in some.ends} == {
        whole.space.unpack(state) for state in all_states.ends
    }
    states = {whole.space.unpack(state) for state in all_states.before}
    assert {less.space.unpack(state) for state in some.before} <= states


def test_time_may_pass_at_any_moment_somebody_waits_for_it() -> None:
    system, found, _ = searched(two("6.12", policy="RevokeAfterGrace"))
    passing = [state for state in found.before if CLOCK in dict(system.moves(state))]
    assert passing
    busy = [state for state in passing if len(system.moves(state)) > 1]
    assert busy, "the process can still go on while the claim waits"


def test_fields_grow_with_what_they_hold() -> None:
    made = two("6.12", users=2)
    space = Space(started(made), made.alike)
    wide = space.mask["clock"]
    for tick in range(1, wide):
        space.number("clock", tick)
    with pytest.raises(Relaid):
        space.number("clock", wide)
    space.relay()
    assert space.mask["clock"] > wide
    assert space.unpack(space.pack(space.machine)) == space.machine
