"""Swim lanes: the steps of an order of several tasks, one row a step, one lane a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devmemkit.explore.counterexample import Counterexample, Step
from devmemkit.figures.frame import EDGE
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark

WIDTH = MIN_WIDTH - 2 * EDGE
LANE, FIRST = 22, 10
"""Px from lane to lane, and to the first."""
ROLES = {"U": "process", "C": "driver", "D": "driver", "R": "error", "B": "driver", "i": "kernel"}
"""By the first letter of a task's name: process, driver, one who releases unasked, bus, init."""


def lanes(
    tasks: Sequence[str],
    example: Counterexample | None,
    now: int | None = None,
    *,
    room: int = 1,
) -> Picture:
    """Picture the steps up to `now` (how many were taken), or all; what is to come is subdued.

    There are at least `room` rows, empty ones where nothing was found.
    """
    steps = example.steps if example else ()
    reached = len(steps) if now is None else now
    names = [*tasks, *(["time"] if any(step.task == "time" for step in steps) else [])]
    at = {name: FIRST + LANE * number for number, name in enumerate(names)}
    text = FIRST + LANE * len(names)
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    for name, x in at.items():
        add_mark(words, x=x, y=-1, text=name, style="strong", role=_role(name), anchor="center")
    for number, step in enumerate(steps):
        taken = number < reached
        failed = step.outcome is not None and not step.outcome.ok
        role = "grid" if not taken else "error" if failed else _role(step.task)
        add_mark(
            dots, x=at[step.task], y=number, shape="x" if failed else "circle", role=role,
            tip=f"{step.task} {step.operation}: {step.step}{_ended(step)}",
        )  # fmt: skip
        ink = "ink" if taken else "muted"
        add_mark(
            words, x=text, y=number, text=f"{step.step}{_ended(step)}", style="code", role=ink,
            anchor="left",
        )  # fmt: skip
    rows = max(room, len(steps))
    told = example.broken if example else "nothing was found"
    return Picture(
        name="lanes",
        title="The order of steps",
        alt=f"Steps in order: {example.line() if example else 'none'}; broken: {told}.",
        x=Axis("", 0, WIDTH),
        y=Axis("", rows - 0.4, -1.8),
        layers=(
            _rails(list(at.values()), rows),
            _now(reached - 1 if now else None),
            Layer("steps", "marker", dots),
            Layer("step-names", "text", words),
        ),
        height=int(60 + 20 * (rows + 1)),
    )


def _role(task: str) -> str:
    return ROLES.get(task[0], "kernel")


def _ended(step: Step) -> str:
    """How the operation ended with this step, if it did; an address is "done" here."""
    if step.outcome is None:
        return ""
    return " = done" if step.outcome.ok else f" = {step.outcome}"


def _rails(xs: list[int], rows: int) -> Layer:
    count = len(xs)
    ends: dict[str, list[Any]] = {"y0": [-0.6] * count, "y1": [rows - 0.6] * count}
    return Layer("rails", "segment", {"x0": xs, "x1": xs, **ends, "role": ["grid"] * count})


def _now(row: int | None) -> Layer:
    places = [] if row is None else [(0.0, float(WIDTH), row + 0.5, row - 0.5, "now")]
    names = ("left", "right", "bottom", "top", "role")
    return Layer("now", "outline", {n: [p[i] for p in places] for i, n in enumerate(names)})
