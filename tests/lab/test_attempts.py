"""The ways past a claim that were tried: each has a program, controls, and a verdict from both."""

from __future__ import annotations

import runpy
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from devmemkit.lab.attempts import MODES, attempts, results, source, untried, verdict
from devmemkit.lab.guest.initramfs import digest
from devmemkit.lab.recordings.recording import load
from devmemkit.scenarios.machines import data_dir

TABLE = {one["name"]: one for one in attempts()}
SEEN = results()
KERNELS = ("6.12", "7.3")
"""The kernels on which all was tried."""
ROOT = Path(__file__).parents[2]


def runs(claim: int, none: int, late: int) -> dict[str, dict[str, Any]]:
    return {"claim": {"status": claim}, "none": {"status": none}, "late": {"status": late}}


@pytest.mark.parametrize(
    ("claim", "none", "late", "expected"),
    [
        (1, 0, 1, "stopped"),
        (0, 0, 1, "past"),
        (0, 0, 0, "undecided"),  # there was no claim
        (1, 0, 0, "undecided"),
        (1, 1, 1, "never"),
        (0, 1, 1, "undecided"),
        (2, 0, 1, "untried"),
        (1, 2, 1, "untried"),
        (1, 0, 2, "untried"),
        (139, 0, 1, "untried"),  # it crashed
    ],
)
def test_no_verdict_without_its_controls(claim: int, none: int, late: int, expected: str) -> None:
    assert verdict(runs(claim, none, late)) == expected


def test_each_attempt_has_a_program_and_each_program_an_entry() -> None:
    programs = {path.stem for path in (data_dir() / "attempts").glob("*.c")}
    assert programs == TABLE.keys()
    assert len(programs) >= 12
    assert all(one["idea"] and one["why"] for one in untried())


def test_every_attempt_was_tried_where_a_verdict_is_expected() -> None:
    kernels = {name: chain(*one["expected"].values()) for name, one in TABLE.items()}
    expected = {(v, name) for name, versions in kernels.items() for v in versions}
    assert expected == {(v, name) for v, of in SEEN.items() for name in of["attempts"]}
    assert all((v, name) in expected for v in KERNELS for name in TABLE)


@pytest.mark.parametrize(
    ("version", "name"), [(v, name) for v, of in SEEN.items() for name in of["attempts"]]
)
def test_what_was_seen_is_of_todays_program_and_says_what_is_expected(
    version: str, name: str
) -> None:
    seen = SEEN[version]["attempts"][name]
    assert seen["sha256"] == digest(source(name)), "run it again: python -m devmemkit.lab.attempts"
    assert seen["runs"].keys() == set(MODES)
    assert all(one["output"] for one in seen["runs"].values())
    said = [word for word, versions in TABLE[name]["expected"].items() if version in versions]
    assert said == [verdict(seen["runs"])]


@pytest.mark.parametrize("version", KERNELS)
def test_the_kernels_are_those_of_the_recordings(version: str) -> None:
    assert SEEN[version]["release"] == load("takeover", version).about["kernel"]["release"]


def test_the_page_is_made_from_the_table() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "tried.py"))
    text = (ROOT / "docs" / "what-we-tried.md").read_text("utf-8")
    assert text == made["page"](SEEN), "python docs/tried.py"
    assert all(f"## {name}\n" in text for name in TABLE)
