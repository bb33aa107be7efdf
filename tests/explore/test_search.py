"""Learned steps equal the model's steps, and symmetry keeps one state of each class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explore.independence import FootprintGrew
from devmemkit.explore.pack import LayoutChanged, Space
from devmemkit.explore.search import SearchResult, breadth_first, search
from devmemkit.explore.symmetry import Symmetry
from devmemkit.explore.system import CLOCK, System, started
from devmemkit.model.errors import Blocked
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View, value_of
from devmemkit.model.step import step_in
from devmemkit.scenarios.races.catalogue import ORDERS, concurrent
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent, Property, proceed


def searched(
    made: Concurrent, *, alike: bool = False, partial_order: bool = False
) -> tuple[System, SearchResult, Symmetry]:
    system = System(made, made.alike, partial_order=partial_order)
    while True:
        try:
            return system, breadth_first(system, symmetry=alike), Symmetry(system.space)
        except (LayoutChanged, FootprintGrew):
            system.restart()


def two(version: str, **more: object) -> Concurrent:
    kernel = KernelProfile(version, policy_name=more.pop("policy", None))  # type: ignore[arg-type]
    made = mmap_vs_claim(kernel, pages=1, claimed=1, **more)  # type: ignore[arg-type]
    return replace(made, properties=())


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_every_learned_step_equals_the_models_step(version: str) -> None:
    system, found, _ = searched(two(version, users=2))
    for state in found.parent:
        machine = system.space.unpack(state)
        assert system.space.pack(machine) == state
        learned = dict(system.successors(state))
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
    classes = {symmetry.canonical(state) for state in whole.parent}
    assert all(symmetry.canonical(state) == state for state in classes)
    other, less, _ = searched(made, alike=True)
    there = [system.space.pack(other.space.unpack(state)) for state in less.parent]
    assert sorted(map(symmetry.canonical, there)) == sorted(classes)
    assert len(less.parent) < len(whole.parent)


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_merged_steps_lead_to_the_same_ends(version: str) -> None:
    whole, all_states, _ = searched(two(version, users=2))
    less, some, _ = searched(two(version, users=2), partial_order=True)
    assert len(some.parent) < len(all_states.parent)
    assert {less.space.unpack(state) for state in some.ends} == {
        whole.space.unpack(state) for state in all_states.ends
    }
    states = {whole.space.unpack(state) for state in all_states.parent}
    assert {less.space.unpack(state) for state in some.parent} <= states


def test_the_clock_can_advance_whenever_a_task_waits_for_it() -> None:
    system, found, _ = searched(two("6.12", policy="RevokeAfterGrace"))
    passing = [state for state in found.parent if CLOCK in dict(system.successors(state))]
    assert passing
    busy = [state for state in passing if len(system.successors(state)) > 1]
    assert busy, "the process can still go on while the claim waits"


def test_a_full_field_is_widened() -> None:
    made = two("6.12", users=2)
    space = Space(started(made), made.alike)
    wide = space.field("clock")[1]
    for tick in range(1, wide):
        space.number("clock", tick)
    with pytest.raises(LayoutChanged):
        space.number("clock", wide)
    space.lay_out()
    assert space.field("clock")[1] > wide
    assert space.unpack(space.pack(space.machine)) == space.machine


def test_a_component_of_a_task_alike_must_not_name_another() -> None:
    made = two("6.12", users=2)
    space = Space(started(made), made.alike)
    with pytest.raises(ValueError, match=r"^files U0: expected no task alike but U0, got U1$"):
        space.number(("files", "U0"), ("U0", "U1"))


def test_where_an_entry_of_a_set_names_two_tasks_a_class_keeps_several_states() -> None:
    """Both cycles show each task the same; exchanging two tasks turns one cycle into the other."""
    made = two("6.12", users=3)
    machine = started(made)
    cycles = [
        (("U0", "U1"), ("U1", "U2"), ("U2", "U0")),
        (("U0", "U2"), ("U1", "U0"), ("U2", "U1")),
    ]

    def kept(values: list[Any]) -> int:
        space = Space(machine, made.alike)
        machines = [machine.with_({"memtype": value}) for value in values]
        while True:
            try:
                states = [space.pack(one) for one in machines]
                return len(set(map(Symmetry(space).canonical, states)))
            except LayoutChanged:
                space.lay_out()

    assert kept(cycles) == 2
    assert kept([(("U0", 0), ("U1", 1), ("U2", 2)), (("U0", 2), ("U1", 0), ("U2", 1))]) == 1


def test_a_case_is_learned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    anew = System.restart

    def restart(system: System) -> None:
        seen.clear()
        anew(system)

    def watch(m: View) -> bool:
        seen.append(value_of(m["iomem"]))
        return True

    made = mmap_vs_claim(KernelProfile("6.12"), users=2, drivers=2)
    asked = replace(made, properties=(Property("always", "the tree is there", watch),))
    monkeypatch.setattr(System, "restart", restart)
    system, _ = search(asked, symmetry=True, check="each")
    leaves = system.properties["always"]["the tree is there"].leaves
    assert len(leaves) == len(seen) == len(set(seen)) > 1


@pytest.mark.parametrize("name", ORDERS)
def test_no_property_and_no_step_tells_tasks_alike_apart(name: str) -> None:
    """A search with symmetry asks them in one state of those that differ only in names."""
    tasks = 3 if name == "muxed-claims" else 2  # so that two drivers wait for the third
    made = concurrent(name, KernelProfile("6.12"), tasks=tasks)
    system, found, symmetry = searched(made)

    def successors(state: int) -> list[int]:
        return sorted(symmetry.canonical(after) for _, after in system.successors(state))

    moved = [(state, symmetry.canonical(state)) for state in found.parent]
    alike = any(len(group) > 1 for group in made.alike)
    assert any(state != other for state, other in moved) is alike
    for state, other in moved:
        assert successors(state) == successors(other)
        for kind in ("always", "at end", "sometimes"):
            assert system.broken(state, kind) == system.broken(other, kind)


@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", ORDERS)
def test_each_case_of_merged_steps_is_found_only_where_its_values_are(
    name: str, symmetry: bool
) -> None:
    made = concurrent(name, KernelProfile("6.12"), tasks=2)
    system, found = search(made, partial_order=True, symmetry=symmetry)
    for state in found.parent:
        for tree in system.trees:
            tree.cache.clear()
            reads = tree.at(state).reads
            assert reads == {key: system.space.number_in(state, key) for key in reads}
