"""Notebook 04: its stored values agree with recordings and with the model; its cells run."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.lab.recordings.manifest import ON_ARM64, RECORDED
from tests.notebook import Cells

CELLS = Cells("04-preload-gap")


def test_every_kernel_serves_what_the_process_wrote_last() -> None:
    named = CELLS.stored()
    assert set(named["served"].values()) == {named["written"]["corrupt"]} == {"0xbad"}
    assert named["served"].keys() == set(RECORDED)
    assert named["verdicts"]["PASSED"] == 17
    assert named["verdicts"]["FAILED"] == named["verdicts"]["UNDECIDED"] == 0


def test_held_writes_land_after_the_claim_and_those_begun_after_it_do_not() -> None:
    held = CELLS.stored()["held"]
    assert held.keys() == set(RECORDED)
    for counted in held.values():
        assert counted == {
            "landed": 16, "landed, begun after": 0, "EPERM, begun after": 16,
            "read before the claim": 16, "begun meanwhile": "EPERM",
        }  # fmt: skip


def test_on_arm64_no_write_reaches_what_is_not_ram() -> None:
    named = CELLS.stored()
    assert named["held_on_arm"] == {v: {"landed": 0, "EFAULT": 16} for v in ON_ARM64}
    bars = {where: ends for where, ends in named["devices"].items() if "arm64" in where}
    assert {tuple(ends[:2]) for ends in bars.values()} == {("EFAULT", "EFAULT")}
    assert {end for ends in bars.values() for end in ends[2:]}.isdisjoint({"as written"})
    assert len(bars) == 2


def test_dev_mem_is_there_long_before_a_process_and_the_driver_is_a_module() -> None:
    for mem, device, total, drivers in CELLS.stored()["gap"].values():
        assert mem < device < total
        assert drivers == []


def test_only_lockdown_and_denying_idle_regions_stop_intent() -> None:
    closed = CELLS.stored()["closed"]
    assert {name for name, (_, intent) in closed.items() if intent} == {"lockdown", "DenyIdle"}
    assert {name for name, (accident, _) in closed.items() if accident} == {
        "lockdown", "DenyIdle", "DEVMEM=n", "exclusive for ever"
    }  # fmt: skip
    before = {name: said["before the claim"] for name, said in CELLS.stored()["phases"].items()}
    assert {name for name, said in before.items() if said != "yes"} == {"DenyIdle"}


def test_what_is_simulated_misses_its_closed_form_rarely() -> None:
    named = CELLS.stored()
    assert len(named["outside"]) <= 4  # of 27 intervals of 95 %
    for hits in named["series"].values():
        assert hits == sorted(hits)
    assert named["detected"] == {"by accident": 200, "on purpose": 0}
    assert named["parts"]["struct page array"] * 64 == sum(named["parts"].values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "6.12", "writers": 0, "delay": 0.0, "seed": 1},
        {"kernel": "6.12", "arch": "arm64"},
    ],
)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel": "6.13"}, f"kernel: expected one of {', '.join(RECORDED)}; got '6.13'"),
        ({"arch": "arm"}, "arch: expected one of x86_64, arm64; got 'arm'"),
        (
            {"kernel": "5.10", "arch": "arm64"},
            f"kernel: expected one of {', '.join(ON_ARM64)}; got '5.10'",
        ),
        ({"delay": "soon"}, "delay: expected a number from 0 to 1e\\+06, got 'soon'"),
        ({"writers": -1}, "writers: expected a number from 0 to 10000, got -1"),
        ({"trials": 3}, "trials: expected a number from 100 to 100000, got 3"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence, 2)
