"""Progress: whether a goal is always reached, and the two ways to miss it."""

from __future__ import annotations

import pytest

from devmemkit.explore.progress import must_come
from devmemkit.model.errors import Blocked
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Frame, Next, Return, lock, operation, unlock
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.questions import comes_up, has_come_up
from devmemkit.scenarios.races.scenario import Concurrent, Program
from tests.explore.toys import scenario


def test_two_adders_may_end_before_the_goal() -> None:
    adders = scenario("toy_add", "toy_add")
    assert must_come(adders, lambda m: m["count"] == 2).holds
    three = must_come(adders, lambda m: m["count"] == 3)
    assert (three.holds, three.stuck, three.states) == (False, "ends", 12)
    assert three.prefix[-1].machine["count"] == 2  # both read 1
    assert (three.line().count(" "), three.cycle) == (3, ())


def looping(first: str, second: str) -> Concurrent:
    """T0 takes and drops two locks forever, T1 once."""
    made = scenario("toy_locks", "toy_locks", first=first, second=second, alike=False)
    forever = Program((Act("act", "T0", "toy_locks", {"first": first, "second": second}),), again=0)
    return Concurrent("toy", made.machine, made.programs | {"T0": forever}, ())


def test_a_lock_taken_again_and_again_starves_a_waiting_task() -> None:
    """Weak fairness does not help a task that can take a step only now and then."""
    done = must_come(looping("a", "b"), lambda m: m.get(("program", "T1")) == (1, ()))
    assert (done.holds, done.stuck) == (False, "for ever")
    started = must_come(looping("a", "b"), lambda m: bool(m.get(("lock", "a"))))
    assert started.holds


def test_a_task_that_can_always_take_a_step_takes_one() -> None:
    made = scenario("toy_add", "toy_add", alike=False)
    forever = Program((Act("act", "T0", "toy_locks", {"first": "a", "second": "b"}),), again=0)
    both = Concurrent("toy", made.machine, made.programs | {"T0": forever}, ())
    assert must_come(both, lambda m: m["count"] == 2).holds


def may_take(m: View, f: Frame) -> Next:
    return None if m["mode"] else Return(0)


def take_a(m: View, f: Frame) -> Next:
    lock(m, f, "a")
    return None


def drop_a(m: View, f: Frame) -> Next:
    unlock(m, f, "a")
    return Return(0)


def change_mode(m: View, f: Frame) -> Next:
    m["mode"] = 1 - m["mode"]
    return Return(0)


def come(m: View, f: Frame) -> Next:
    if m.get(("lock", "a")):
        raise Blocked("a")
    m["goal"] = True
    return Return(0)


operation("toy_may_take", may_take, take_a, drop_a)
operation("toy_change_mode", change_mode)
operation("toy_come", come)


def test_the_cycle_that_is_shown_is_fair_to_a_task_that_it_keeps_waiting() -> None:
    """T1 could take its step in most states: a fair schedule blocks it again and again."""
    names = {"T0": "toy_may_take", "T1": "toy_come", "T2": "toy_change_mode"}
    programs = {
        task: Program((Act("act", task, name),), again=None if task == "T1" else 0)
        for task, name in names.items()
    }
    machine = Machine(KernelProfile("6.12"), {"clock": 0, "mode": 0})
    found = must_come(Concurrent("toy", machine, programs, ()), lambda m: bool(m.get("goal")))
    assert (found.holds, found.stuck) == (False, "for ever")
    assert any(step.machine.get(("lock", "a")) for step in found.cycle)


def test_a_bounded_search_decides_nothing() -> None:
    made = comes_up(KernelProfile("6.12"), "devmem", "comes back")
    assert must_come(made, has_come_up(made), 5).holds is None


def test_a_mapping_that_stays_keeps_a_driver_out_only_where_a_claim_can_be_refused() -> None:
    for policy, holds in (("RevokeAll", True), ("RefuseClaim", False), ("RevokeAfterGrace", True)):
        made = comes_up(KernelProfile("7.3", policy_name=policy), "devmem", "keeps")
        assert must_come(made, has_come_up(made)).holds is holds


@pytest.mark.parametrize("process", ["keeps", "comes back"])
def test_the_cycle_that_avoids_the_goal_returns_to_its_first_state(process: str) -> None:
    made = comes_up(KernelProfile("6.12", policy_name="RefuseClaim"), "devmem", process)
    progress = must_come(made, has_come_up(made))
    states = [step.machine for step in (*progress.prefix, *progress.cycle)]
    assert states[-1] == states[len(progress.prefix) - 1]
    assert not any(has_come_up(made)(View(machine)) for machine in states)
    # the schedule is fair: the driver always tries, the process takes steps if it has any
    turns = {step.task for step in progress.cycle}
    assert turns == ({"C0"} if process == "keeps" else {"C0", "U0"})
    assert " for ever " in progress.line()
    assert must_come(made, lambda m: True).line() == ""
