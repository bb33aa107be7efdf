"""The timeline: one row an act of a process or driver, with the claim's atomic steps."""

from __future__ import annotations

from devmemkit.figures.frame import INNER, elide, text_width, with_margins, wrapped
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.figures.theme import MEANING, WISHES
from devmemkit.scenarios.play import SETTLE, Played
from devmemkit.scenarios.wish import as_wished
from devmemkit.scenarios.words import format_outcome

ACTORS = {
    "P": ("process P", "process"),
    "Q": ("process Q", "process"),
    "C": ("its child C", "process"),
    "G": ("debugger G", "kernel"),
    "D": ("driver D", "driver"),
}
"""Each actor in words, and the role of its colour."""
WAITS = ("now", "under way")
SHAPES = {"ok": "circle", "error": "x", "muted": "square", WAITS[0]: "diamond"}
FIRST, LANE = 6, 12
RESULT, TEXT = 56, 134
"""Places across, in px of the narrowest figure."""


@with_margins
def timeline(played: Played, now: int | None = None) -> Picture:
    """Picture a story up to moment `now` (index), or all of it; later acts are subdued."""
    reached = len(played.moments) - 1 if now is None else now
    current = played.moments[reached].act if now is not None and reached >= 0 else -1
    acting = {act.actor for act in played.acts}
    lanes = {name: FIRST + LANE * n for n, name in enumerate(a for a in ACTORS if a in acting)}
    marks = Marks()
    marks.text(0, -2, ", ".join(ACTORS[name][0] for name in lanes), "small", "muted")
    for name, x in lanes.items():
        marks.text(x, -1.1, name, "strong", ACTORS[name][1], anchor="center")
    told = []
    y = 0.0
    for index, act in enumerate(played.acts):
        if act.operation == SETTLE:
            continue
        taken = [i for i, moment in enumerate(played.moments) if moment.act == index]
        begun = bool(taken) and taken[0] <= reached
        done = bool(taken) and taken[-1] <= reached
        outcome = played.outcomes.get(act.key) if done else None
        role = WISHES[as_wished(played, act.key)] if done else WAITS[0]
        if begun:
            final = played.outcomes.get(act.key)
            told.append(f"{act.actor} {act.says}: {format_outcome(act, final)}")
        steps = " · ".join(played.moments[i].event.step for i in taken)
        ended = f": {format_outcome(act, outcome)}" if done else ""
        tip = f"{act.says}{ended}\n{act.operation}: {steps or 'not played'}"
        shape, look = (SHAPES[role], role) if begun else ("dot", "muted")
        marks.marker(lanes[act.actor], y, shape, look, tip)
        result = format_outcome(act, outcome) if done else "waits" if begun else ""
        if outcome and outcome.signal:
            result = outcome.signal
        short = elide(result, "strong", TEXT - RESULT - 10)  # tip and alt text have it all
        marks.text(RESULT, y, short, "strong", role if begun else "muted")
        if index == current:
            marks.outline(1, INNER - 1, y - 0.5, y + 0.5, "now")
        for line, text in enumerate(wrapped(act.says, "plain", INNER - TEXT)):
            y += 0.7 if line else 0
            marks.text(TEXT, y, text, role="ink" if begun else "muted")
        if act.actor == "D":
            y += 0.8
            so_far = _steps(played, [i for i in taken if i <= reached])
            marks.text(RESULT, y, so_far, "code", "muted")
        y += 1.0
    for x in lanes.values():
        marks.line(x, -0.8, x, y - 0.6, "grid")
    return Picture(
        name="timeline",
        title="Each act and its end",
        alt=f"Timeline. {'; '.join(told)}.",
        x=Axis("", 0, INNER),
        y=Axis("", y - 0.4, -2.4),
        marks=marks,
        height=int(20 * (y + 2)),
        legend=MEANING if now is None else (*MEANING, WAITS),
    )


def _steps(played: Played, moments: list[int]) -> str:
    """The names of these steps; where the line is too short, without the earliest."""
    names = [played.moments[index].event.step for index in moments]
    line = " · ".join(names)
    while text_width(line, "code") > INNER - RESULT and len(names) > 1:
        line = " · ".join(("…", *(names := names[1:])))
    return line
