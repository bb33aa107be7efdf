"""How exposure grows with a driver's delay: simulated shares, and the closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from devmemkit.figures.frame import with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.scenarios.stories.exposure import Exposure, Share

Point = tuple[Exposure, Share]
LOOKS = (
    ("process", "circle"),
    ("driver", "square"),
    ("blocked", "triangle"),
    ("kernel", "diamond"),
)
FINE = 8
"""Places a decade at which the closed form is drawn."""
PERCENTS = (0, 25, 50, 75, 100)


@with_margins
def exposure(series: Mapping[str, Sequence[Point]], now: Point | None = None) -> Picture:
    """Picture each series: marks with 95 % intervals over the delay, its closed form as a line.

    The delay has a logarithmic scale, in seconds. `now` is marked apart.
    """
    delays = [point.delay for points in series.values() for point, _ in points]
    low, high = math.floor(math.log10(min(delays))), math.ceil(math.log10(max(delays)))
    marks = Marks()

    def draw(point: Exposure, share: Share, role: str, shape: str, name: str) -> None:
        x = min(max(math.log10(point.delay or 1e-9), low), high)  # beyond the axis: at its end
        marks.line(x, 100 * share.low, x, 100 * share.high, role)
        tip = (
            f"{name}, delay {point.delay:g} s: {share.hits} of {share.trials} trials\n"
            f"95 %: {100 * share.low:.1f} to {100 * share.high:.1f} %; "
            f"closed form {100 * point.expected:.1f} %"
        )
        marks.marker(x, 100 * share.value, shape, role, tip)

    for y in PERCENTS:
        marks.line(low, y, high, y, "grid")
    for (name, points), (role, shape) in zip(series.items(), LOOKS, strict=False):
        for point, share in points:
            draw(point, share, role, shape, name)
        places = [low + step / FINE for step in range((high - low) * FINE + 1)]
        heights = [100 * replace(points[0][0], delay=10**x).expected for x in places]
        for x0, x1, y0, y1 in zip(places, places[1:], heights, heights[1:], strict=False):
            marks.line(x0, y0, x1, y1, role, "dotted")
    if now is not None:
        draw(*now, "now", "x", "here")
    told = "; ".join(
        f"{name}: " + ", ".join(f"{p.delay:g} s {100 * s.value:.0f} %" for p, s in points)
        for name, points in series.items()
    )
    ticks = tuple((exponent, f"{10.0**exponent:g}") for exponent in range(low, high + 1))
    legend = [(role, name) for name, (role, _) in zip(series, LOOKS, strict=False)]
    edge = 0.03 * (high - low)  # for the marks at both ends
    return Picture(
        name="exposure",
        title="Written to before the claim, % of trials",
        message="Simulated, with 95 % intervals; dotted: closed form.",
        alt=f"Share of trials in which the region was written to before the claim: {told}.",
        x=Axis("delay of the driver in seconds", low - edge, high + edge, ticks),
        y=Axis("", -4, 104, tuple((y, str(y)) for y in PERCENTS)),
        marks=marks,
        height=216,
        legend=(*legend, *([("now", "chosen")] if now else [])),
    )
