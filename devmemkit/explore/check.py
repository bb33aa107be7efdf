"""explore: prove or refute a scenario's properties over all interleavings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from devmemkit.explore.counterexample import Counterexample, counterexample
from devmemkit.explore.search import SearchResult, search
from devmemkit.scenarios.races.scenario import Concurrent

Verdict = Literal["found", "not-found", "bounded"]


@dataclass(frozen=True)
class Result:
    """The verdict of a search, and its size.

    `verdict` is "found" with a counterexample, "not-found" after all states, or "bounded" when the
    search gave up at `bound`: the states beyond are unknown. `states` were searched, or found up to
    the one that is broken. `vacuous` are the "sometimes" properties that held in none of them: with
    one of them "not-found" says little. `ends` counts the states in which no task can continue.
    """

    verdict: Verdict
    states: int
    transitions: int
    seconds: float
    counterexample: Counterexample | None
    vacuous: tuple[str, ...] = ()
    bound: str = ""
    ends: int = 0
    reductions: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The verdict as a reader sees it."""
        if self.counterexample:
            return "violated"
        if self.bound:
            return f"undecided: not violated in the {self.states:,} states that were searched"
        if self.vacuous:
            return f"never put to the test: no state in which {self.vacuous[0]}"
        return f"holds on all {self.states:,} states"

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        example = self.counterexample and self.counterexample.to_dict()
        return vars(self) | {"seconds": round(self.seconds, 4), "counterexample": example}


def explore(
    scenario: Concurrent,
    most: int | None = None,
    *,
    partial_order: bool = True,
    symmetry: bool = True,
) -> Result:
    """Search every interleaving for a state that breaks a property, or a deadlock (DEADLOCK).

    It gives up after the level in which it has found more than `most` states. The counterexample is
    a shortest one, unless `bound` says that the search for it stopped. The numbers of states and
    transitions, and `reductions`, are those of the last search that reached no bound, or of the
    only one: with a shortest counterexample, that of the search for it, which is without partial
    order.
    """
    began = time.perf_counter()
    system, searched = search(
        scenario, most, partial_order=partial_order, symmetry=symmetry, check="first"
    )
    if partial_order and (searched.broken or (_vacuous(scenario, searched) and not searched.bound)):
        # It is settled whether a property is broken, or never holds (independence.py). The whole
        # search finds the shortest path, and is a second witness that one never holds.
        again = search(scenario, most, symmetry=symmetry, check="first")
        if not again[1].bound:
            partial_order = False
            system, searched = again
        elif searched.broken:  # else a proof stands, whatever the second search reached
            searched.bound = again[1].bound  # the counterexample may not be a shortest one
    broken = next(iter(searched.broken), None)
    example = None if broken is None else counterexample(system, searched, broken)
    reductions = ("partial order",) * partial_order + _symmetry(scenario) * symmetry
    return _result(scenario, began, searched, example, reductions)


def explore_each(scenario: Concurrent) -> dict[str, Result]:
    """The result of each property by itself, by name, from one search of all states.

    Verdict, vacuous properties and the length of the counterexample are those of explore() of the
    property and the "sometimes" properties, unless that ends in a deadlock: none is reported here.
    Numbers and time are those of the one search, which is without partial order.
    """
    began = time.perf_counter()
    system, searched = search(scenario, symmetry=True, check="each")
    results = {}
    for one in scenario.properties:
        if one.kind != "sometimes":
            is_broken = one.name in searched.broken
            example = counterexample(system, searched, one.name) if is_broken else None
            results[one.name] = _result(scenario, began, searched, example, _symmetry(scenario))
    return results


def _symmetry(scenario: Concurrent) -> tuple[str, ...]:
    """The reduction by symmetry, if two tasks are alike."""
    return ("symmetry",) if any(len(group) > 1 for group in scenario.alike) else ()


def _vacuous(scenario: Concurrent, searched: SearchResult) -> tuple[str, ...]:
    wanted = (one.name for one in scenario.properties if one.kind == "sometimes")
    return tuple(name for name in wanted if name not in searched.witnessed)


def _result(
    scenario: Concurrent,
    began: float,
    searched: SearchResult,
    example: Counterexample | None,
    reductions: tuple[str, ...],
) -> Result:
    return Result(
        "found" if example else "bounded" if searched.bound else "not-found",
        searched.states,
        searched.transitions,
        time.perf_counter() - began,
        example,
        () if example else _vacuous(scenario, searched),
        searched.bound,
        len(searched.ends),
        reductions,
    )
