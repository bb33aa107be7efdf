"""Random sequences: the same from the same seed, well formed, playable on every kernel's model."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from devmemkit.lab.fuzz.conform import Pairs, pairs
from devmemkit.lab.fuzz.generate import LIFE, MIX, PROCESSES, Sequence, sequence, sequences
from devmemkit.lab.fuzz.places import FIRST, PLACES
from devmemkit.lab.guest.perform import requests
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import LABS
from devmemkit.scenarios.play import Act, Ref, play, processes
from tests.slow import slow_where

SOME = [*range(12), LIFE - 1]
RISKY = {"store", "write_devmem", "copy_to_user", "ptrace_poke"}


def drawn() -> list[Sequence]:
    return [sequence(7, index) for index in SOME]


def test_a_seed_gives_the_same_sequences() -> None:
    assert drawn() == drawn()
    assert sequence(7, 1).acts != sequence(8, 1).acts
    assert sequence(7, 1).acts != sequence(7, 2).acts


def test_recorded_sequences_stand_for_the_first_of_a_seed() -> None:
    recorded = (sequence(8, 0), sequence(8, 1))
    assert list(islice(sequences(7, recorded), 4)) == [*recorded, sequence(7, 2), sequence(7, 3)]


def test_every_kind_comes_up_and_a_guest_begins_and_ends_as_it_must() -> None:
    kinds = {sequence(1, index).kind for index in range(2 * LIFE)}
    assert kinds == set(MIX)
    assert [sequence(1, n * LIFE).kind for n in range(3)] == ["pmem"] * 3
    assert sequence(1, LIFE - 1).kind == "remove"


def test_acts_refer_to_earlier_ones_and_have_known_arguments() -> None:
    for one in drawn():
        known: set[str] = set()
        for act in one.acts:
            operation = OPERATIONS[act.operation]
            needed = {v.key for v in act.arguments.values() if isinstance(v, Ref)}
            assert needed | ({act.needs} if act.needs else set()) <= known
            assert set(operation.needs) <= set(act.arguments)
            assert set(act.arguments) <= {*operation.needs, *operation.defaults}
            assert act.key not in known
            known.add(act.key)
        assert processes(one.acts) == ["P", "Q"]
        assert len(requests(list(one.acts))) == len(one.acts)


@pytest.mark.parametrize(
    "version", slow_where(lambda one: one != "7.3", ["5.10", "6.1", "6.12", "6.18", "7.3"])
)
def test_every_sequence_plays_on_the_model(version: str) -> None:
    machine = before(PROCESSES, KernelProfile(version))
    seen: Pairs = Counter()
    for one in drawn():
        outcomes = play(machine, one.acts).outcomes
        seen += pairs(one.acts, outcomes)
        assert all(outcome.bug is None for outcome in outcomes.values())
    assert {operation for operation, _ in seen} >= {
        *("load", "store", "mmap_devmem", "mmap_resource", "mmap_proc_pci", "fork", "mremap"),
        *("munmap", "mprotect", "request_mem_region", "release_mem_region", "bind", "remove"),
    }
    assert ("load", "SIGBUS/BUS_ADRERR") in seen
    assert seen.total() > sum(len(one.acts) for one in drawn()) // 2  # the rest needs what failed


def test_where_a_device_can_be_hit_nothing_is_stored() -> None:
    for one in drawn():
        if one.kind in ("device", "bind", "remove"):
            assert not RISKY & {act.operation for act in one.acts}
            assert all(act.live for act in one.acts if act.operation == "load")
        else:
            assert not any(act.live for act in one.acts)


def test_claims_are_such_as_the_instrument_can_make_one_at_a_time() -> None:
    for one in drawn():
        held: list[str] = []
        for act in one.acts:
            if act.operation == "request_mem_region":
                assert not held
                held.append(act.key)
                assert act.arguments["size"] in range(16, (4 << 20) + 1, 2)
            elif act.operation == "release_mem_region":
                assert act.needs == held.pop()


@pytest.mark.parametrize("lab", LABS)
def test_windows_do_not_overlap_and_stay_in_their_memory(lab: str) -> None:
    places, on = PLACES[lab], LABS[lab]
    size = 16 << on.page_shift
    for number in (0, 1, places.count - 1):
        memory, bar, _ = places.windows(number)
        assert on.pmem + FIRST * size <= memory <= on.pmem_end - size
        assert bar + size <= on.ivshmem_bar + (64 << 20)
        assert places.to_clear(number) == ((memory, size), (bar, size))
    assert places.windows(1)[0] - places.windows(0)[0] == size
    assert places.count > LIFE, "shrinking needs fresh ones"


@pytest.mark.parametrize("lab", LABS)
def test_moved_acts_point_into_the_other_windows_and_nowhere_else(lab: str) -> None:
    places, on = PLACES[lab], LABS[lab]
    (memory, bar, _), (other, in_bar, _) = places.windows(3), places.windows(9)
    acts = (
        Act("a", "P", "read_devmem", {"pid": "P", "fd": 3, "count": 1, "offset": memory + 5}),
        Act("b", "P", "mmap_resource", {"pid": "P", "fd": 4, "length": 1, "offset": 0x1000}),
        Act("c", "D", "request_mem_region", {"start": bar + 16, "size": 16}),
        Act("d", "P", "mmap_resource", {"pid": "P", "fd": 4, "length": 1,
                                        "offset": bar - on.ivshmem_bar}),
        Act("e", "P", "open_resource", {"pid": "P", "bdf": on.ivshmem, "bar": 2}),
    )  # fmt: skip
    there = places.moved(acts, 3, 9)
    assert [act.arguments.get("offset", act.arguments.get("start")) for act in there] == [
        *(other + 5, 0x1000, in_bar + 16, in_bar - on.ivshmem_bar, None)
    ]
    assert places.moved(there, 9, 3) == acts


def test_on_arm64_accesses_are_aligned_and_below_the_address_bits_of_the_processor() -> None:
    """A processor refuses the one, and the kernel ends a process for the other."""
    seen = Counter[str]()
    for index in SOME:
        for act in sequence(7, index, "arm64").acts:
            if act.operation in ("load", "store", "copy_to_user", "copy_from_user"):
                assert act.arguments["address"].plus % 8 == 0, act
            if act.operation == "mmap_devmem":
                start = act.arguments["offset"]
                assert start < 1 << 44 or start >= 1 << 52, act
            seen[act.operation] += 1
    assert min(seen[name] for name in ("load", "store", "mmap_devmem", "copy_to_user")) > 30
    assert not any("port" in operation for operation in seen)
