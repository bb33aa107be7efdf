"""explore: a scenario's properties, proved or refuted over all interleavings."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from devmemkit.explore.counterexample import Counterexample, path, replay, tasks_along
from devmemkit.explore.pack import Relaid, Space
from devmemkit.explore.search import NOWHERE, Bounds, Searched, search
from devmemkit.explore.system import System, started
from devmemkit.scenarios.races.scenario import Concurrent

Verdict = Literal["found", "not-found", "bounded"]


@dataclass(frozen=True)
class Result:
    """What a search came to.

    `verdict` is "found" with a counterexample, "not-found" after all states, or "bounded" when a
    bound was hit (`bound` says which): then nothing is known of what is beyond. `vacuous` are the
    "sometimes" properties that held nowhere: without them "not-found" says little.
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

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON takes it."""
        example = self.counterexample
        return {
            "verdict": self.verdict,
            "states": self.states,
            "transitions": self.transitions,
            "seconds": round(self.seconds, 4),
            "counterexample": example
            and {
                "broken": example.broken,
                "line": example.line(),
                "steps": [step.to_dict() for step in example.steps],
            },
            "vacuous": list(self.vacuous),
            "bound": self.bound,
            "ends": self.ends,
            "reductions": list(self.reductions),
        }


def explore(
    scenario: Concurrent,
    bounds: Bounds = NOWHERE,
    *,
    partial_order: bool = True,
    symmetry: bool = True,
) -> Result:
    """Search every order of the tasks' steps.

    The counterexample is the shortest: once something is found, it is searched again without
    partial order. States and transitions are those of the search that settled the verdict.
    """
    began = time.perf_counter()
    system, found = searched(scenario, bounds, partial_order=partial_order, symmetry=symmetry)
    vacuous = _vacuous(scenario, found)
    if partial_order and (found.broken or (vacuous and not found.bound)):
        # what is shortest, and what holds nowhere, a search that leaves states out cannot tell
        partial_order = False
        system, found = searched(scenario, bounds, partial_order=False, symmetry=symmetry)
        vacuous = _vacuous(scenario, found)
    example = None
    if found.broken:
        steps = replay(scenario, tasks_along(system, path(found, found.bad), found.canonical))
        example = Counterexample(found.broken, steps)
    used = (("partial order", partial_order), ("symmetry", symmetry))
    return Result(
        "found" if example else "bounded" if found.bound else "not-found",
        len(found.before),
        found.transitions,
        time.perf_counter() - began,
        example,
        vacuous,
        found.bound,
        len(found.ends),
        tuple(name for name, is_used in used if is_used),
    )


def explore_each(scenario: Concurrent) -> dict[str, Result]:
    """Every property by itself, of one search of all states: by name, with its shortest way.

    As explore() for each of them with the "sometimes" beside it, without partial order. Nobody is
    asked whether a task waits for ever.
    """
    began = time.perf_counter()
    system, found = searched(scenario, partial_order=False, symmetry=True, asks=False)
    ends = set(found.ends)
    wanted = tuple(one for one in scenario.properties if one.kind == "sometimes")
    system.ask(wanted)
    vacuous = tuple(
        name
        for name, tree in system.asked["sometimes"]
        if not any(tree.at(state).said for state in found.before)
    )
    results: dict[str, Result] = {}
    for one in scenario.properties:
        if one.kind == "sometimes":
            continue
        system.ask((one,))
        where = found.before if one.kind == "always" else ends
        bad = (state for state in found.before if state in where and system.broken(state, one.kind))
        state = next(bad, None)  # the first that was met: none is nearer
        example = None
        if state is not None:
            steps = replay(scenario, tasks_along(system, path(found, state), found.canonical))
            example = Counterexample(one.name, steps)
        results[one.name] = Result(
            "found" if example else "not-found",
            len(found.before),
            found.transitions,
            time.perf_counter() - began,
            example,
            () if example else vacuous,
            ends=len(ends),
            reductions=("symmetry",),
        )
    return results


def _vacuous(scenario: Concurrent, found: Searched) -> tuple[str, ...]:
    if found.broken:
        return ()
    wanted = (one.name for one in scenario.properties if one.kind == "sometimes")
    return tuple(name for name in wanted if name not in found.seen)


def searched(
    scenario: Concurrent,
    bounds: Bounds = NOWHERE,
    *,
    partial_order: bool,
    symmetry: bool,
    asks: bool = True,
) -> tuple[System, Searched]:
    """Search until nothing is learned that would change the search itself.

    Without `asks` no property is looked at, nor whether anybody waits for ever: all states are met.
    """
    if not asks:
        scenario = replace(scenario, properties=())
    space = Space(started(scenario), scenario.alike if symmetry else ())
    system = System(scenario, space, merge=partial_order)
    while True:
        try:
            return system, search(system, bounds, symmetry=symmetry, asks=asks)
        except Relaid:
            system.relearn()
