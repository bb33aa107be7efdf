"""Counterexamples: the steps from the start to a state, replayed on the model itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from devmemkit.explore.independence import TIME
from devmemkit.explore.search import SearchResult
from devmemkit.explore.system import System, started, take
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Event, finished, step_in
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
    """The schedule by which a search reached the first state in which property `broken` fails.

    It is a shortest one if the search was without partial order; otherwise each transition of the
    search is taken apart into the steps that it merged.
    """
    machine, steps = started(system.scenario), list[Step]()
    for task, after in found.paths[broken]:
        wanted = system.space.unpack(after)
        while machine != wanted:
            steps.append(next_step(system.scenario, machine, system.task_name(task)))
            machine = steps[-1].machine
    return Counterexample(broken, tuple(steps))


def replay(scenario: Concurrent, schedule: Iterable[str]) -> tuple[Step, ...]:
    """Let the named tasks take one step each, in order, on the model itself.

    Blocked when a task waits where the schedule lets it go on; ValueError when the clock shall pass
    and no task waits for a tick.
    """
    machine, steps = started(scenario), list[Step]()
    for task in schedule:
        steps.append(next_step(scenario, machine, task))
        machine = steps[-1].machine
    return tuple(steps)


def next_step(scenario: Concurrent, machine: Machine, task: str) -> Step:
    """The step that a task, or the clock, takes from a machine; Blocked if the task must wait."""
    m = View(machine)
    if task == TIME:
        m["clock"], event = _next_tick(scenario, machine), Event(TIME, "clock", "passes", None)
    else:
        event = take(m, task, scenario.programs[task])
    return Step(*event, machine.with_(m.writes))


def _next_tick(scenario: Concurrent, machine: Machine) -> int:
    """The earliest tick that a blocked task waits for."""
    ticks = []
    for task in scenario.programs:
        if not finished(machine, task):
            try:
                step_in(View(machine), task)
            except Blocked as blocked:
                ticks += [blocked.until] if blocked.until is not None else []
    if not ticks:
        raise ValueError(f"{TIME}: expected a task that waits for a tick, got none")
    return min(ticks)
