"""How exposure grows with the delay of a driver: simulated shares with intervals, closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from devmemkit.figures.marks import Axis, Layer, Picture, add_mark
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


def exposure(series: Mapping[str, Sequence[Point]], now: Point | None = None) -> Picture:
    """Picture each series: marks with 95 % intervals over the delay, its closed form as a line.

    The delay has a logarithmic scale, in seconds. `now` is marked apart.
    """
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    bars: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role", "dash")}
    delays = [point.delay for points in series.values() for point, _ in points]
    low, high = math.floor(math.log10(min(delays))), math.ceil(math.log10(max(delays)))
    for y in (0, 25, 50, 75, 100):
        add_mark(bars, x0=low, x1=high, y0=y, y1=y, role="grid", dash="solid")
    for (name, points), (role, shape) in zip(series.items(), LOOKS, strict=False):
        for point, share in points:
            _point(dots, bars, (low, high), point, share, role, shape, name)
        first = points[0][0]
        places = [low + step / FINE for step in range((high - low) * FINE + 1)]
        heights = [100 * _at(first, 10**x).expected for x in places]
        for x0, x1, y0, y1 in zip(places, places[1:], heights, heights[1:], strict=False):
            add_mark(bars, x0=x0, x1=x1, y0=y0, y1=y1, role=role, dash="dotted")
    if now is not None:
        _point(dots, bars, (low, high), *now, "now", "x", "here")
    told = "; ".join(
        f"{name}: " + ", ".join(f"{p.delay:g} s {100 * s.value:.0f} %" for p, s in points)
        for name, points in series.items()
    )
    ticks = tuple((exponent, f"{10.0**exponent:g}") for exponent in range(low, high + 1))
    return Picture(
        name="exposure",
        title="Written to before the claim, % of trials",
        alt=f"Share of trials in which the region was written to before the claim: {told}.",
        x=Axis("delay of the driver in seconds", low, high, ticks),
        y=Axis("", -2, 104, tuple((y, str(y)) for y in (0, 25, 50, 75, 100))),
        layers=(
            Layer("lines", "segment", bars),
            Layer("shares", "marker", dots),
        ),
        height=340,
        legend=(
            *((role, name) for name, (role, _) in zip(series, LOOKS, strict=False)),
            *([("now", "chosen")] if now else []),
        ),
    )


def _at(exposure: Exposure, delay: float) -> Exposure:
    return Exposure(delay, exposure.writers, exposure.rate, exposure.spread)


def _point(
    dots: dict[str, list[Any]], bars: dict[str, list[Any]], ends: tuple[int, int],
    point: Exposure, share: Share, role: str, shape: str, name: str,
) -> None:  # fmt: skip
    x = min(max(math.log10(point.delay or 1e-9), ends[0]), ends[1])  # beyond: at the edge
    add_mark(bars, x0=x, x1=x, y0=100 * share.low, y1=100 * share.high, role=role, dash="solid")
    add_mark(
        dots, x=x, y=100 * share.value, shape=shape, role=role,
        tip=f"{name}, delay {point.delay:g} s: {share.hits} of {share.trials} trials\n"
        f"95 %: {100 * share.low:.1f} to {100 * share.high:.1f} %; "
        f"closed form {100 * point.expected:.1f} %",
    )  # fmt: skip
