"""Counterexamples: the steps from the start to a state, replayed on the model itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from devmemkit.explore.search import SearchResult
from devmemkit.explore.system import TIME, System, Taken, started, take
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import finished, step_in
from devmemkit.scenarios.races.scenario import Concurrent


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a task: its operation, its name, and the outcome if the operation ended.

    `machine` is the state after the step.
    """

    task: str
    operation: str
    step: str
    outcome: Outcome | None
    machine: Machine

    def to_dict(self) -> dict[str, Any]:
        """The step for JSON, without the state."""
        ended = None if self.outcome is None else str(self.outcome)
        return {
            "task": self.task, "operation": self.operation, "step": self.step, "outcome": ended
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counterexample:
    """`steps` from the start of a scenario to a state in which property `broken` does not hold."""

    broken: str
    steps: tuple[Step, ...]

    def line(self) -> str:
        """The steps in one short line, such as "C0:insert U0:vma_link_file"."""
        return line(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """The counterexample for JSON."""
        steps = [step.to_dict() for step in self.steps]
        return {"broken": self.broken, "line": self.line(), "steps": steps}

    __str__ = line


def line(steps: Iterable[Step]) -> str:
    """Steps as text, such as "C0:insert U0:vma_link_file"."""
    return " ".join(f"{step.task}:{step.step}" for step in steps)


def counterexample(system: System, found: SearchResult, broken: str) -> Counterexample:
    """A shortest counterexample to a property that a search without partial order found broken."""
    schedule = _schedule(system, found, found.broken[broken])
    return Counterexample(broken, replay(system.scenario, schedule))


def _schedule(system: System, found: SearchResult, state: int) -> list[str]:
    """The tasks, in the order in which their steps lead from the start to a state."""
    path = [state]
    while found.parent[path[-1]] != path[-1]:
        path.append(found.parent[path[-1]])
    state, schedule = system.space.start, []
    for wanted in path[-2::-1]:  # with symmetry, only a representative of the state to go to
        task, state = next(
            (task, after)
            for task, after in system.successors(state)
            if (found.canonical(after) if found.canonical else after) == wanted
        )
        schedule.append(system.task_name(task))
    return schedule


def replay(scenario: Concurrent, schedule: Iterable[str]) -> tuple[Step, ...]:
    """Let the named tasks take one step each, in order, on the model itself.

    Blocked when a task waits where the schedule lets it go on.
    """
    machine, steps = started(scenario), []
    for task in schedule:
        m = View(machine)
        if task == TIME:
            m["clock"], taken = _next_tick(scenario, machine), Taken("clock", "passes", None)
        else:
            taken = take(m, task, scenario.programs[task])
        machine = machine.with_(m.writes)
        steps.append(Step(task, *taken, machine))
    return tuple(steps)


def _next_tick(scenario: Concurrent, machine: Machine) -> int:
    ticks = []
    for task in scenario.programs:
        if not finished(machine, task):
            try:
                step_in(View(machine), task)
            except Blocked as blocked:
                ticks += [blocked.until] if blocked.until is not None else []
    return min(ticks)
