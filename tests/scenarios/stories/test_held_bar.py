"""Reads and writes of a BAR by read(2) and write(2): they reach it below the end of lab only."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.scenarios.catalogue import on_model, stories
from devmemkit.scenarios.stories.held import IN_BAR_COUNT, LATE, OLD

STORIES = {story.name: story for story in stories("write-vs-claim")}


def ends(name: str, lab: str) -> dict[str, Any]:
    """How the acts of a story ended on 6.12: a value, or the name of an errno."""
    outcomes = on_model(STORIES[name], "6.12", lab).outcomes
    return {key: one.value if one.ok else one.errno for key, one in outcomes.items()}


@pytest.mark.parametrize("name", ["bar", "held_bar", "bar_begun_after"])
def test_above_all_memory_a_bar_is_efault_whatever_holds_it(name: str) -> None:
    copies = {
        end for key, end in ends(name, "2g").items() if key.startswith(("write", "read", "before"))
    }
    assert copies == {"EFAULT"}


def test_below_the_end_of_memory_a_claim_decides() -> None:
    told = ends("bar", "5g")
    assert (told["write_idle"], told["read_idle"]) == (len(OLD), OLD)
    assert told["load"] == int.from_bytes(OLD, "little")
    assert (told["write_claimed"], told["read_claimed"]) == ("EPERM", "EPERM")
    assert (told["write_beside"], told["read_beside"]) == (len(LATE), LATE)
    assert (told["write_released"], told["read_released"]) == (len(LATE), LATE)


@pytest.mark.parametrize(
    ("name", "stored"), [("held_bar", LATE), ("bar_begun_after", OLD), ("held_bar-control", LATE)]
)
def test_a_held_write_lands_in_a_claimed_bar_and_one_begun_after_does_not(
    name: str, stored: bytes
) -> None:
    told = ends(name, "5g")
    values = {told[f"load{page}"] for page in range(IN_BAR_COUNT)}
    assert values == {int.from_bytes(stored, "little")}
