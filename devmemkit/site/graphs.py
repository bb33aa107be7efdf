"""The state graphs of the race, searched when the site is built, for a page without Python.

A graph has every state and every step of mmap-vs-claim with one page, without reductions. What many
graphs have in common (pictures of a state, labels of a step) stands once, beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Any

from devmemkit.explore.check import explore
from devmemkit.explore.independence import TIME
from devmemkit.explore.progress import must_come
from devmemkit.explore.search import search
from devmemkit.explore.system import CLOCK, System
from devmemkit.model.features import VERSIONS
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import REPAIRS, UNLOCKED
from devmemkit.model.step import Event
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.one_bar import START
from devmemkit.scenarios.races.properties import reaches
from devmemkit.scenarios.races.questions import C, U, comes_up, has_come_up, touch_after
from devmemkit.scenarios.races.scenario import Concurrent, act_at, held
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.scenarios.words import format_ending
from devmemkit.site.race_words import ENDS, LEVELS, PAGES, REGIONS, STEPS, WAITS, Level, function

ACTORS = {U: "process", C: "driver", TIME: "clock"}
"""The names that the page has for the tasks of the race."""

LETTERS = {actor: task[0] for task, actor in ACTORS.items()}
"""The letter of each actor in a schedule: "U6C4U2"."""

FIRST = ("4.4", "4.5", "5.8", "5.12", "6.16", "6.19")
"""The versions since which the race is another one: those between race as the one before them."""

CHOICES: tuple[tuple[str | None, str], ...] = (
    (None, ""),
    *((None, repair) for repair in (*REPAIRS, UNLOCKED)),
    *((policy, "") for policy in POLICIES.built_in),
)
"""Policy and repair of every graph: a repair is one of the mmap under the kernel's own policy."""

STEP = {name: place for place, name in enumerate(STEPS)}


class Shared:
    """Values that many graphs have, each once; index() gives the place of one."""

    def __init__(self) -> None:
        self._places: dict[tuple[Any, ...], int] = {}

    def index(self, *value: Any) -> int:
        return self._places.setdefault(value, len(self._places))

    def values(self) -> list[tuple[Any, ...]]:
        return list(self._places)


def moment(m: View, made: Concurrent) -> tuple[str, str, str]:
    """The words for the page, "zapped" left out, and for the region, and who has the rmap lock."""
    mine, its = made.programs[U], made.programs[C]
    page = START >> PAGE_SHIFT
    holds = bool(held(m, C, its))
    busy = any(node.busy for node in m["iomem"].walk())
    filled = any(pfn <= page <= pfn + high - low for low, high, pfn in m["pagetable", U].runs)
    if reaches(m, U, mine, START, PAGE_SIZE):
        word = "surviving" if holds else "live"
    elif filled and act_at(m, U, mine).startswith("mmap_"):
        word = "filled"
    else:
        word = "empty" if m["vmas", U] else "unmapped"
    region = "claimed" if holds else "claiming" if busy else "idle"
    locks = [m.get(("lock", "i_mmap", name), ()) for name in ("iomem", "sysfs")]
    holder = next((ACTORS[actor] for held_by in locks for actor, _ in held_by), "")
    return word, region, holder


def lost(words: list[str], steps: list[dict[int, int]]) -> set[int]:
    """The empty states to which every way leads from one with the page in the page table."""
    zapped = {at for at, word in enumerate(words) if word == "empty"}
    full = {"filled", "live", "surviving"}
    before: list[list[int]] = [[] for _ in words]
    for at, step in enumerate(steps):
        for after in step.values():
            before[after].append(at)
    while drop := {
        at for at in zapped if not all(b in zapped or words[b] in full for b in before[at])
    }:
        zapped -= drop
    return zapped


def schedule(tasks: Iterable[str]) -> str:
    """The tasks of a schedule in short: "U6C4U2".

    >>> schedule(["U0", "U0", "C0", "U0"])
    'U2C1U1'
    """
    return "".join(f"{letter}{len(list(run))}" for letter, run in groupby(t[0] for t in tasks))


def race_graph(made: Concurrent, moments: Shared, labels: Shared) -> dict[str, Any]:
    """Every state and step of a race.

    "states" are indices of `moments`; "moves" has, for each state and actor, the next state and the
    index of its step's label: -1 and what it waits for, or -2 and 0 for an actor that is done.
    """
    system, found = search(made)
    index = {state: at for at, state in enumerate(found.parent)}
    machines = [View(system.space.unpack(state)) for state in index]
    pictures = [moment(m, made) for m in machines]
    steps = [{task: index[after] for task, after in system.successors(state)} for state in index]
    zapped = lost([word for word, *_ in pictures], steps)
    numbers = [*range(len(system.tasks)), *([CLOCK] if any(CLOCK in s for s in steps) else [])]
    moves = [
        [n for task in numbers for n in _move(system, state, task, step.get(task), labels)]
        for state, step in zip(index, steps, strict=True)
    ]
    return {
        "actors": [ACTORS[system.task_name(task)] for task in numbers],
        "states": [
            moments.index("zapped" if at in zapped else word, *rest)
            for at, (word, *rest) in enumerate(pictures)
        ],
        "moves": moves,
    }


def _move(
    system: System, state: int, task: int, after: int | None, labels: Shared
) -> tuple[int, int]:
    if task == CLOCK:
        return (-2, 0) if after is None else (after, labels.index(STEP["passes"], ""))
    leaf = system.trees[task].at(state)
    if leaf.blocked is not None:
        return -1, list(WAITS).index(leaf.blocked.on)
    if after is None:
        return -2, 0
    event: Event = leaf.result
    ends = event.outcome and format_ending(event.outcome, ENDS[event.operation])
    return after, labels.index(STEP[event.step], ends or "")


def verdict(made: Concurrent, goal: str) -> dict[str, Any]:
    """What the explorer found: the schedule that does it, "" if all states have none."""
    if goal == "starve":
        progress = must_come(made, has_come_up(made))
        tasks = [step.task for step in (*progress.prefix, *progress.cycle)]
        return {"schedule": schedule(tasks), "searched": progress.states, "vacuous": []}
    result = explore(made, partial_order=False)
    tasks = [step.task for step in result.counterexample.steps] if result.counterexample else []
    size = {"searched": result.states, "vacuous": list(result.vacuous)}
    return {"schedule": schedule(tasks), **size}


def race_of(level: Level) -> Concurrent:
    """The race of a level."""
    kernel = KernelProfile(level.kernel, policy_name=level.policy, repair=level.repair)
    if level.goal == "starve":
        return comes_up(kernel, level.via, "comes back")
    return touch_after(kernel, level.via)


def first(version: str) -> str:
    """The version of FIRST that has the race of a version."""
    versions = list(VERSIONS)
    return [one for one in FIRST if versions.index(one) <= versions.index(version)][-1]


def _kernel(kernel: KernelProfile) -> dict[str, Any]:
    """A kernel's own policy, its place in FIRST, and its function for each of STEPS."""
    functions = [function(kernel, step) for step in STEPS]
    place = FIRST.index(first(kernel.version))
    return {"policy": kernel.policy.name, "race": place, "functions": functions}


def _levels() -> Iterator[Level]:
    """Every choice of the page as a level without words, then those of LEVELS."""
    for via in VIAS:
        for version in FIRST:
            for policy, repair in CHOICES:
                yield Level("", "", version, policy, repair, via)
    yield from LEVELS


@cache
def data() -> dict[str, Any]:
    """All that the page plays; "graphs" has each graph once, "choices" the index of each choice's.

    "choices" goes through the ways to map, FIRST and CHOICES, in this order.
    """
    moments, labels = Shared(), Shared()
    graphs: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    places: list[int] = []
    for level in _levels():
        made = race_of(level)
        graph = race_graph(made, moments, labels)
        text = json.dumps([level.goal, graph])
        if text not in graphs:
            graphs[text] = len(found)
            found.append(graph | verdict(made, level.goal))
        places.append(graphs[text])
    several = len(places) - len(LEVELS)
    return {
        "vias": list(VIAS),
        "kernels": {name: _kernel(KernelProfile(name)) for name in VERSIONS},
        "options": [[policy or AS_RELEASED, repair] for policy, repair in CHOICES],
        "policies": {name: POLICIES[name].what for name in POLICIES.built_in},
        "repairs": {"": "none", **REPAIRS, UNLOCKED: "as fault, without the lock"},
        "pages": PAGES,
        "regions": REGIONS,
        "steps": list(STEPS.items()),
        "waits": list(WAITS.values()),
        "moments": moments.values(),
        "labels": labels.values(),
        "races": len(FIRST),
        "choices": places[:several],
        "levels": [
            level._asdict() | {"policy": level.policy or AS_RELEASED, "graph": graph}
            for level, graph in zip(LEVELS, places[several:], strict=True)
        ],
        "graphs": found,
    }


def script(made: dict[str, Any]) -> bytes:
    """The data as a classic script, which also a page opened as a file may load."""
    return f"var RACE = {json.dumps(made, separators=(',', ':'), ensure_ascii=False)};\n".encode()
