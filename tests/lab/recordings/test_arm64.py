"""Recordings of the arm64 machine: their place, their random runs, and what is not played there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.lab.compare import Verdict
from devmemkit.lab.fuzz.generate import sequence
from devmemkit.lab.recordings import manifest, record
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.encode import encode_story
from devmemkit.lab.recordings.machine import _address_sizes
from devmemkit.lab.recordings.recording import (
    Recording,
    RecordingError,
    in_place,
    load,
    path_of,
    read,
)
from devmemkit.lab.recordings.replay import findings
from devmemkit.scenarios.machines import LABS
from tests.lab.recordings.test_recording import ABOUT, PERFORMED, STORY

MINE = {"architecture": "arm64", "machine": "virt-2g"}


def test_one_is_written_beside_the_others_and_knows_its_machine(tmp_path: Path) -> None:
    made = Recording("claims", ABOUT | MINE, {"stories": [encode_story(STORY, PERFORMED)]})
    there = tmp_path / "claims" / path_of("claims", "6.12", "arm64").name
    made.write(there)
    assert there.name == "6.12-arm64.json"
    assert read(there) == made
    assert (made.lab, made.label) == ("arm64", "6.12-arm64")


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({}, "claims/6.12-arm64.json"),
        (MINE, "claims/6.12.json"),
        (MINE, "claims/6.12-5g.json"),
        (MINE, "mmap-vs-claim/6.12-arm64.json"),
        (MINE | {"architecture": "x86-64"}, "claims/6.12-arm64.json"),
    ],
)
def test_one_of_another_architecture_is_noticed(about: dict[str, str], place: str) -> None:
    made = Recording("claims", ABOUT | about, {"stories": []})
    with pytest.raises(RecordingError, match=f"^{place}: expected .* on Linux 6.12, .*, got"):
        in_place(made, Path(place))


def test_every_story_is_played_there_but_no_repair_and_no_program() -> None:
    where = {name: [lab for lab in LABS if manifest.is_on(lab, name)] for name in manifest.NAMES}
    assert where["takeover"] == where["conform"] == where["explain"] == [*LABS]
    assert where["boot"] == where["mmap-vs-claim"] == ["2g", "arm64"]
    only = [name for name, labs in where.items() if labs == ["2g"]]
    assert only == [*manifest.REPAIRED_STORIES, "reproducers", *manifest.REPAIR_RACES]
    for name in only:
        with pytest.raises(ValueError, match=f"arch: expected x86_64 for {name}, got arm64"):
            record.check(name, "arm64")
    with pytest.raises(ValueError, match="arch: expected x86_64 or arm64 for boot, got arm64-16k"):
        record.check("boot", "arm64-16k")


@pytest.mark.parametrize("scenario", ["takeover", "claims", "pci-bars"])
def test_pages_of_16_kib_are_what_the_kernel_has(
    scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: beside a model with pages of 4 KiB the same recording differs."""
    recording = load(scenario, "7.3", "arm64-16k")
    found = [one.verdict for one in findings(recording)]
    assert {*found} == {Verdict.PASSED}
    small = replace(LABS["arm64-16k"], page_shift=12)
    monkeypatch.setitem(LABS, "arm64-16k", small)
    assert Verdict.FAILED in [one.verdict for one in findings(recording)]


def test_its_random_operations_have_a_file_of_their_own() -> None:
    made = [sequence(1, index, "arm64") for index in (0, 1)]
    packed = runs.pack_operations(made, 1, "arm64")
    assert [one.acts for one in runs.sequences_of(packed, "arm64")] == [one.acts for one in made]
    assert runs.where("arm64") != runs.where("2g") == runs.where("5g")
    with pytest.raises(RecordingError, match=r"conform/operations\.xz: .*'architecture': 'x86-64'"):
        runs.sequences_of(packed, "2g")


def test_the_width_of_addresses_is_the_processors_on_x86_and_the_kernels_on_arm64() -> None:
    told = "address sizes\t: 40 bits physical, 48 bits virtual"
    assert _address_sizes(f"x\n{told}\ny", "2g") == {
        "address_sizes": told,
        "physical_address_bits": 40,
    }
    assert _address_sizes("processor\t: 0\n", "arm64") == {"physical_address_bits": 48}
