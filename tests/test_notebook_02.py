"""Notebook 02: its stored values agree with recordings and with the model; its cells run."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.lab.recordings.recording import recordings
from tests.notebook import Cells

CELLS = Cells("02-pci-bars")
DIES = "SIGBUS, BUS_ADRERR"


def test_what_kernels_did_is_what_the_recordings_hold() -> None:
    named = CELLS.stored()
    recorded = {one.version for one in recordings("pci-bars")}
    assert named["dies"]["after"].keys() == recorded
    assert {v for v, end in named["dies"]["after"].items() if end != DIES} == {"5.10"}
    assert set(named["dies"]["late"].values()) == {"mapped"}
    assert {v for v, end in named["removal"]["sysfs"].items() if end == DIES} == {"5.10"}
    assert set(named["removal"]["map_again"].values()) == {"ENODEV"}
    assert {v for v, end in named["through_both"]["sysfs5"].items() if end == DIES} == (
        recorded - {"5.10"}
    )
    assert set(named["through_both"]["devmem5"].values()) == {DIES}


def test_offsets_agree_everywhere_and_inodes_since_v5_12() -> None:
    rows = CELLS.stored()["mappings"]
    assert {row[4] for row in rows} == {"0xf8000"}
    inodes = {version: {row[3] for row in rows if row[0] == version} for version, *_ in rows}
    assert inodes["Linux 6.12"] == {"iomem"}
    assert len(inodes["Linux 5.10"]) == len(inodes["Linux 4.5"]) == 2


def test_unaligned_claims_leave_a_page() -> None:
    counted = CELLS.stored()["counted"]
    left = {claim for claim, (touched, zapped) in counted.items() if zapped < touched}
    assert left == {"0x1000 at +0x800", "0x20 at +0xff0", "0x2000 at +0x400"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "5.10", "device": "0000:00:04.0", "bar": 0, "claim_offset": 0, "claim_size": 0},
        {"kernel": "7.3", "via": "resource"},
        {"device": "0000:00:05.0", "bar": 0, "claim_offset": 0, "claim_size": 16},
        {"machine": "qemu-6.12-arm64"},
    ],
)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"device": "toaster"}, "device: expected one of 0000:00:02.0"),
        ({"bar": 5}, "bar: expected one of 0, 2; got 5"),
        ({"claim_offset": 1 << 40}, "claim_offset: expected less than 0x4000000"),
        ({"via": "tea"}, "via: expected one of both, resource, devmem; got 'tea'"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence, 2)
