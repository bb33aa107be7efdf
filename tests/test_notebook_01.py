"""Notebook 01: its stored values are the model's, and its cells run for every kind of story."""

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.figures.address_map import address_map
from devmemkit.figures.svg import to_svg
from devmemkit.figures.timeline import timeline
from devmemkit.model.features import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.scenarios.stories.takeover import QUESTIONS, Takeover
from devmemkit.scenarios.words import format_act
from tests.notebook import Cells

CELLS = Cells("01-driver-takeover")


def test_the_stored_values_are_the_models() -> None:
    story, named = Takeover(), CELLS.stored()
    start = story.node.start
    assert named["claim"] == [start + 0x4000, start + 0x7FFF]
    assert named["zapped"] == [(start >> 12) + 4, (start >> 12) + 7]
    assert named["forked"] == {"live": 62, "private": 2}
    assert named["claimed"] == {"live": 48, "zapped": 16}
    assert named["next_load"] == {
        version: format_act(story.on(version).played, "load_after")
        for version in named["next_load"]
    }
    assert named["outcome"]["signal"] == "SIGBUS"
    assert named["outcome"]["si_addr"] == story.played.outcomes["map"].value + 0x4000
    assert named["written"] == named["new_mapping"]["value"] == story.values[0]
    assert named["old_mapping"]["si_code"] == "BUS_ADRERR"
    assert named["unaligned_zapped"] == [1]
    assert named["proposals"]["DenyIdle"]["map"] == "EPERM"
    assert named["changes"] == [["4.4", "4.5"], ["4.5", "5.8"], ["6.12", "6.16"]]
    assert len(named["outcomes"]) == len(VERSIONS) + 3
    assert all(len(cells) == len(QUESTIONS) for cells in named["outcomes"].values())


WHOLE = [
    {"policy": "RefuseClaim", "sync": True},
    {"kernel": "4.4", "pages": 1, "claim_offset": 0xFFF, "claim_size": 0x2000},
    {"region": "0000:00:05.0", "kernel": "5.10", "claim_offset": 0x1801, "claim_size": 3},
    {"region": "0000:00:04.0", "machine": "qemu-7.3", "kernel": "7.3", "pages": 4}
    | {"claim_offset": 0x3000, "claim_size": 0x1000},
    {"machine": "qemu-6.12-arm64", "region": "namespace0.0"},
]
STORIES = [
    *({"policy": policy} for policy in (AS_RELEASED, *POLICIES)),
    *({"kernel": version} for version in VERSIONS),
    {"pages": 1, "claim_offset": 0, "claim_size": 1},
    {"pages": 64, "claim_offset": 0, "claim_size": 0x40000},
    {"claim_offset": 0xF800, "claim_size": 0x10000},
]


@pytest.mark.slow
@pytest.mark.parametrize("parameters", WHOLE)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.parametrize("parameters", STORIES)
def test_every_story_has_what_the_cells_ask_of_it_and_is_drawn(parameters: dict[str, Any]) -> None:
    story = Takeover(**parameters)
    keys = [act.key for act in story.played.acts]
    assert {"map", *QUESTIONS, "load_at_once", "ioremap", "load_new"} <= set(keys)
    assert keys.index("load_after") < keys.index("iounmap")
    for shown in (story, replace(story, pages=max(story.pages, 4), claim_offset=0x1800)):
        for moment in ("fork", "claim"):
            figure = address_map(shown.played.after(moment), shown.node, shown.pages)
            assert to_svg(figure).startswith("<svg")
    assert to_svg(timeline(story.played)).startswith("<svg")
