"""The timeline: what process and driver do, one row an act, with the claim's atomic steps."""

from __future__ import annotations

from typing import Any

from devmemkit.figures.frame import EDGE, elide, text_width, wrapped
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import SETTLE, Act, Played
from devmemkit.scenarios.words import format_outcome

ACTORS = {
    "P": ("process P", "process"),
    "Q": ("process Q", "process"),
    "C": ("its child C", "process"),
    "G": ("debugger G", "kernel"),
    "D": ("driver D", "driver"),
}
"""Who acts, in words, and the role of its colour."""
FIRST, LANE = 6, 12
RESULT, TEXT, WIDTH = 56, 134, MIN_WIDTH - 2 * EDGE
"""Places across, in px of the narrowest figure."""


def timeline(played: Played, now: int | None = None) -> Picture:
    """Picture a story up to moment `now` (index), or all of it; what is to come is subdued."""
    reached = len(played.moments) - 1 if now is None else now
    current = played.moments[reached].act if played.moments and reached >= 0 else -1
    acting = {act.actor for act in played.acts}
    lanes = {name: FIRST + LANE * n for n, name in enumerate(a for a in ACTORS if a in acting)}
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role")}
    y = 0.0
    at_now: float | None = None
    for index, act in enumerate(played.acts):
        if act.operation == SETTLE:
            continue
        taken = [i for i, m in enumerate(played.moments) if m.act == index]
        done = bool(taken) and taken[-1] <= reached
        outcome = played.outcomes.get(act.key) if done else None
        actor = ACTORS[act.actor][1]
        begun = bool(taken) and taken[0] <= reached
        role = actor if not done else "ok" if outcome and outcome.ok else "error"
        shape = "circle" if not done or (outcome and outcome.ok) else "x"
        steps = " · ".join(played.moments[i].event.step for i in taken)
        told = f": {format_outcome(act, outcome)}" if done else ""
        add_mark(
            dots, x=lanes[act.actor], y=y, shape=shape, role=role if begun else "grid",
            tip=f"{act.says}{told}\n{act.operation}: {steps or 'not played'}",
        )  # fmt: skip
        result = "" if not begun else _short(act, outcome) if done else "waits"
        ink = "ink" if begun else "muted"
        add_mark(words, x=RESULT, y=y, text=result, style="strong", role=role if begun else "muted")
        if index == current and now is not None:
            at_now = y
        for line, text in enumerate(wrapped(act.says, "plain", WIDTH - TEXT)):
            y += 0.7 if line else 0
            add_mark(words, x=TEXT, y=y, text=text, style="plain", role=ink)
        if act.actor == "D":
            y += 0.8
            add_mark(
                words, x=RESULT, y=y, text=_steps(played, [i for i in taken if i <= reached]),
                style="code", role="muted",
            )  # fmt: skip
        y += 1.0
    return Picture(
        name="timeline",
        title="What everyone does, and what comes of it",
        alt=_alt(played, reached),
        x=Axis("", 0, WIDTH),
        y=Axis("", y - 0.4, -2.4),
        layers=(
            _rails(tuple(lanes.values()), y),
            Layer("lane-names", "text", _lane_names(lanes)),
            _now(at_now),
            Layer("acts", "marker", dots),
            Layer("words", "text", words),
        ),
        height=int(50 + 20 * (y + 2)),
    )


def _short(act: Act, outcome: Outcome | None) -> str:
    """The outcome in the room between lanes and text; tip and alt text have all of it."""
    signal = outcome.signal if outcome else ""
    return signal or elide(format_outcome(act, outcome), "strong", TEXT - RESULT - 10)


def _steps(played: Played, moments: list[int]) -> str:
    """The names of these steps, without the earliest where they need more than the line."""
    names = [played.moments[index].event.step for index in moments]
    line = " · ".join(names)
    while text_width(line, "code") > WIDTH - RESULT and len(names) > 1:
        line = " · ".join(("…", *(names := names[1:])))
    return line


def _alt(played: Played, reached: int) -> str:
    seen = {m.act for m in played.moments[: reached + 1]}
    told = [
        f"{act.actor} {act.says}: {format_outcome(act, played.outcomes.get(act.key))}"
        for index, act in enumerate(played.acts)
        if index in seen and act.operation != SETTLE
    ]
    return "Timeline. " + "; ".join(told) + "."


def _rails(xs: tuple[int, ...], bottom: float) -> Layer:
    ends = (bottom - 0.6,) * len(xs)
    columns = {"x0": xs, "y0": (-0.8,) * len(xs), "x1": xs, "y1": ends, "role": ("grid",) * len(xs)}
    return Layer("lanes", "segment", columns)


def _lane_names(lanes: dict[str, int]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    who = ", ".join(ACTORS[name][0] for name in lanes)
    add_mark(columns, x=0, y=-2, text=who, style="small", role="muted", anchor="left")
    for name, x in lanes.items():
        role = ACTORS[name][1]
        add_mark(columns, x=x, y=-1.1, text=name, style="strong", role=role, anchor="center")
    return columns


def _now(y: float | None) -> Layer:
    rows = () if y is None else ((0.0, WIDTH, y + 0.5, y - 0.5, "now"),)
    names = ("left", "right", "bottom", "top", "role")
    return Layer("now", "outline", {n: [row[i] for row in rows] for i, n in enumerate(names)})
