"""The races of a kernel with each repair: how many trials ended how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devmemkit.figures.frame import with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.figures.race import GAP, HEAD, LOOKS, STRIP, legend

X_AXIS: Final = Axis("share of the trials", 0, 1, ((0, "0"), (0.5, "half"), (1, "all")))


@with_margins
def repairs(races: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Picture:
    """Picture races by name: a bar for each repair, with the shares of its trials' outcomes.

    `races` has, by race and repair, how often each outcome was seen.
    """
    marks = Marks()
    ticks: list[tuple[float, str]] = []
    told, y = [], 0.0
    for race, by_repair in races.items():
        marks.text(0, y + HEAD / 2, race, "strong")
        y += HEAD
        for repair, seen in by_repair.items():
            ticks.append((y + STRIP / 2, repair))
            left, trials = 0.0, sum(seen.values())
            for outcome in (name for name in LOOKS if seen.get(name)):
                right = left + seen[outcome] / trials
                tip = f"{repair}: {seen[outcome]} of {trials} {outcome}"
                marks.rect(left, right, y + 2, y + STRIP - 2, LOOKS[outcome][0], tip)
                left = right
            words = ", ".join(f"{seen[name]} {name}" for name in LOOKS if seen.get(name))
            told.append(f"{race}, {repair}: {words}")
            y += STRIP
        y += GAP
    ended = {name for by_repair in races.values() for seen in by_repair.values() for name in seen}
    return Picture(
        name="repairs",
        title="The races with each repair",
        alt=f"How trials ended with each repair. {'; '.join(told)}.",
        x=X_AXIS,
        y=Axis("", y, 0, tuple(ticks)),
        marks=marks,
        height=int(y),
        legend=legend(ended),
    )
