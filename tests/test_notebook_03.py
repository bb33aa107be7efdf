"""Notebook 03: its stored values agree with recordings and with the model; its cells run."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.lab.recordings.manifest import RECORDED
from devmemkit.lab.recordings.recording import recordings
from tests.notebook import Cells

CELLS = Cells("03-init-ordering")


def test_what_makes_the_first_file_is_what_the_kernels_did() -> None:
    first = CELLS.stored()["first_file"]
    late = "pci_sysfs_init, level late; after the inode; after populate_rootfs"
    assert {version for version, said in first.items() if said != late} == {"7.2", "7.3"}
    assert {first["7.2"], first["7.3"]} == {
        "acpi_init, level subsys; before the inode; before populate_rootfs"
    }
    recorded = {one.version for one in recordings("boot")}
    assert first.keys() == recorded


def test_edges_are_three_before_the_patch_ten_behind_it_and_eight_now() -> None:
    named = CELLS.stored()["edges"]
    assert {version: len(symbols) for version, symbols in named.items()} == {
        "4.5": 3, "5.8": 10, **{v: 8 if v in RECORDED[3:] else 10 for v in RECORDED}
    }  # fmt: skip


def test_races_end_with_static_attributes_and_could_not_end_before_5_15() -> None:
    named = CELLS.stored()
    wrong = {what for what, verdict in named["worst"].items() if verdict == "found"}
    assert {what.split(",")[0] for what in wrong} == {"5.10", "5.12", "5.15", "6.12", "7.1"}
    assert {what.partition(", ")[2] for what in wrong} == {
        "no resource file is made twice", "every device has all its files"
    }  # fmt: skip
    assert {version for version, verdict in named["static"].items() if verdict == "found"} == {
        "5.12"
    }
    assert named["early"] == {"as it is": "not-found", "swapped": "found"}
    assert named["what_if"]["claims: no null pointer is followed"] == "found"


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "5.10", "buses": 2},
        {"kernel": "7.3"},
        {"initcall": "iomem_init_inode", "level": "fs"},
    ],
)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel": "6.13"}, f"kernel: expected one of {', '.join(RECORDED)}; got '6.13'"),
        ({"buses": "two"}, "buses: expected a number from 1 to 3, got 'two'"),
        ({"buses": 9}, "buses: expected a number from 1 to 3, got 9"),
        ({"initcall": "coffee"}, "initcall: expected one of acpi_init"),
        ({"level": "noon"}, "level: expected one of pure"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence, 2)
