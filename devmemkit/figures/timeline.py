"""The timeline: what process and driver do, one row an act, with the claim's atomic steps."""

from __future__ import annotations

from typing import Any

from devmemkit.figures.marks import Axis, Layer, Picture
from devmemkit.scenarios.story import SETTLE, Played
from devmemkit.scenarios.words import phrase

LANES = {"P": (0.6, "process", "P"), "C": (1.5, "process", "C"), "G": (2.4, "kernel", "G"),
         "D": (3.3, "driver", "D")}  # fmt: skip
TEXT, RESULT, WIDTH = 4.1, 10.3, 14.6


def timeline(played: Played, now: int | None = None) -> Picture:
    """Picture a story up to moment `now` (index), or all of it; what is to come is subdued."""
    reached = len(played.moments) - 1 if now is None else now
    current = played.moments[reached].act if played.moments and reached >= 0 else -1
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "room")}
    y = 0.0
    at_now: float | None = None
    for index, act in enumerate(played.acts):
        if act.operation == SETTLE:
            continue
        taken = [i for i, m in enumerate(played.moments) if m.act == index]
        done = bool(taken) and taken[-1] <= reached
        outcome = played.outcomes.get(act.key) if done else None
        lane, actor, _ = LANES[act.actor]
        begun = bool(taken) and taken[0] <= reached
        role = actor if not done else "ok" if outcome and outcome.ok else "error"
        shape = "circle" if not done or (outcome and outcome.ok) else "x"
        steps = " · ".join(played.moments[i].event.step for i in taken)
        _add(
            dots, x=lane, y=y, shape=shape, role=role if begun else "grid",
            tip=f"{act.operation}: {steps or 'not played'}",
        )  # fmt: skip
        result = "" if not begun else phrase(act, outcome) if done else "waits"
        ink = "ink" if begun else "muted"
        _add(words, x=TEXT, y=y, text=act.says, style="plain", role=ink, room=RESULT - TEXT - 0.2)
        _add(
            words, x=RESULT, y=y, text=result, style="strong", role=role if begun else "muted",
            room=WIDTH - RESULT,
        )  # fmt: skip
        if index == current and now is not None:
            at_now = y
        if act.actor == "D":
            y += 0.8
            shown = " · ".join(played.moments[i].event.step for i in taken if i <= reached)
            _add(words, x=TEXT, y=y, text=shown, style="code", role="muted", room=WIDTH - TEXT)
        y += 1.0
    return Picture(
        name="timeline",
        title="What process (P, child C, debugger G) and driver (D) do and get",
        alt=_alt(played, reached),
        x=Axis("", 0, WIDTH),
        y=Axis("", y, -1.8),
        layers=(
            _lanes(y),
            Layer("lane-names", "text", _lane_names()),
            _now(at_now),
            Layer("acts", "marker", dots),
            Layer("words", "text", words),
        ),
        height=int(50 + 20 * (y + 1.8)),
    )


def _alt(played: Played, reached: int) -> str:
    seen = {m.act for m in played.moments[: reached + 1]}
    told = [
        f"{act.actor} {act.says}: {phrase(act, played.outcomes.get(act.key))}"
        for index, act in enumerate(played.acts)
        if index in seen and act.operation != SETTLE
    ]
    return "Timeline. " + "; ".join(told) + "."


def _lanes(bottom: float) -> Layer:
    xs = tuple(x for x, _, _ in LANES.values())
    ends = (bottom - 0.6,) * len(xs)
    columns = {"x0": xs, "y0": (-0.8,) * len(xs), "x1": xs, "y1": ends, "role": ("grid",) * len(xs)}
    return Layer("lanes", "segment", columns)


def _lane_names() -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    for x, role, name in LANES.values():
        _add(columns, x=x, y=-1.25, text=name, style="strong", role=role, anchor="center")
    return columns


def _now(y: float | None) -> Layer:
    rows = () if y is None else ((0.0, WIDTH, y + 0.5, y - 0.5, "now"),)
    names = ("left", "right", "bottom", "top", "role")
    return Layer("now", "outline", {n: [row[i] for row in rows] for i, n in enumerate(names)})


def _add(columns: dict[str, list[Any]], **values: Any) -> None:
    for name, value in values.items():
        columns[name].append(value)
