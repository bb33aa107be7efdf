"""How a scenario can end: what is left when nobody can go on, over all orders."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from devmemkit.explore.check import searched
from devmemkit.model.machine import Machine
from devmemkit.scenarios.races.lab_race import PAGES, ending, race
from devmemkit.scenarios.races.scenario import Concurrent


def ends(scenario: Concurrent) -> Iterator[Machine]:
    """Every machine with which an order of the scenario's steps can end, each once."""
    system, found = searched(scenario, partial_order=True, symmetry=False, asks=False)
    return (system.space.unpack(state) for state in found.ends)


@cache
def race_outcomes(version: str, via: str, claim: str) -> frozenset[str]:
    """How the race of one mmap and one claim can end, as ending() says.

    ValueError for a kernel, a way to map or a claim that is not known.
    """
    pages = PAGES if claim == "whole" else 1
    return frozenset(ending(machine, pages) for machine in ends(race(version, via, claim)))
