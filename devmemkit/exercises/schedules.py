"""Schedules as students write them: names of tasks, one for each step, followed on the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from reprlib import repr as shortened
from typing import Any

from devmemkit.explore.counterexample import Step, next_step
from devmemkit.explore.system import started
from devmemkit.model.errors import Blocked
from devmemkit.model.machine import Machine
from devmemkit.model.step import finished
from devmemkit.scenarios.races.scenario import Concurrent


def schedule(given: Any, made: Concurrent) -> list[str]:
    """The names of tasks in a student's answer; ValueError for one that is no schedule of them."""
    names = given.split() if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names:
        raise ValueError(
            f"expected the names of tasks, such as {' '.join(made.programs)!r}; got "
            f"{shortened(given)}"
        )
    for name in names:
        if name not in [*made.programs]:
            known = ", ".join(made.programs)
            raise ValueError(f"expected tasks of {known}; got {shortened(name)}")
    return [*names]


def follow(made: Concurrent, names: Iterable[str]) -> tuple[list[Step], str]:
    """The steps that a schedule takes, and why it cannot go on, "" if it ran to its end."""
    machine, steps = started(made), list[Step]()
    for number, task in enumerate(names, 1):
        if finished(machine, task):
            return steps, f"step {number} does not exist: {task} has already taken all its steps"
        try:
            steps.append(next_step(made, machine, task))
        except Blocked as blocked:
            return steps, f"step {number} is not possible: {task} has to wait ({blocked.on})"
        machine = steps[-1].machine
    return steps, ""


def following(made: Concurrent, machine: Machine) -> dict[str, str]:
    """By task that has not ended: its next step, or "" if it has to wait."""
    found = {}
    for task in made.programs:
        if not finished(machine, task):
            try:
                found[task] = next_step(made, machine, task).step
            except Blocked:
                found[task] = ""
    return found


def unfinished(left: dict[str, str]) -> str:
    """What is left to do, in words."""
    said = (f"{task} is at {step}" if step else f"{task} waits" for task, step in left.items())
    return " and ".join(said) or "all tasks have ended"


def to_the_end(made: Concurrent, first: Iterable[str], then: Iterable[str]) -> list[Step]:
    """The steps of a schedule, then all that the tasks `then` can take, one after the other."""
    steps, _ = follow(made, first)
    machine = steps[-1].machine if steps else started(made)
    for task in then:
        while following(made, machine).get(task):
            steps.append(next_step(made, machine, task))
            machine = steps[-1].machine
    return steps


def runs(steps: Iterable[Step]) -> Iterator[tuple[str, int, str]]:
    """The runs of one task in a schedule: the task, how many steps, and these in Markdown."""
    for task, of_task in groupby(steps, lambda step: step.task):
        names = [(name, len([*same])) for name, same in groupby(step.step for step in of_task)]
        shown = (f"`{name}`" + (f" ({times} times)" if times > 1 else "") for name, times in names)
        yield task, sum(times for _, times in names), ", ".join(shown)


def in_words(steps: Iterable[Step]) -> str:
    """A schedule in a line of Markdown."""
    return "; ".join(f"**{task}** {names}" for task, _, names in runs(steps))


def in_lines(steps: Iterable[Step]) -> str:
    """A schedule as a Markdown list below an item of another, with the numbers of its steps."""
    lines, last = [""], 0
    for task, count, names in runs(steps):
        where = f"{last + 1} to {last + count}" if count > 1 else f"{last + 1}"
        lines.append(f"    - {where}: **{task}** {names}")
        last += count
    return "\n".join(lines)


def places(steps: Iterable[Step], names: Iterable[str]) -> str:
    """The numbers of the steps of these names, as in "insert 4; zap 7, 8"."""
    found: dict[str, list[int]] = {}
    for number, step in enumerate(steps, 1):
        found.setdefault(step.step, []).append(number)
    said = (f"{name} {', '.join(map(str, found[name]))}" for name in names if name in found)
    return f"the numbers of its steps are {'; '.join(said)}"
