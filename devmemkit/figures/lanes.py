"""Swim lanes: the steps of an order of several tasks, one row a step, one lane a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from devmemkit.explore.counterexample import Counterexample
from devmemkit.figures.frame import INNER, text_width, with_margins
from devmemkit.figures.marks import Axis, Marks, Picture

LANE, FIRST = 22, 10
"""Px from lane to lane, and to the first."""
ROLES = {"U": "process", "A": "process", "i": "kernel", "R": "blocked"}
ROLES |= dict.fromkeys("CDB", "driver")
"""The colour of a task by the first letter of its name: U a process, A its thread, i an initcall, R
a driver that releases unasked, C and D drivers, B a bus."""
LEGEND = (
    ("process", "a process"),
    ("driver", "a driver or a bus"),
    ("kernel", "an initcall, or time"),
    ("blocked", "a release unasked"),
    ("error", "violates the property, or dies"),
    ("muted", "to come"),
    ("now", "this step"),
)


@with_margins
def lanes(
    tasks: Sequence[str], example: Counterexample | None, now: int | None = None, *, room: int = 1
) -> Picture:
    """Picture the first `now` steps, or all; later steps are subdued.

    There are at least `room` rows, so that a page keeps its place when less is found.
    """
    steps = example.steps if example else ()
    reached = len(steps) if now is None else now
    names = [*tasks, *(["time"] if any(step.task == "time" for step in steps) else [])]
    at = {name: FIRST + LANE * number for number, name in enumerate(names)}
    rows = max(room, len(steps))
    marks, count = Marks(), Counter[tuple[str, str, str]]()
    for name, x in at.items():
        marks.line(x, -0.6, x, rows - 0.6, "grid")
        marks.text(x, -1, name, "strong", _role(name), anchor="center")
    for number, step in enumerate(steps):
        taken = number < reached
        failed = step.outcome is not None and not step.outcome.ok
        dies = failed and bool(step.outcome and (step.outcome.signal or step.outcome.bug))
        last = number == len(steps) - 1  # the state after it is the one that breaks the property
        role = "muted" if not taken else "error" if dies or last else _role(step.task)
        shape = "dot" if not taken else "x" if failed else "diamond" if last else "circle"
        count[step.task, step.operation, step.step] += 1
        nth = count[step.task, step.operation, step.step]
        label = step.step if nth == 1 else f"{step.step} ({nth})"
        if step.outcome is not None:  # "done" stands for any value
            label += " = done" if step.outcome.ok else f" = {step.outcome}"
        marks.marker(at[step.task], number, shape, role, f"{step.task} {step.operation}: {label}")
        left = FIRST + LANE * len(at)
        if text_width(label, "code") > INNER - left:  # a bug in words; the tip has them all
            label = label.partition(":")[0]
        ink = "ink" if taken else "muted"
        marks.text(left, number, label, "code", ink, room=INNER - left)
    if now:
        marks.outline(1, INNER - 1, now - 1.5, now - 0.5, "now")
    told = example.broken if example else "nothing"
    roles = {"error" if steps else "", "muted" if now is not None else "", *map(_role, names)}
    roles |= {"now"} if now is not None else set()  # at step 0, too: the page keeps its place
    return Picture(
        name="lanes",
        title="The order of steps",
        message=f"Violated: {told}." if example else "No order was found that violates anything.",
        alt=f"Steps in order: {example.line() if example else 'none'}; violated: {told}.",
        x=Axis("", 0, INNER),
        y=Axis("", rows - 0.4, -1.8),
        marks=marks,
        height=int(20 * (rows + 1.4)),
        legend=tuple((role, text) for role, text in LEGEND if role in roles),
    )


def _role(task: str) -> str:
    return ROLES.get(task[0], "kernel")
