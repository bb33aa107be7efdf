"""The races of a claim with a read or write: which repair closes them, by search of all orders."""

from __future__ import annotations

import pytest

from devmemkit.explore.check import explore, explore_each
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.repairs import COPY_REPAIRS
from devmemkit.scenarios.races.catalogue import COPIES, concurrent
from devmemkit.scenarios.races.copies import NO_WAIT, UNCHANGED, UNSEEN, write_vs_claim

ALL = ("5.10", "6.1", "6.12", "6.18", "7.3")
KEEPS = {"write-vs-claim": UNCHANGED, "read-vs-claim": UNSEEN}
CLOSED = {
    "write-vs-claim": {"bounce-locked", "hold-lock"},
    "read-vs-claim": {"recheck", "bounce-locked", "hold-lock"},
}
WAITS = {"hold-lock"}


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("repair", ["", *COPY_REPAIRS])
@pytest.mark.parametrize("name", COPIES)
def test_what_a_repair_closes_and_whether_a_claim_then_waits(
    name: str, repair: str, version: str
) -> None:
    made = concurrent(name, KernelProfile(version, repair=repair))
    results = explore_each(made)
    assert results.keys() == {KEEPS[name], NO_WAIT}
    assert (results[KEEPS[name]].verdict == "not-found") == (repair in CLOSED[name])
    assert (results[NO_WAIT].verdict == "found") == (repair in WAITS)
    assert all(not result.vacuous for result in results.values())
    assert explore(made).verdict == ("not-found" if repair in CLOSED[name] - WAITS else "found")


@pytest.mark.parametrize(("name", "repair"), [
    ("write-vs-claim", "bounce-locked"), ("read-vs-claim", "bounce-locked"),
    ("read-vs-claim", "recheck"),
])  # fmt: skip
def test_several_threads_change_nothing(name: str, repair: str) -> None:
    for version in ("5.10", "7.3"):
        made = concurrent(name, KernelProfile(version, repair=repair), tasks=3)
        found = explore(made)
        assert (found.verdict, found.vacuous) == ("not-found", ())
    assert explore(concurrent(name, KernelProfile("7.3"), tasks=3)).verdict == "found"


def test_a_recheck_of_a_write_comes_too_late() -> None:
    """The store lands in the claimed region before the recheck refuses the write."""
    example = explore(write_vs_claim(KernelProfile("7.3", repair="recheck"))).counterexample
    assert example is not None
    copy, last = example.steps[-2:]
    assert (copy.task, copy.step) == ("U0", "copy_page")
    assert last.task == "C0"
    assert last.outcome is not None
    assert last.outcome.value == 1


def test_only_a_repair_that_checks_after_the_wait_takes_the_choice_from_the_process() -> None:
    """With bounce the race stays, but between two steps that do not wait."""
    for repair in ("", "bounce"):
        example = explore(write_vs_claim(KernelProfile("7.3", repair=repair))).counterexample
        assert example is not None
        steps = [step.step for step in example.steps]
        assert steps.index("check_page") < steps.index("insert") < steps.index("copy_page")
        waits = "fill_bounce" if repair else "copy_page"
        assert (steps.index(waits) < steps.index("check_page")) == (repair == "bounce")


def test_a_repair_of_another_operation_is_refused() -> None:
    says = r"^repair: expected one of recheck, bounce, .* for write-vs-claim; got 'fault'$"
    with pytest.raises(ValueError, match=says):
        concurrent("write-vs-claim", KernelProfile("6.12", repair="fault"))
    says = r"^repair: expected one of link-first, .* for mmap-vs-claim; got 'bounce'$"
    with pytest.raises(ValueError, match=says):
        concurrent("mmap-vs-claim", KernelProfile("6.12", repair="bounce"))
