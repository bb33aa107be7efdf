"""The race's graphs are the explorer's: counts, verdicts, and schedules that the model plays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from devmemkit.explore.check import explore
from devmemkit.explore.counterexample import replay
from devmemkit.explore.export import graph as explored_graph
from devmemkit.explore.progress import must_come
from devmemkit.explore.search import search
from devmemkit.model.features import VERSIONS
from devmemkit.model.machine import View
from devmemkit.model.step import OPERATIONS, step_names
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.properties import NOBODY_REACHES
from devmemkit.scenarios.races.questions import has_come_up
from devmemkit.site import graphs
from devmemkit.site.race_words import ENDS, LEVELS, PAGES, REGIONS, STEPS, Level

TASKS = {actor[0]: actor for actor in graphs.ACTORS}
"""The model's task by its letter in a schedule."""


def _offered() -> Iterator[tuple[Level, dict[str, Any]]]:
    """Every choice of the page and every level, with its graph."""
    choices = iter(graphs.data()["choices"])
    for via in VIAS:
        for version in graphs.FIRST:
            for policy, repair in graphs.CHOICES:
                level = Level("", "", version, policy, repair, via)
                yield level, graphs.data()["graphs"][next(choices)]
    for level, made in zip(LEVELS, graphs.data()["levels"], strict=True):
        yield level, graphs.data()["graphs"][made["graph"]]


@cache
def offered() -> list[tuple[Level, dict[str, Any]]]:
    """All of them, searched when the first test asks: not while tests are collected."""
    return list(_offered())


def tasks_of(schedule: str) -> list[str]:
    runs = re.findall(r"([UCt])(\d+)", schedule)
    return [TASKS[letter] for letter, count in runs for _ in range(int(count))]


def words(graph: dict[str, Any], state: int) -> tuple[str, str, str]:
    return graphs.data()["moments"][graph["states"][state]]


def walk(graph: dict[str, Any], schedule: str) -> list[int]:
    """The states of a schedule, as the page plays it."""
    states = [0]
    for task in tasks_of(schedule):
        at = 2 * graph["actors"].index(graphs.ACTORS[task])
        states.append(graph["moves"][states[-1]][at])
        assert states[-1] >= 0
    return states


@pytest.mark.slow
def test_every_graph_has_the_explorers_states_and_steps() -> None:
    for level, graph in offered():
        made = explored_graph(graphs.race_of(level))
        moves = [
            (at, to, actor)
            for at, row in enumerate(graph["moves"])
            for actor, to in zip(graph["actors"], row[::2], strict=True)
            if to >= 0
        ]
        steps = [(at, to, graphs.ACTORS[task]) for at, to, task, _ in made["steps"]]
        assert len(graph["states"]) == len(made["states"]), level
        assert sorted(moves) == sorted(steps), level
        surviving = [at for at in range(len(graph["states"])) if words(graph, at)[0] == "surviving"]
        if level.goal == "reach":
            assert surviving == sorted(made["broken"].get(NOBODY_REACHES, [])), level


@pytest.mark.slow
def test_an_actor_that_waits_goes_on_some_time_and_one_that_is_done_does_not() -> None:
    waits = 0
    for _, graph in offered():
        moves = graph["moves"]
        for place, actor in zip(range(0, 6, 2), graph["actors"], strict=False):
            goes_on = {at for at, row in enumerate(moves) if row[place] >= 0}
            while more := {
                at
                for at, row in enumerate(moves)
                if at not in goes_on and goes_on & {to for to in row[::2] if to >= 0}
            }:
                goes_on |= more
            for at, row in enumerate(moves):
                waits += row[place] == -1
                assert (at in goes_on) >= (row[place] == -1)
                assert actor == "clock" or (at in goes_on) == (row[place] != -2)
    assert waits


@pytest.mark.slow
def test_every_verdict_is_the_explorers_and_its_schedule_plays_on_the_model() -> None:
    for level, graph in offered():
        made = graphs.race_of(level)
        if level.goal == "starve":
            continue
        result = explore(made, partial_order=False)
        assert result.verdict == ("found" if graph["schedule"] else "not-found"), level
        assert (graph["searched"], tuple(graph["vacuous"])) == (result.states, result.vacuous)
        if result.verdict == "not-found":
            assert graph["searched"] == len(graph["states"])
            assert "surviving" not in {words(graph, at)[0] for at in range(result.states)}
            continue
        steps = replay(made, tasks_of(graph["schedule"]))
        end = walk(graph, graph["schedule"])[-1]
        word, *rest = graphs.moment(View(steps[-1].machine), made)
        assert (word, *rest) == words(graph, end)
        assert word == "surviving"
        nobody = next(one for one in made.properties if one.name == NOBODY_REACHES)
        assert not nobody.holds(View(steps[-1].machine))
        assert all(nobody.holds(View(step.machine)) for step in steps[:-1])


def test_no_schedule_is_shorter() -> None:
    """Counted anew, level by level, on the exported graph."""
    for level, graph in offered():
        if level.goal == "starve":
            continue
        seen, front, depth = {0}, {0}, 0
        while front and not any(words(graph, at)[0] == "surviving" for at in front):
            front = {to for at in front for to in graph["moves"][at][::2] if to >= 0} - seen
            seen |= front
            depth += 1
        assert len(tasks_of(graph["schedule"])) == (depth if front else 0)


STARVE = [level for level in LEVELS if level.goal == "starve"]


@pytest.mark.parametrize("level", STARVE, ids=lambda level: level.title)
def test_the_claim_of_a_level_without_end_holds(level: Level) -> None:
    graph = graphs.data()["graphs"][graphs.data()["levels"][LEVELS.index(level)]["graph"]]
    made = graphs.race_of(level)
    comes = must_come(made, has_come_up(made))
    assert comes.holds is not None
    assert bool(graph["schedule"]) == (not comes.holds)
    assert graph["searched"] == comes.states == len(graph["states"])
    if not comes.holds:
        states = walk(graph, graph["schedule"])
        begin = len(comes.prefix)
        assert states[begin] == states[-1]
        assert {"U0", "C0"} <= set(tasks_of(graph["schedule"])[begin:])
        assert "claimed" not in {words(graph, at)[1] for at in states}


def test_levels_can_be_done_and_cannot() -> None:
    found = [
        bool(graphs.data()["graphs"][level["graph"]]["schedule"])
        for level in graphs.data()["levels"]
    ]
    goals = [level.goal for level in LEVELS]
    assert {*zip(goals, found, strict=True)} == {
        ("reach", True), ("reach", False), ("starve", True), ("starve", False)
    }  # fmt: skip


def test_a_circle_of_both_is_one_in_which_the_driver_never_comes_up() -> None:
    """The page calls a circle with steps of both won; once it is up, the driver takes no step."""
    for level, graph in offered()[-len(LEVELS) :]:
        if level.goal != "starve":
            continue
        driver = 2 * graph["actors"].index("driver")
        up = [at for at in range(len(graph["states"])) if words(graph, at)[1] == "claimed"]
        assert up
        assert all(graph["moves"][at][driver] == -2 for at in up)


def test_a_zapped_page_was_there_before() -> None:
    """On every way to it, so that the word is true whatever the schedule was."""
    full, seen = {"filled", "live", "surviving"}, 0
    for _, graph in offered():
        kinds = [words(graph, at)[0] for at in range(len(graph["states"]))]
        for at, row in enumerate(graph["moves"]):
            for to in row[::2]:
                if to >= 0 and kinds[to] == "zapped":
                    assert kinds[at] in {*full, "zapped"}
                    seen += 1
    assert seen


@pytest.mark.parametrize("version", [one for one in VERSIONS if one not in graphs.FIRST])
@pytest.mark.slow
def test_versions_between_have_the_race_of_the_first(version: str) -> None:
    choices = [(via, *choice) for via in VIAS for choice in graphs.CHOICES]
    for via, policy, repair in choices:
        alike = []
        for kernel in (version, graphs.first(version)):
            moments, labels = graphs.Shared(), graphs.Shared()
            made = graphs.race_of(Level("", "", kernel, policy, repair, via))
            graph = graphs.race_graph(made, moments, labels)
            alike.append((graph, moments.values(), labels.values()))
        assert alike[0] == alike[1], (via, policy, repair)


def test_the_first_of_two_races_differ() -> None:
    for one, other in zip(graphs.FIRST, graphs.FIRST[1:], strict=False):
        places = [
            [
                place
                for (level, _), place in zip(offered(), graphs.data()["choices"], strict=False)
                if level.kernel == version
            ]
            for version in (one, other)
        ]
        assert places[0] != places[1]


def test_every_word_is_used_and_every_step_has_one() -> None:
    pages, regions, holders = (
        set(column) for column in zip(*graphs.data()["moments"], strict=True)
    )
    assert pages == PAGES.keys()
    assert regions == REGIONS.keys()
    assert holders == {"", "process", "driver"}
    used = {list(STEPS)[step] for step, _ in graphs.data()["labels"]}
    assert used == STEPS.keys()
    assert {*ENDS} <= OPERATIONS.keys()
    ends = {end for _, end in graphs.data()["labels"]}
    assert ends == {"", *ENDS.values(), "EPERM", "EINVAL", "EBUSY", "SIGBUS"}


def test_steps_of_proposals_have_no_kernel_function() -> None:
    functions = dict(zip(STEPS, graphs.data()["kernels"]["7.3"]["functions"], strict=True))
    kernels = [graphs.KernelProfile(version) for version in VERSIONS]
    names = ("mmap_devmem", "mmap_resource", "request_mem_region", "release_mem_region", "munmap")
    real = {step for kernel in kernels for name in names for step in step_names(kernel, name)}
    real |= {"load_step"}
    assert {step for step in STEPS if functions[step]} == STEPS.keys() & real


@pytest.mark.slow
def test_the_export_is_small_and_the_same_each_time() -> None:
    script = graphs.script(graphs.data())
    assert len(script) < 100_000
    assert max(len(graph["states"]) for graph in graphs.data()["graphs"]) < 130
    assert script == graphs.script(graphs.data.__wrapped__())


def test_the_search_is_of_the_race_of_one_page() -> None:
    """Against an engine's own count: the states without any reduction."""
    level = next(one for one in LEVELS if one.repair == "recheck")
    _, found = search(graphs.race_of(level))
    graph = graphs.data()["graphs"][graphs.data()["levels"][LEVELS.index(level)]["graph"]]
    assert graph["searched"] == len(found.parent) == 82
