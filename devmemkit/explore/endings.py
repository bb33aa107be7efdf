"""The states in which a scenario can end, over all interleavings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from devmemkit.explore.search import search
from devmemkit.model.machine import Machine
from devmemkit.scenarios.races.concurrent import Concurrent
from devmemkit.scenarios.races.mmap_claim import PAGES, ending, race


def ends(scenario: Concurrent) -> Iterator[Machine]:
    """Every machine on which no task can continue, each once."""
    system, found = search(scenario, partial_order=True, symmetry=False, check=False)
    return (system.space.unpack(state) for state in found.ends)


@cache
def race_outcomes(version: str, via: str, claim: str) -> frozenset[str]:
    """The possible endings of the race of one mmap with one claim, in the words of ending().

    ValueError for an unknown kernel, way to map (`via`) or claim.
    """
    pages = PAGES if claim == "whole" else 1
    return frozenset(ending(machine, pages) for machine in ends(race(version, via, claim)))
