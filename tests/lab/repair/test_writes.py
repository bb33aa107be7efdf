"""The repaired write on real kernels: the stories of write-vs-claim, act by act."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.lab.recordings.judge import Judged, judge
from devmemkit.lab.recordings.manifest import REPAIRED, REPAIRED_STORIES
from devmemkit.lab.recordings.recording import Recording, load
from devmemkit.lab.repair.build import source_digest
from devmemkit.model.repairs import COPY_IN_KERNEL, PASS
from devmemkit.scenarios.stories.held import COUNT, LATE

REPAIR = COPY_IN_KERNEL[1]
each = pytest.mark.parametrize("version", REPAIRED)


def told(recording: Recording, name: str = "held") -> Judged:
    (one,) = (one for one in judge(recording) if one.story.name == name)
    return one


def ends(found: Judged, act: str) -> list[Any]:
    by_key = {row.act.key: row.kernel for row in found.comparison.rows}
    return [by_key[f"{act}{page}"] for page in range(COUNT)]


@each
def test_with_the_hooks_alone_every_held_write_lands_and_with_the_repair_none(version: str) -> None:
    held = {repair: told(load(scenario, version)) for scenario, repair in REPAIRED_STORIES.items()}
    assert {end.value for end in ends(held[PASS], "served")} == {LATE}
    assert {end.value for end in ends(held[PASS], "write")} == {len(LATE)}
    assert LATE not in {end.value for end in ends(held[REPAIR], "served")}
    assert {end.errno for end in ends(held[REPAIR], "write")} == {"EPERM"}


@each
@pytest.mark.parametrize("scenario", REPAIRED_STORIES)
def test_model_and_kernel_agree_in_each_act_and_the_unrepaired_model_does_not(
    version: str, scenario: str
) -> None:
    recording = load(scenario, version)
    assert recording.content["repaired"]["module"] == source_digest()
    for one in judge(recording):
        assert not one.comparison.divergences, one.story.name
    other = {PASS: REPAIR, REPAIR: PASS}[REPAIRED_STORIES[scenario]]
    content = {**recording.content, "repaired": {"repair": other}}
    assert told(replace(recording, content=content)).comparison.divergences
