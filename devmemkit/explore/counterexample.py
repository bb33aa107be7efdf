"""Counterexamples: the steps that lead to a state, with the state after each; played again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from devmemkit.explore.search import Searched
from devmemkit.explore.system import CLOCK, System, started
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import step_in
from devmemkit.scenarios.races.scenario import Concurrent, proceed

TIME = "time"
"""Who lets the clock go on to the next tick that somebody waits for."""


class ReplayError(Exception):
    """A counterexample that no longer fits; one sentence that says at which step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who took it, in which operation, its name, how the operation ended if it did.

    `machine` is the state after it.
    """

    task: str
    operation: str
    step: str
    outcome: Outcome | None
    machine: Machine

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON takes it, without the state."""
        ended = None if self.outcome is None else str(self.outcome)
        return {
            "task": self.task, "operation": self.operation, "step": self.step, "outcome": ended
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counterexample:
    """`steps` from the start of a scenario to a state in which `broken` is what it says."""

    broken: str
    steps: tuple[Step, ...]

    def line(self) -> str:
        """The steps in one short line, such as "C0:insert U0:vma_link_file"."""
        return " ".join(f"{step.task}:{step.step}" for step in self.steps)


def path(searched: Searched, state: int) -> list[int]:
    """The states from the start to `state`, each reached from the one before."""
    found = [state]
    while searched.before[found[-1]] != found[-1]:
        found.append(searched.before[found[-1]])
    return found[::-1]


def tasks_along(
    system: System, states: Iterable[int], canonical: Callable[[int], int] | None = None
) -> list[str]:
    """Who went from each state to the next; `states` may be canonical ones, the steps are not."""
    order = iter(states)
    next(order)
    state, found = system.start, []
    for wanted in order:
        for task, after in system.moves(state):
            if (canonical(after) if canonical else after) == wanted:
                found.append(TIME if task == CLOCK else system.tasks[task])
                state = after
                break
        else:
            raise AssertionError("no step leads from a state to the next")
    return found


def replay(scenario: Concurrent, tasks: Iterable[str]) -> tuple[Step, ...]:
    """Let the tasks take one step each, in this order, on the model itself.

    ReplayError says at which step somebody cannot go on.
    """
    machine, steps = started(scenario), []
    for number, task in enumerate(tasks, 1):
        if task == TIME:
            tick = _next_tick(scenario, machine)
            if tick is None:
                raise ReplayError(f"step {number}: expected somebody who waits for a tick")
            machine = machine.with_({"clock": tick})
            steps.append(Step(TIME, "clock", "passes", None, machine))
            continue
        if task not in scenario.programs:
            known = ", ".join(scenario.programs)
            raise ReplayError(f"step {number}: expected a task of {known}, got {task!r}")
        if machine.get(("stack", task)) is None:
            raise ReplayError(f"step {number}: expected {task} to go on, but its program is over")
        m = View(machine)
        try:
            operation, step, outcome = step_in(m, task)
        except Blocked as blocked:
            raise ReplayError(
                f"step {number}: expected {task} to go on, but it waits for {blocked}"
            ) from None
        if m.get(("stack", task)) is None:
            proceed(m, task, scenario.programs[task])
        machine = machine.with_(m.writes)
        steps.append(Step(task, operation, step, outcome, machine))
    return tuple(steps)


def _next_tick(scenario: Concurrent, machine: Machine) -> int | None:
    ticks = []
    for task in scenario.programs:
        if machine.get(("stack", task)) is not None:
            try:
                step_in(View(machine), task)
            except Blocked as blocked:
                ticks += [blocked.until] if blocked.until is not None else []
    return min(ticks, default=None)
