"""Notebook 05: its stored values are what a search finds now; its cells run for every policy."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from devmemkit.explore.check import Result, explore
from devmemkit.explore.policy_matrix import QUESTIONS, table_rows
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS
from devmemkit.scenarios.races.catalogue import concurrent
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.survey import survey
from tests.notebook import Cells

CELLS = Cells("05-policies")


def test_no_policy_that_lets_a_process_map_the_region_reaches_a_write_under_way() -> None:
    for name in POLICIES:
        found = explore(concurrent("write-vs-claim", KernelProfile("7.3", policy_name=name)))
        assert (found.verdict == "found") == (name != "DenyIdle")


def test_the_stored_values_are_what_a_search_finds() -> None:
    named = CELLS.stored()
    result = explore(mmap_vs_claim(KernelProfile("6.12")))
    assert result.counterexample is not None
    assert named["race"]["line"] == result.counterexample.line()
    assert (named["race"]["verdict"], named["race"]["states"]) == ("found", result.states)
    assert named["race"]["orders"] == [396, 11]
    assert set(named["kernels"].values()) == {"found"}
    right = {where.split(" ")[0] for where, v in named["repairs"].items() if v == "not-found"}
    wrong = {where.split(" ")[0] for where, v in named["repairs"].items() if v == "found"}
    assert (right, wrong) == ({"recheck", "fault"}, {"link-first", "hold-rmap"})
    alone = {order for order, said in named["copies"].items() if set(said) == {"never"}}
    assert alone == {"bounce-locked"}
    assert named["copies"].keys() == {"as released", *COPY_REPAIRS}
    for order, (lands, fresh, *waits) in named["copies"].items():
        assert (lands == "never") == (order in {"bounce-locked", "hold-lock"})
        assert (fresh == "never") == (order in {"recheck", "bounce-locked", "hold-lock"})
        assert waits == ["in some order" if order == "hold-lock" else "never"] * 2
    assert named["policies"].keys() == table_rows().keys()
    assert all(answers.keys() == QUESTIONS.keys() for answers in named["policies"].values())
    assert named["others"]["attribute-creation 7.3"] == "not-found"
    assert named["others"]["attribute-creation 6.12"] == "found"
    assert named["others"]["muxed-claims 5.10"] == "found"
    assert named["others"]["muxed-claims 6.12"] == "not-found"
    for kind, gets in named["survey"].items():
        assert Counter(gets) == Counter(p.gets for p in survey().places if p.kind == kind)
    assert named["survey"].keys() == {place.kind for place in survey().places}


@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_what_is_said_of_arm64_is_what_a_search_finds(version: str) -> None:
    def found(name: str, repair: str = "") -> tuple[Result, Result]:
        kernels = (KernelProfile(version, repair=repair, arch=arch) for arch in ("x86_64", "arm64"))
        x86, arm = (explore(concurrent(name, kernel)) for kernel in kernels)
        return x86, arm

    for name in ("write-vs-claim", "read-vs-claim"):
        x86, arm = found(name)
        assert (x86.verdict, x86.vacuous) == ("found", ())
        assert (arm.verdict, arm.vacuous) == ("not-found", ("a copy has succeeded",))
    for repair in ("", *REPAIRS):
        x86, arm = found("mmap-vs-claim", repair)
        assert (x86.verdict, x86.vacuous) == (arm.verdict, arm.vacuous)
        assert arm.states <= x86.states


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "4.5", "via": "sysfs", "tasks": 2},
        {"arch": "arm64", "policy": "DenyIdle"},
    ],
)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"policy": "Prayer"}, "policy: expected one of as released, NoProtection"),
        ({"via": "tea"}, "via: expected one of devmem, sysfs; got 'tea'"),
        ({"kernel": "6.13"}, "kernel: expected one of"),
        ({"arch": "other"}, "arch: expected one of x86_64, arm64; got 'other'"),
        ({"tasks": 0}, "tasks: expected 1 to 9, got 0"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence)
