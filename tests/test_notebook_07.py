"""Notebook 07: its stored values are what explain says, and its cells run for other accesses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devmemkit.lab.recordings.manifest import ON_ARM64, RECORDED
from devmemkit.scenarios.machines import VIRT, label
from tests.notebook import Cells

CELLS = Cells("07-your-machine")


def test_the_stored_values() -> None:
    named = CELLS.stored()
    assert (named["outcome"], named["decided"]) == ("EPERM", "range_is_allowed")
    assert named["elsewhere"]["4.4"] == "ok"
    assert {end for version, end in named["elsewhere"].items() if version != "4.4"} == {"EPERM"}
    assert set(named["misses"].values()) == {0}
    assert named["misses"].keys() == {*RECORDED, *(label(v, "arm64") for v in ON_ARM64)}
    assert min(named["accesses"].values()) >= 500


@pytest.mark.slow
def test_every_cell_runs_on_an_arm64_machine() -> None:
    CELLS.runs({"machine": "qemu-6.12-arm64", "address": VIRT.e1000_bar})


@pytest.mark.slow
def test_every_cell_runs_on_a_dump_alone(tmp_path: Path) -> None:
    (tmp_path / "iomem").write_text("00001000-0009ffff : System RAM\nfe000000-fe00ffff : x\n")
    path = str(tmp_path / "iomem")
    CELLS.runs({"machine": path, "kernel": "5.10", "address": 0xFE00_0000, "op": "load"})


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel": "6.13"}, "kernel: expected one of 4.4, .*; got '6.13'"),
        ({"via": "fd"}, "via: expected one of devmem, .*; got 'fd'"),
        ({"machine": "nowhere"}, "nowhere: expected a machine \\(qemu-5.10, "),
        ({"via": "sysfs", "address": 0}, "--address: expected one in a BAR"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence, 2)
