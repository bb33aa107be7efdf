"""Steps are merged only where no other task can observe it, however others reach a component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from devmemkit.explore.search import search
from devmemkit.model.errors import Blocked
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Frame, Next, Return, operation
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.scenario import Concurrent, Program


def look_into(m: View, f: Frame) -> Next:
    f.seen = m["box", f.pid]
    return None


def put_one_more(m: View, f: Frame) -> Next:
    m["box", f.pid] = f.seen + 1
    return None


def put_up(m: View, f: Frame) -> Next:
    m["board"] = (*m["board"], f.pid)
    return Return(0)


def double_all(m: View, f: Frame) -> Next:
    """Doubles the box of everybody on the board."""
    for pid in m["board"]:
        m["box", pid] = 2 * m["box", pid]
    return Return(0)


def double_any(m: View, f: Frame) -> Next:
    """Doubles a box whether its owner is on the board or not."""
    m["box", f.whose] = 2 * m["box", f.whose]
    return Return(0)


def put_up_another(m: View, f: Frame) -> Next:
    m["board"] = (*m["board"], f.whose)
    return Return(0)


operation("toy_fill", look_into, put_one_more, put_up, needs=("pid",))
operation("toy_double_all", double_all)
operation("toy_double_any", double_any, needs=("whose",))
operation("toy_put_up_another", put_up_another, needs=("whose",))


def filling(*others: str) -> Concurrent:
    """T0 fills its box in two steps, then puts its name on the board, beside the other tasks."""
    acts = {"T0": Act("act", "T0", "toy_fill", {"pid": "T0"})} | {
        task: Act("act", task, name, {"whose": "T0"} if name != "toy_double_all" else {})
        for task, name in zip(("T1", "T2"), others, strict=False)
    }
    parts = {"clock": 0, "board": (), ("box", "T0"): 1}
    machine = Machine(KernelProfile("6.12"), parts)
    programs = {task: Program((act,)) for task, act in acts.items()}
    return Concurrent("toy", machine, programs, ())


def ends_and_states(made: Concurrent, *, merged: bool) -> tuple[set[Machine], int]:
    made = replace(made, properties=())
    system, found = search(made, partial_order=merged)
    return {system.space.unpack(state) for state in found.ends}, len(found.parent)


@pytest.mark.parametrize(
    ("others", "boxes", "states"),
    [
        (("toy_double_all",), {2, 4}, (9, 7)),
        (("toy_double_any",), {2, 3, 4}, (13, 9)),
        (("toy_put_up_another", "toy_double_all"), {2, 3, 4, 8}, (25, 25)),
    ],
    ids=["through the board", "past the board", "put up by another"],
)
def test_a_box_is_private_until_the_name_of_its_owner_escapes(
    others: tuple[str, ...], boxes: set[int], states: tuple[int, int]
) -> None:
    whole, many = ends_and_states(filling(*others), merged=False)
    less, few = ends_and_states(filling(*others), merged=True)
    assert {end["box", "T0"] for end in whole} == boxes
    assert less == whole
    assert (many, few) == states


def choose(m: View, f: Frame) -> Next:
    if not m.get("go"):
        m["flag", f.pid] = False
    return None


def announce(m: View, f: Frame) -> Next:
    m["seen"] = 1
    return None


def fill_if(m: View, f: Frame) -> Next:
    if not m["flag", f.pid]:
        m["box", f.pid] = m["box", f.pid] + 1
    return None


def go_1(m: View, f: Frame) -> Next:
    m["go"] = 1
    return None


def go_2(m: View, f: Frame) -> Next:
    m["go"] = 2
    return None


def double_seen(m: View, f: Frame) -> Next:
    m.get("seen")
    return double_all(m, f)


operation("toy_choose", choose, announce, fill_if, put_up, needs=("pid",))
operation("toy_double_seen", go_1, go_2, double_seen)


def test_what_a_merged_step_reads_is_noted_in_the_order_of_reading() -> None:
    """Whether T0 fills its box depends on T1, and only if it does the board matters for it."""
    parts = {"clock": 0, "board": (), ("box", "T0"): 1, ("flag", "T0"): True}
    programs = {
        "T0": Program((Act("act", "T0", "toy_choose", {"pid": "T0"}),)),
        "T1": Program((Act("act", "T1", "toy_double_seen"),)),
    }
    made = Concurrent("toy", Machine(KernelProfile("6.12"), parts), programs, ())
    whole, _ = ends_and_states(made, merged=False)
    less, _ = ends_and_states(made, merged=True)
    assert less == whole


def sleep(m: View, f: Frame) -> Next:
    if m["clock"] < 10:
        raise Blocked("sleep", until=10)
    return Return(0)


def look_at_the_clock(m: View, f: Frame) -> Next:
    f.before = m["clock"]
    return None


def look_again(m: View, f: Frame) -> Next:
    m["took"] = m["clock"] - f.before
    return Return(0)


operation("toy_sleep", sleep)
operation("toy_time", look_at_the_clock, look_again)


def test_the_clock_can_advance_between_two_steps_that_read_it() -> None:
    acts = {"T0": Act("act", "T0", "toy_sleep", {}), "T1": Act("act", "T1", "toy_time", {})}
    programs = {task: Program((act,)) for task, act in acts.items()}
    made = Concurrent("toy", Machine(KernelProfile("6.12"), {"clock": 0}), programs, ())
    whole, _ = ends_and_states(made, merged=False)
    less, _ = ends_and_states(made, merged=True)
    assert {end["took"] for end in whole} == {0, 10}
    assert less == whole


def go(m: View, f: Frame) -> Next:
    m["go"] = True
    return None


def look(m: View, f: Frame) -> Next:
    return Return(m["box", "T1"])


def fill_mine(m: View, f: Frame) -> Next:
    wait_for_go(m)
    m["box", "T1"] = 2
    return Return(0)


def lower(m: View, f: Frame) -> Next:
    m["flag"] = 0
    return Return(0)


def raise_flag(m: View, f: Frame) -> Next:
    wait_for_go(m)
    m["flag"] = 1
    return Return(0)


def wait_for_go(m: View) -> None:
    if not m.get("go"):
        raise Blocked("go")


operation("toy_look", go, look)
operation("toy_fill_mine", fill_mine)
operation("toy_lower", go, lower)
operation("toy_raise", raise_flag)


@pytest.mark.parametrize(
    ("first", "second", "of", "seen"),
    [
        (
            "toy_look",
            "toy_fill_mine",
            lambda end: dict(end["program", "T0"][1])["act"].value,
            {1, 2},
        ),
        ("toy_lower", "toy_raise", lambda end: end["flag"], {0, 1}),
    ],
    ids=["what another task owns is read", "the value that is there is written"],
)
def test_a_step_is_not_merged_though_it_changes_nothing(
    first: str, second: str, of: Callable[[Machine], int], seen: set[int]
) -> None:
    parts = {"clock": 0, "flag": 0, ("box", "T1"): 1}
    programs = {
        "T0": Program((Act("act", "T0", first),), keep=("act",)),
        "T1": Program((Act("act", "T1", second),)),
    }
    made = Concurrent("toy", Machine(KernelProfile("6.12"), parts), programs, ())
    whole, _ = ends_and_states(made, merged=False)
    less, _ = ends_and_states(made, merged=True)
    assert {of(end) for end in whole} == seen
    assert less == whole


def take_the_lock(m: View, f: Frame) -> Next:
    if m.get("held"):
        raise Blocked("held")
    m["held"] = True
    m["inside", f.actor] = 1
    return None


def wait_for_my_turn(m: View, f: Frame) -> Next:
    if not m.get("turn"):
        raise Blocked("turn")
    m["turn"] = None
    return None


def drop_the_lock(m: View, f: Frame) -> Next:
    m["held"] = m["inside", f.actor] = None
    return None


def read_the_count(m: View, f: Frame) -> Next:
    f.seen = m["count"]
    return None


def write_the_count(m: View, f: Frame) -> Next:
    m["count"] = f.seen + 1
    return Return(0)


def give_a_turn(m: View, f: Frame) -> Next:
    if not m.get("held") or m.get("turn"):
        raise Blocked("give")
    m["turn"] = True
    return Return(0)


operation(
    "toy_count",
    *(take_the_lock, wait_for_my_turn, drop_the_lock, read_the_count, write_the_count),
    seen=0,
)
operation("toy_give", give_a_turn)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("symmetry", [False, True])
def test_what_one_of_two_tasks_alike_does_the_other_does(symmetry: bool, merged: bool) -> None:
    """The two count behind a lock; the one that holds it is always the last of the two in order."""
    gives = tuple(Act(key, "H", "toy_give") for key in ("one", "two"))
    programs = {task: Program((Act("act", task, "toy_count"),)) for task in ("U0", "U1")}
    machine = Machine(KernelProfile("6.12"), {"clock": 0, "count": 5})
    made = Concurrent("toy", machine, programs | {"H": Program(gives)}, (), (("U0", "U1"),))
    system, found = search(made, partial_order=merged, symmetry=symmetry)
    assert {system.space.unpack(state)["count"] for state in found.ends} == {6, 7}


@pytest.mark.parametrize(
    "made",
    [
        *(
            mmap_vs_claim(KernelProfile(version), via=via, users=users, drivers=drivers, rounds=2,
                          pages=1, claimed=1)
            for version in ("5.10", "6.12", "6.18", "7.3")
            for via in ("devmem", "sysfs")
            for users, drivers in ((1, 2), (2, 1))
        ),
        *(
            mmap_vs_claim(KernelProfile("6.12", repair=repair), users=2)
            for repair in ("link-first", "recheck", "fault", "hold-rmap")
        ),
        *(claim_vs_release(KernelProfile(version), drivers=2) for version in ("5.10", "7.3")),
        *(nd_pmem(KernelProfile(version)) for version in ("6.12", "7.3")),
    ],
    ids=lambda made: f"{made.name} {made.machine.kernel} {len(made.programs)}",
)  # fmt: skip
def test_merged_steps_end_in_the_same_states(made: Concurrent) -> None:
    whole, many = ends_and_states(made, merged=False)
    less, few = ends_and_states(made, merged=True)
    assert less == whole
    assert few < many or made.name == "claim-vs-release"  # every step of it is seen by others
