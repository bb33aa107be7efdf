"""The ways in which a scenario can end, over all interleavings."""

from __future__ import annotations

from functools import cache

from devmemkit.explore.search import search
from devmemkit.scenarios.races.lab_race import MAPPER, PAGES, ending, race, touch_race


@cache
def race_outcomes(
    version: str, via: str, claim: str, repair: str = "", arch: str = "x86_64"
) -> frozenset[str]:
    """The possible endings of the race of one mmap with one claim, in the words of ending().

    ValueError for an unknown kernel, architecture, way to map (`via`), claim or repair of the mmap.
    """
    made = race(version, via, claim, repair=repair, arch=arch)
    system, found = search(made, partial_order=True)
    pages = PAGES if claim == "whole" else 1
    ends = [system.space.unpack(state) for state in found.ends]
    # ("program", task) is the task's position and the outcomes by key; "map0" is that of the mmap
    return frozenset(ending(m, dict(m["program", MAPPER][1])["map0"], pages) for m in ends)


@cache
def touch_outcomes(version: str, via: str, repair: str) -> frozenset[str]:
    """The possible endings when a process touches its pages while a driver claims all of them.

    ValueError as in race_outcomes().
    """
    made, mapped = touch_race(version, via, repair)
    system, found = search(made, partial_order=True)
    return frozenset(ending(system.space.unpack(state), mapped, PAGES) for state in found.ends)
