"""The race between an mmap and a claim: where each claim landed, and what became of the mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby, product
from statistics import median
from typing import Any, Final, NamedTuple

from devmemkit.figures import frame
from devmemkit.figures.marks import Axis, Layer, Picture, add_mark
from devmemkit.lab.compare import Verdict
from devmemkit.lab.race import Judged, judge
from devmemkit.scenarios.races.lab_race import CLAIMS
from devmemkit.scenarios.races.one_bar import VIAS

LOOKS: Final = {
    "denied EPERM": ("idle", "square", "denied, EPERM"),
    "denied EINVAL": ("private", "diamond", "denied, EINVAL"),
    "killed": ("zapped", "x", "killed"),
    "survived": ("live", "circle", "survived"),
    "torn": ("claimed", "triangle", "torn: in part"),
    "undecided": ("reserved", "inverted_triangle", "undecided"),
}
"""Of an outcome: its role, its shape, its name in the legend."""

FIRST, LAST = -0.2, 1.5
"""What is drawn; a claim that landed outside stands at the edge."""
EDGE: Final = 0.03
"""Free space for the marks that stand there."""
LANES: Final = ("denied", "killed", "survived")
HEAD, LANE, GAP = 24, 18, 8
"""Heights in px: of the line above a group, of a lane, between groups."""
STRIP, BINS = 18, 17
"""Height in px of a kernel's strip; how many bins the drawn span has."""


class Landed(NamedTuple):
    """A trial: where its claim began and ended, as shares of the mmap (0 entered, 1 returned)."""

    begin: float
    end: float
    outcome: str


def landed(sweep: Mapping[str, Any], via: str, claim: str) -> list[Landed]:
    """The real trials for one way to map and one claim, by when the claim began.

    An mmap that is denied returns early: its whole is how long one takes that nobody disturbs,
    the median of the sweep's controls without a claim.
    """
    mine = [t for t in sweep["trials"] if (t["via"], t["claim"]) == (via, claim)]
    alone = median(t["returned"] for t in mine if t["control"] == "none")
    found = []
    for trial in mine:
        if not trial["control"]:
            whole = max(trial["returned"], alone) if trial["errno"] else trial["returned"]
            begin, end = (round(trial[name] / whole, 3) for name in ("begin", "end"))
            found.append(Landed(begin, end, trial["outcome"]))
    return sorted(found, key=lambda one: one.begin)


def in_view(x: float) -> float:
    """The place of a share in the drawn span."""
    return min(max(x, FIRST), LAST)


def _named(via: str, claim: str) -> str:
    path = "/dev/mem" if via == "devmem" else "resource2"
    return f"{path}, {'whole BAR' if claim == 'whole' else 'first page'} claimed"


def _lane(outcome: str) -> str:
    return outcome.partition(" ")[0]


def _legend(outcomes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    present = {*outcomes}
    return tuple((role, text) for name, (role, _, text) in LOOKS.items() if name in present)


def _axis() -> Axis:
    ticks = ((0, "entered"), (0.5, "half"), (1, "returned"))
    return Axis("when the claim begins, as share of the mmap", FIRST - EDGE, LAST + EDGE, ticks)


def race(sweep: Mapping[str, Any]) -> Picture:
    """Picture one kernel's sweep: a mark a trial, in the lane of what became of the mapping.

    The thin line is the claim, from its begin to its end. `sweep` is what lab.race.sweep() gives.
    """
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    spans: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    ticks: list[tuple[float, str]] = []
    told = []
    y = 0.0
    for judged in judge(dict(sweep)):
        trials = landed(sweep, judged.via, judged.claim)
        label = _named(judged.via, judged.claim)
        add_mark(
            words,
            x=FIRST + 0.015,
            y=y + HEAD / 2,
            text=label,
            style="strong",
            role="ink",
            anchor="left",
        )
        passed = judged.verdict is Verdict.PASSED
        add_mark(
            words, x=LAST, y=y + HEAD / 2, text=judged.verdict.name, anchor="right",
            style="small" if passed else "strong", role="ok" if passed else "error",
        )  # fmt: skip
        y += HEAD
        lanes = _lanes(judged, trials)
        for lane in lanes:
            middle = y + LANE / 2
            ticks.append((middle, lane))
            here = [one for one in trials if _lane(one.outcome) == lane]
            if here:
                add_mark(spans, x0=FIRST, x1=LAST, y0=middle, y1=middle, role="grid")
            for one in here:
                role, shape, _ = LOOKS.get(one.outcome, LOOKS["undecided"])
                add_mark(
                    spans, x0=in_view(one.begin), x1=in_view(one.end), y0=middle, y1=middle,
                    role="muted",
                )  # fmt: skip
                add_mark(
                    dots, x=in_view(one.begin), y=middle, shape=shape, role=role,
                    tip=f"{one.outcome}: claim from {one.begin} to {one.end}",
                )  # fmt: skip
            if not here:
                can = any(_lane(outcome) == lane for outcome in judged.possible)
                text = "possible, not seen" if can else "the model: never"
                add_mark(
                    words, x=0.5, y=middle, text=text, style="small", role="muted", anchor="center"
                )
            y += LANE
        _guides(spans, y - LANE * len(lanes), y)
        y += GAP
        seen = ", ".join(f"{count} {outcome}" for outcome, count in judged.seen.items())
        told.append(f"{label}: {seen} ({judged.verdict.name})")
    return Picture(
        name="race",
        title=f"mmap against a claim, Linux {sweep['version']}",
        alt=f"The mmap-versus-claim race on Linux {sweep['version']}. {'; '.join(told)}.",
        x=_axis(),
        y=Axis("", y, 0, tuple(ticks)),
        layers=(
            Layer("spans", "segment", spans),
            Layer("trials", "marker", dots),
            Layer("words", "text", words),
        ),
        height=int(y + 2 * frame.EDGE + 24 + 46 + 40),
        legend=_legend(t["outcome"] for t in sweep["trials"] if not t["control"]),
    )


def _guides(lines: dict[str, list[Any]], top: float, bottom: float) -> None:
    """Where the mmap is entered and where it returns."""
    for at in (0, 1):
        add_mark(lines, x0=at, x1=at, y0=top, y1=bottom, role="muted")


def _lanes(judged: Judged, trials: list[Landed]) -> list[str]:
    """The usual lanes, and others where the kernel or the model has them."""
    more = {_lane(one.outcome) for one in trials} | {_lane(one) for one in judged.possible}
    return [*LANES, *sorted(more - {*LANES})]


def races(sweeps: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Picture the sweeps of several kernels: a strip each, with the outcomes' shares in bins."""
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    lines: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role")}
    ticks: list[tuple[float, str]] = []
    told = []
    y = 0.0
    for via, claim in product(VIAS, CLAIMS):
        label = _named(via, claim)
        add_mark(words, x=FIRST, y=y + HEAD / 2, text=label, style="strong", role="ink")
        y += HEAD
        for version, sweep in sweeps.items():
            ticks.append((y + STRIP / 2, version))
            trials = landed(sweep, via, claim)
            add_mark(lines, x0=FIRST, x1=LAST, y0=y + STRIP, y1=y + STRIP, role="grid")
            for left, right, shares in _binned(trials):
                top = y + 2
                for outcome, share in shares:
                    role = LOOKS.get(outcome, LOOKS["undecided"])[0]
                    bottom = top + share * (STRIP - 4)
                    add_mark(
                        quads, left=left, right=right, top=top, bottom=bottom, role=role,
                        tip=f"Linux {version}, {label}: {outcome}",
                    )  # fmt: skip
                    top = bottom
            count = Counter(one.outcome for one in trials)
            seen = ", ".join(f"{count[name]} {name}" for name in sorted(count))
            told.append(f"Linux {version}, {label}: {seen}")
            y += STRIP
        _guides(lines, y - STRIP * len(sweeps), y)
        y += GAP
    return Picture(
        name="races",
        title="The same race on every kernel",
        alt=f"The mmap-versus-claim race, kernel by kernel. {'; '.join(told)}.",
        x=_axis(),
        y=Axis("", y, 0, tuple(ticks)),
        layers=(
            Layer("shares", "quad", quads),
            Layer("lines", "segment", lines),
            Layer("words", "text", words),
        ),
        height=int(y + 2 * frame.EDGE + 24 + 46 + 40),
        legend=_legend(t["outcome"] for s in sweeps.values() for t in s["trials"]
                       if not t["control"]),
    )  # fmt: skip


Shares = tuple[tuple[str, float], ...]


def _binned(trials: list[Landed]) -> Iterable[tuple[float, float, Shares]]:
    """The outcomes' shares in each bin that has trials: left, right, shares; alike ones joined."""
    width = (LAST - FIRST) / BINS

    def number(one: Landed) -> int:
        return min(BINS - 1, int((in_view(one.begin) - FIRST) / width))

    bins: list[tuple[int, Shares]] = []
    for index, inside in groupby(trials, key=number):
        count = Counter(one.outcome for one in inside)
        whole = sum(count.values())
        bins.append((index, tuple((name, count[name] / whole) for name in LOOKS if name in count)))
    for (shares, _), run in groupby(
        enumerate(bins), key=lambda pair: (pair[1][1], pair[1][0] - pair[0])
    ):
        indices = [index for _, (index, _) in run]
        yield FIRST + indices[0] * width, FIRST + (indices[-1] + 1) * width, shares
