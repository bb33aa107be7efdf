"""explore: verdicts, state counts, shortest counterexamples; no reduction changes a verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explore import public
from devmemkit.explore.check import Result, explore, explore_each
from devmemkit.explore.counterexample import replay
from devmemkit.explore.search import search
from devmemkit.model.errors import Blocked
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile, Noted
from devmemkit.model.machine import View
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.boot import early_claim
from devmemkit.scenarios.races.catalogue import ORDERS, concurrent
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim, muxed_claims
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.questions import lose_unnoticed
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property
from tests.explore.toys import scenario

NO_LOST_UPDATE = Property("at end", "no update is lost", lambda m: m["count"] == 3)
WAYS = [(True, True), (True, False), (False, True), (False, False)]


def test_the_states_of_two_adders_are_those_counted_by_hand() -> None:
    """Each adder is before, between or after its two steps; after both, the count is 2 or 3."""
    result = explore(scenario("toy_add", "toy_add"), partial_order=False, symmetry=False)
    # nobody began; one is between (2 states), or both; one is behind, and the other did not begin
    # (2), read before (2), or after it (2); both are behind, the count is 2 or 3
    assert (result.verdict, result.states, result.ends) == ("not-found", 12, 2)
    alike = explore(scenario("toy_add", "toy_add"), partial_order=False)
    assert (alike.verdict, alike.states, alike.ends) == ("not-found", 8, 2)


def test_a_lost_update_is_found_by_its_shortest_order() -> None:
    result = explore(scenario("toy_add", "toy_add", properties=(NO_LOST_UPDATE,)))
    assert result.verdict == "found"
    example = result.counterexample
    assert example is not None
    assert example.broken == "no update is lost"
    assert sorted(example.line().split()[:2]) == ["T0:read_count", "T1:read_count"]
    assert len(example.steps) == 4
    assert example.steps[-1].machine["count"] == 2
    assert json.loads(json.dumps(result.to_dict()))["counterexample"]["line"] == example.line()


def test_a_deadlock_is_a_finding() -> None:
    made = scenario("toy_locks", "toy_locks", first="a", second="b", alike=False)
    assert explore(made).verdict == "not-found"
    swapped = Program((Act("act", "T1", "toy_locks", {"first": "b", "second": "a"}),))
    result = explore(replace(made, programs=made.programs | {"T1": swapped}))
    assert result.counterexample is not None
    assert result.counterexample.broken == "deadlock"
    assert sorted(result.counterexample.line().split()) == ["T0:take_first", "T1:take_first"]


def test_steps_that_no_other_task_can_observe_are_merged() -> None:
    thinkers = scenario("toy_think", "toy_think", properties=(NO_LOST_UPDATE,), alike=False)
    quiet = replace(thinkers, properties=())
    whole, less = explore(quiet, partial_order=False), explore(quiet)
    assert (whole.ends, less.ends) == (2, 2)
    assert less.states < whole.states / 2
    assert [explore(thinkers, partial_order=way).verdict for way in (True, False)] == ["found"] * 2


def test_a_bounded_search_is_not_a_proof() -> None:
    made = replace(mmap_vs_claim(KernelProfile("6.12"), users=2), properties=())
    result = explore(made, 50)
    assert (result.verdict, result.bound) == ("bounded", "50 states")
    assert explore(made).verdict == "not-found"


def test_states_that_were_found_and_not_searched_do_not_count() -> None:
    """Not even when one of them breaks a property."""
    made = mmap_vs_claim(KernelProfile("6.12"))
    system, found = search(made, 64, check="each")
    assert found.bound
    assert found.unvisited > 0
    assert any(system.broken(state, "always") for state in found.parent)
    result = explore(made, 64, partial_order=False)
    assert (result.verdict, result.states) == ("bounded", len(found.parent) - found.unvisited)
    assert (
        result.words == f"undecided: not violated in the {found.states} states that were searched"
    )


def test_a_bounded_search_does_not_say_what_never_happens() -> None:
    result = explore(concurrent("mmap-vs-claim", KernelProfile("6.12")), 10)
    assert result.vacuous
    assert result.words.startswith("undecided: ")


def test_a_proof_stands_though_the_search_for_what_never_happens_stops_at_a_bound() -> None:
    never = Property("sometimes", "the count is 9", lambda m: m["count"] == 9)
    thinkers = scenario("toy_think", "toy_think", properties=(never,), alike=False)
    whole = explore(thinkers, partial_order=False)
    less = explore(thinkers, whole.states - 1)
    assert (less.verdict, less.bound, less.vacuous) == ("not-found", "", (never.name,))
    assert less.states < whole.states


def test_only_reductions_that_can_reduce_are_named() -> None:
    assert explore(mmap_vs_claim(KernelProfile("6.12"))).reductions == ()
    assert explore(mmap_vs_claim(KernelProfile("6.12"), users=2)).reductions == ("symmetry",)
    repaired = mmap_vs_claim(KernelProfile("6.12", repair="recheck"))
    assert explore(repaired).reductions == ("partial order",)
    each = explore_each(mmap_vs_claim(KernelProfile("6.12")))
    assert {result.reductions for result in each.values()} == {()}


def test_one_search_for_all_properties_makes_one_state_of_tasks_alike() -> None:
    two = mmap_vs_claim(KernelProfile("6.12"), users=2)
    counts = {
        symmetry: len(search(two, symmetry=symmetry, check="each")[1].parent)
        for symmetry in (False, True)
    }
    assert counts[True] < counts[False]
    assert {result.states for result in explore_each(two).values()} == {counts[True]}


def test_a_result_for_json_has_its_time_to_a_tenth_of_a_millisecond() -> None:
    made = Result("not-found", 1, 0, 1.23456789, None)
    assert made.to_dict()["seconds"] == 1.2346
    assert made.to_dict()["ends"] == 0


def test_a_vacuous_result_says_so() -> None:
    never = Property("sometimes", "the count is 9", lambda m: m["count"] == 9)
    reached = Property("sometimes", "the count is 3", lambda m: m["count"] == 3)
    result = explore(scenario("toy_add", "toy_add", properties=(never, reached)))
    assert (result.verdict, result.vacuous) == ("not-found", ("the count is 9",))


def test_each_property_says_when_it_is_vacuous() -> None:
    """As explore() does; a broken property is not vacuous."""
    never = Property("sometimes", "the count is 9", lambda m: m["count"] == 9)
    reached = Property("sometimes", "the count is 3", lambda m: m["count"] == 3)
    holds = Property("always", "the count is small", lambda m: m["count"] < 5)
    asked = (never, reached, holds, NO_LOST_UPDATE)
    each = explore_each(scenario("toy_add", "toy_add", properties=asked))
    alone = explore(scenario("toy_add", "toy_add", properties=(never, reached, holds)))
    assert list(each) == [holds.name, NO_LOST_UPDATE.name]
    assert each[holds.name].vacuous == alone.vacuous == ("the count is 9",)
    assert each[NO_LOST_UPDATE.name].vacuous == ()


def test_a_property_by_itself_may_read_a_component_that_no_step_accesses() -> None:
    made = lose_unnoticed(KernelProfile("6.12"), "devmem")
    (each,) = explore_each(made).values()
    assert each.verdict == explore(made).verdict == "found"


SMALL = [
    mmap_vs_claim(KernelProfile(version, policy_name=policy), via=via, users=users, drivers=drivers)
    for version, policy in (("4.5", None), ("5.10", None), ("6.12", None), ("7.3", None),
                            ("6.12", "RefuseClaim"), ("6.12", "RevokeAfterGrace"),
                            ("6.12", "DenyIdle"))
    for via in ("devmem", "sysfs")
    for users, drivers in ((1, 1), (2, 1), (1, 2))
] + [
    claim_vs_release(KernelProfile(version), via=via, rogue=rogue)
    for version in ("5.10", "7.3")
    for via in ("devmem", "sysfs")
    for rogue in (True, False)
] + [
    made
    for version in ("5.10", "7.3")
    for made in (
        muxed_claims(KernelProfile(version), drivers=3),
        early_claim(KernelProfile(version), drivers=2),
        nd_pmem(KernelProfile(version), users=2),
    )
]  # fmt: skip


@pytest.mark.parametrize("made", SMALL, ids=lambda made: str(made.machine.kernel))
def test_no_reduction_changes_a_verdict(made: Concurrent) -> None:
    results = [explore(made, partial_order=order, symmetry=alike) for order, alike in WAYS]
    assert len({result.verdict for result in results}) == 1
    assert len({result.vacuous for result in results}) == 1
    examples = [result.counterexample for result in results]
    assert len({len(example.steps) if example else 0 for example in examples}) == 1
    assert len({example.broken if example else "" for example in examples}) == 1


def test_a_schedule_is_replayed_unless_a_task_waits() -> None:
    made = mmap_vs_claim(KernelProfile("6.12"))
    example = explore(made).counterexample
    assert example is not None
    tasks = [step.task for step in example.steps]
    assert replay(made, tasks)[-1].machine == example.steps[-1].machine
    blocked = mmap_vs_claim(KernelProfile("5.10"))
    order = ["U0"] * 7 + ["C0"] * 3 + ["U0"]
    replay(blocked, order[:-1])
    with pytest.raises(Blocked, match="i_mmap"):
        replay(blocked, order)
    with pytest.raises(ValueError, match=r"^time: expected a task that waits for a tick"):
        replay(made, ["time"])


def test_the_same_input_gives_the_same_result() -> None:
    def once() -> dict[str, object]:
        result = explore(mmap_vs_claim(KernelProfile("7.3"), users=2)).to_dict()
        return {key: value for key, value in result.items() if key != "seconds"}

    assert once() == once()


@pytest.mark.parametrize(
    ("version", "tasks", "states"),
    [("6.1", 1, 60), ("6.12", 1, 60), ("7.3", 1, 80), ("5.10", 2, 200), ("7.3", 2, 300)],
)
def test_a_violation_stands_though_the_search_for_its_shortest_path_stops_at_a_bound(
    version: str, tasks: int, states: int
) -> None:
    """Its path is then that of merged steps: longer, and it ends in the violation all the same."""
    made = mmap_vs_claim(KernelProfile(version), users=tasks)
    unbounded = explore(made)
    assert (unbounded.verdict, unbounded.bound) == ("found", "")
    bounded = explore(made, states)
    assert (bounded.verdict, bounded.bound) == ("found", f"{states} states")
    assert unbounded.counterexample is not None
    longer = bounded.counterexample
    assert longer is not None
    assert longer.broken == unbounded.counterexample.broken
    assert len(longer.steps) >= len(unbounded.counterexample.steps)
    assert replay(made, [step.task for step in longer.steps]) == longer.steps
    (broken,) = (one for one in made.properties if one.name == longer.broken)
    assert not broken.holds(View(longer.steps[-1].machine))


def test_a_search_whose_last_level_passes_the_bound_is_complete() -> None:
    made = mmap_vs_claim(KernelProfile("7.3"))
    _, whole = search(made)
    _, exact = search(made, len(whole.parent))
    assert exact.bound == ""
    _, less = search(made, 1)
    assert less.bound == "1 states"


def test_one_task_of_each_kind_is_the_default() -> None:
    asked = public.explore("mmap-vs-claim", kernel="7.3")
    assert asked.states == explore(mmap_vs_claim(KernelProfile("7.3"))).states


def test_what_one_kernel_was_asked_for_is_never_taken_for_anothers() -> None:
    """A cache by kernel would else give the second a result, and it would note nothing."""
    first, second = Noted("7.3"), Noted("7.3")
    assert len({first, second}) == 2


@pytest.mark.parametrize("name", ORDERS)
def test_a_search_depends_on_its_kernel_only_by_what_it_asks_for(name: str) -> None:
    kernel = Noted("7.3")
    result = explore(concurrent(name, kernel)).to_dict()
    kernels = map(KernelProfile, VERSIONS)
    alike = next(k for k in kernels if all(k[f] == v for f, v in kernel.asked.items()))
    assert alike.version != kernel.version
    assert explore(concurrent(name, alike)).to_dict() | {"seconds": result["seconds"]} == result


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"verdict": "not-found"}, "holds on all 7 states"),
        ({"verdict": "not-found", "vacuous": ("x",)}, "never put to the test: no state in which x"),
        ({"verdict": "bounded", "bound": "6 states", "vacuous": ("x",)},
         "undecided: not violated in the 7 states that were searched"),
    ],
)  # fmt: skip
def test_a_verdict_in_words(made: dict[str, Any], words: str) -> None:
    assert Result(states=7, transitions=9, seconds=0.1, counterexample=None, **made).words == words
