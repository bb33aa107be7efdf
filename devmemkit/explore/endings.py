"""The ways in which a scenario can end, over all interleavings."""

from __future__ import annotations

from functools import cache

from devmemkit.explore.search import search
from devmemkit.scenarios.races.lab_race import MAPPER, PAGES, ending, race


@cache
def race_outcomes(version: str, via: str, claim: str) -> frozenset[str]:
    """The possible endings of the race of one mmap with one claim, in the words of ending().

    ValueError for an unknown kernel, way to map (`via`) or claim.
    """
    system, found = search(race(version, via, claim), partial_order=True)
    pages = PAGES if claim == "whole" else 1
    ends = [system.space.unpack(state) for state in found.ends]
    return frozenset(ending(m, dict(m["program", MAPPER][1])["map0"], pages) for m in ends)
