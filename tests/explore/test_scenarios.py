"""Results of the named scenarios: verdicts, counterexamples, exact state counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.explore.check import Result, explore
from devmemkit.explore.search import search
from devmemkit.explore.system import started
from devmemkit.model.errors import Blocked
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.step import step_in
from devmemkit.scenarios.races.boot import attribute_creation, early_claim
from devmemkit.scenarios.races.catalogue import ORDERS, concurrent
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim, muxed_claims
from devmemkit.scenarios.races.one_bar import PAGES, START
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.properties import reaches
from devmemkit.scenarios.races.scenario import Concurrent, Property, proceed

REACHED = "nobody reaches what a driver has claimed"
CHECK_TO_MEM = "U0:do_mmap U0:valid_mmap_phys_addr_range U0:range_is_allowed U0:range_is_allowed"


def only(made: Concurrent, name: str) -> Concurrent:
    """The scenario with one of its properties and all "sometimes" properties."""
    kept = (one for one in made.properties if one.kind == "sometimes" or one.name == name)
    return replace(made, properties=tuple(kept))


def settled(result: Result) -> str:
    """The verdict of a result that is not vacuous."""
    assert result.vacuous == ()
    return result.verdict


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "6.18"])
def test_a_mapping_survives_between_populate_and_link(version: str) -> None:
    example = explore(mmap_vs_claim(KernelProfile(version))).counterexample
    assert example is not None
    assert example.broken == REACHED
    assert " U0:remap_pfn_range C0:insert C0:both_ends C0:zap_begin C0:zap U0:vma_link_file" in (
        example.line()
    )


def naive(made: Concurrent) -> int:
    """The number of states, counted by a plain search on machines, without the explorer.

    No claim of these scenarios waits for the clock.
    """
    seen = {started(made)}
    todo = list(seen)
    while todo:
        machine = todo.pop()
        for task, program in made.programs.items():
            m = View(machine)
            try:
                if machine.get(("stack", task)) is None:
                    continue
                step_in(m, task)
            except Blocked:
                continue
            if m.get(("stack", task)) is None:
                proceed(m, task, program)
            after = machine.with_(m.writes)
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen)


def whole(made: Concurrent) -> int:
    """The number of states of a search without reductions or properties."""
    _, found = search(made)
    return len(found.parent)


def test_the_smallest_races_have_these_numbers_of_states() -> None:
    for via, numbers in (("devmem", [33, 72, 72, 99]), ("sysfs", [24, 48, 54, 54])):
        made = [mmap_vs_claim(KernelProfile(v), via=via) for v in ("4.5", "5.10", "6.12", "7.3")]
        assert [whole(one) for one in made] == [naive(one) for one in made] == numbers


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_state_counts_equal_those_of_a_plain_search_on_machines(version: str) -> None:
    kernel = KernelProfile(version)
    for made in (
        mmap_vs_claim(kernel, users=2, pages=1, claimed=1),
        claim_vs_release(kernel),
        early_claim(kernel),
        attribute_creation(kernel, buses=2),
        muxed_claims(kernel),
        nd_pmem(kernel),
    ):
        assert whole(made) == naive(made), made.name


@pytest.mark.parametrize(
    ("repair", "verdict"),
    [("link-first", "found"), ("recheck", "not-found"), ("fault", "not-found"),
     ("hold-rmap", "found")],
)  # fmt: skip
@pytest.mark.parametrize("via", ["devmem", "sysfs"])
@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_which_repairs_close_the_race(version: str, via: str, repair: str, verdict: str) -> None:
    made = mmap_vs_claim(KernelProfile(version, repair=repair), via=via, users=2)
    result = explore(made)
    assert settled(result) == verdict
    if result.counterexample:
        assert result.counterexample.broken == REACHED


def survivors(version: str, via: str, claimed: int) -> list[bool]:
    """For each page of the claim: whether it can be reached although it was claimed."""
    made = mmap_vs_claim(KernelProfile(version), via=via, claimed=claimed)
    found = []
    for page in range(claimed):
        asked = _never_reached(made, page)
        found.append(explore(replace(made, properties=(asked,))).verdict == "found")
    return found


def _never_reached(made: Concurrent, page: int) -> Property:
    owned = next(one for one in made.properties if one.name == "a claim has succeeded").holds
    start = START + page * 4096
    return Property(
        "always",
        f"page {page} is not reached",
        lambda m: not (owned(m) and reaches(m, "U0", made.programs["U0"], start, 4096)),
    )


@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_every_page_of_a_claim_can_survive(version: str) -> None:
    assert survivors(version, "devmem", PAGES) == [True, True]
    assert survivors(version, "sysfs", PAGES) == [True, True]
    assert survivors(version, "devmem", 1) == [True]


@pytest.mark.parametrize(("version", "verdict"), [("6.12", "not-found"), ("7.3", "found")])
def test_whole_mappings_survive_whole_or_not_at_all_where_the_link_comes_last(
    version: str, verdict: str
) -> None:
    made = mmap_vs_claim(KernelProfile(version))
    pages = [_never_reached(made, page) for page in range(PAGES)]
    torn = Property("always", "no mapping is torn", lambda m: len({p.holds(m) for p in pages}) == 1)
    assert explore(replace(made, properties=(torn,))).verdict == verdict


@pytest.mark.parametrize("via", ["devmem", "sysfs"])
@pytest.mark.parametrize("version", ["6.1", "6.12", "7.3"])
def test_a_release_by_somebody_else_fools_the_test_of_both_ends(version: str, via: str) -> None:
    made = claim_vs_release(KernelProfile(version), via=via)
    example = explore(made).counterexample
    assert example is not None
    assert example.line() == "C0:insert R0:release C0:both_ends"
    alone = explore(claim_vs_release(KernelProfile(version), via=via, rogue=False))
    assert (settled(alone), alone.states) == ("not-found", 17)


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_a_claim_before_the_inode_is_harmless_while_the_inode_comes_first(version: str) -> None:
    assert settled(explore(early_claim(KernelProfile(version), drivers=2))) == "not-found"
    swapped = early_claim(KernelProfile(version), initcalls=("chr_dev_init", "iomem_init_inode"))
    example = explore(swapped).counterexample
    assert example is not None
    assert example.broken == "no null pointer is followed"
    assert example.line() == "init:make_dev_mem U0:open_port"


@pytest.mark.parametrize("buses", [1, 2, 3])
@pytest.mark.parametrize("version", ["5.10", "6.12"])
def test_up_to_7_1_two_tasks_create_the_files_of_one_device(version: str, buses: int) -> None:
    made = attribute_creation(KernelProfile(version), buses=buses)
    twice = explore(only(made, "no resource file is made twice")).counterexample
    missing = explore(only(made, "every device has all its files")).counterexample
    assert twice is not None
    assert missing is not None
    assert "set_sysfs_initialized" in twice.line()
    assert "pci_remove_resource_files" in missing.line()
    fine = explore(only(made, "no null pointer is followed"), partial_order=False)
    assert (settled(fine), fine.states) == ("not-found", {1: 62, 2: 1620, 3: 56506}[buses])


@pytest.mark.parametrize("buses", [1, 2, 3])
def test_static_attributes_close_the_race(buses: int) -> None:
    result = explore(attribute_creation(KernelProfile("7.3"), buses=buses))
    assert settled(result) == "not-found"


def test_why_attributes_could_not_be_static_before_the_mapping_was_asked_for_at_open() -> None:
    def static(version: str) -> Result:
        kernel = KernelProfile(version, features=(("resource_files", "device_add"),))
        return explore(attribute_creation(kernel))

    assert settled(static("5.10")) == settled(static("5.15")) == "not-found"
    example = static("5.12").counterexample
    assert example is not None
    assert (example.broken, example.line()) == ("no null pointer is followed", "B0:device_add")


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_a_page_fits_through_the_gaps_of_nd_pmem(version: str) -> None:
    made = nd_pmem(KernelProfile(version))
    looked = "nobody reaches the info block once the driver has looked at it"
    example = explore(only(made, looked)).counterexample
    assert example is not None
    order = example.line().split()
    assert order.index("D0:nd_btt_probe") < order.index("U0:fault_insert")
    assert settled(explore(only(made, "nobody reaches a namespace that is bound"))) == "not-found"


@pytest.mark.parametrize("name", ORDERS)
def test_every_scenario_is_found_by_its_name(name: str) -> None:
    assert concurrent(name, KernelProfile("6.12"), tasks=2).name == name


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("5.10", "found"), ("6.1", "found"), ("6.12", "not-found"), ("7.3", "not-found")],
)
@pytest.mark.parametrize("drivers", [2, 3])
def test_a_driver_that_waits_for_a_muxed_region_could_sleep_for_ever(
    version: str, verdict: str, drivers: int
) -> None:
    result = explore(muxed_claims(KernelProfile(version), drivers=drivers))
    assert settled(result) == verdict
    if result.counterexample:
        assert result.counterexample.broken == "deadlock"
        assert "C0:release C1:fall_asleep" in result.counterexample.line()
