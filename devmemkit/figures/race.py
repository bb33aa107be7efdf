"""The race between an mmap and a claim: when each claim began, and the mapping's fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from itertools import groupby, product
from statistics import median
from typing import Any, Final, NamedTuple

from devmemkit.figures.frame import with_margins
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.lab.compare import Verdict
from devmemkit.lab.race import judge
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import CLAIMS

LOOKS: Final = {
    "denied EPERM": ("idle", "square", "denied, EPERM"),
    "denied EINVAL": ("private", "diamond", "denied, EINVAL"),
    "killed": ("ok", "x", "mapping killed"),
    "survived": ("error", "circle", "survived"),
    "torn": ("claimed", "triangle", "torn: in part"),
    "undecided": ("reserved", "inverted_triangle", "undecided"),
}
"""Role, shape and name in the legend of each outcome."""

FIRST, LAST = -0.2, 1.5
"""The span drawn; a claim that began outside is drawn at its edge."""
GUIDES: Final = (0, 1)
"""Where the mmap is entered and where it returns."""
EDGE: Final = 0.05
"""Free space for the marks at the edge."""
LANES: Final = ("denied", "killed", "survived")
"""The usual lanes; others are there where the kernel or the model has them."""
HEAD, LANE, GAP = 24, 18, 8
"""Heights in px: of the line above a group, of a lane, between groups."""
STRIP, BINS = 18, 17
"""Height in px of a kernel's strip; how many bins the drawn span has."""
X_AXIS: Final = Axis(
    "when the claim begins, as share of the mmap",
    FIRST - EDGE,
    LAST + EDGE,
    ((0, "entered"), (0.5, "half"), (1, "returned")),
)


class Landed(NamedTuple):
    """A trial: the begin and end of its claim as shares of the mmap (0 entered, 1 returned)."""

    begin: float
    end: float
    outcome: str


def landed(sweep: Mapping[str, Any], via: str, claim: str) -> list[Landed]:
    """The trials (not the controls) of one way to map and one claim, by the begin of the claim.

    A denied mmap returns early, so its claim is measured against an undisturbed mmap: the median
    of the sweep's controls without a claim.
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
    """Bound a share to the span drawn."""
    return min(max(x, FIRST), LAST)


def _label(via: str, claim: str) -> str:
    path = "/dev/mem" if via == "devmem" else "resource2"
    return f"{path}, {'BAR' if claim == 'whole' else 'page'} claimed"


def _lane(outcome: str) -> str:
    return outcome.partition(" ")[0]


def legend(seen: Container[str]) -> tuple[tuple[str, str], ...]:
    """Role and text of each outcome that was seen."""
    return tuple((role, text) for name, (role, _, text) in LOOKS.items() if name in seen)


@with_margins
def race(sweep: Mapping[str, Any]) -> Picture:
    """Picture one kernel's sweep: a marker a trial, in the lane of its outcome.

    A thin line spans the claim, from its begin to its end. `sweep` is what lab.race.sweep() gives.
    """
    marks = Marks()
    ticks: list[tuple[float, str]] = []
    told = []
    y = 0.0
    cells = judge(dict(sweep))
    survived = sum("survived" in one.seen for one in cells)
    for judged in cells:
        trials = landed(sweep, judged.via, judged.claim)
        label = _label(judged.via, judged.claim)
        style, role = ("small", "muted") if judged.verdict is Verdict.PASSED else ("strong", "now")
        marks.text(FIRST + 0.015, y + HEAD / 2, label, "strong")
        marks.text(LAST, y + HEAD / 2, judged.verdict.name, style, role, anchor="right")
        y += HEAD
        top = y
        possible = {_lane(outcome) for outcome in judged.possible}
        seen = {_lane(one.outcome) for one in trials}
        for lane in (*LANES, *sorted((possible | seen).difference(LANES))):
            middle = y + LANE / 2
            ticks.append((middle, lane))
            if lane in seen:
                marks.line(FIRST, middle, LAST, middle, "grid")
            else:
                text = "possible, not seen" if lane in possible else "the model: never"
                marks.text(0.5, middle, text, "small", "muted", anchor="center")
            for trial in (one for one in trials if _lane(one.outcome) == lane):
                role, shape, _ = LOOKS.get(trial.outcome, LOOKS["undecided"])
                marks.line(in_view(trial.begin), middle, in_view(trial.end), middle, "muted")
                tip = f"{trial.outcome}: claim from {trial.begin} to {trial.end}"
                marks.marker(in_view(trial.begin), middle, shape, role, tip)
            y += LANE
        for at in GUIDES:
            marks.line(at, top, at, y, "ink")
        y += GAP
        counts = ", ".join(f"{count} {outcome}" for outcome, count in judged.seen.items())
        told.append(f"{label}: {counts} ({judged.verdict.name})")
    return Picture(
        name="race",
        title=f"mmap against a claim, Linux {sweep['version']}",
        message=f"In {survived or 'none'} of {len(cells)} races a mapping survived the claim.",
        alt=f"The mmap-versus-claim race on Linux {sweep['version']}. {'; '.join(told)}.",
        x=X_AXIS,
        y=Axis("", y, 0, tuple(ticks)),
        marks=marks,
        height=int(y),
        legend=(
            *legend({t["outcome"] for t in sweep["trials"] if not t["control"]}),
            ("muted", "the claim lasts"),
        ),
    )


@with_margins
def races(sweeps: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Picture the sweeps of several kernels: a strip each, with the outcomes' shares in bins."""
    marks = Marks()
    ticks: list[tuple[float, str]] = []
    told, counted, outlived = [], Counter[str](), set[str]()
    y = 0.0
    for via, claim in product(VIAS, CLAIMS):
        label = _label(via, claim)
        marks.text(FIRST, y + HEAD / 2, label, "strong")
        y += HEAD
        for at in GUIDES:
            marks.line(at, y, at, y + STRIP * len(sweeps), "ink")
        for version, sweep in sweeps.items():
            ticks.append((y + STRIP / 2, version))
            trials = landed(sweep, via, claim)
            for left, right, shares in _binned(trials):
                top = y + 2
                for outcome, share in shares:
                    bottom = top + share * (STRIP - 4)
                    marks.rect(left, right, top, bottom, LOOKS[outcome][0])
                    top = bottom
            count = Counter(one.outcome for one in trials)
            counted |= count
            outlived |= {version} if count["survived"] else set()
            seen = ", ".join(f"{count[name]} {name}" for name in sorted(count))
            told.append(f"Linux {version}, {label}: {seen}")
            y += STRIP
        y += GAP
    return Picture(
        name="races",
        title="The same race, kernel by kernel",
        message=f"On {len(outlived)} of {len(sweeps)} kernels a mapping survived the claim. "
        "In a gap there was no trial.",
        alt=f"The mmap-versus-claim race, kernel by kernel. {'; '.join(told)}.",
        x=X_AXIS,
        y=Axis("", y, 0, tuple(ticks)),
        marks=marks,
        height=int(y),
        legend=legend(counted),
    )


Shares = tuple[tuple[str, float], ...]


def _binned(trials: list[Landed]) -> Iterator[tuple[float, float, Shares]]:
    """Shares of outcomes in each bin with trials; neighbouring bins with equal ones are joined."""
    width = (LAST - FIRST) / BINS
    bins: list[Counter[str]] = [Counter() for _ in range(BINS)]
    for one in trials:
        bins[min(BINS - 1, int((in_view(one.begin) - FIRST) / width))][one.outcome] += 1
    end = 0
    for shares, run in groupby(
        tuple((name, count[name] / count.total()) for name in LOOKS if name in count)
        for count in bins
    ):
        start, end = end, end + len(list(run))
        if shares:
            yield FIRST + start * width, FIRST + end * width, shares
