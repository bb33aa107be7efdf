"""Booting as a picture: initcalls level by level, and the moments that matter here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from devmemkit.figures.frame import EDGE, text_width, with_margins, wrapped
from devmemkit.figures.marks import MIN_WIDTH, Axis, Marks, Picture

ROW, LINE = 22, 14
"""Heights in px: of a level, of a line of text."""
ORDER_ONLY = "times from emulation: order, not duration"
PROCESS = "process"
"""The name of the row after the last level: the first process."""
FILE = ("now", "diamond", "first resource file")
"""Role, shape and name in the legend of the moment that all is about."""
RUNS = ("ink", "triangle", "first process")
"""Role, shape and legend name of the moment at which the boot ends: the first process runs."""


class Moment(NamedTuple):
    """An event that matters, in the `order`-th initcall (from 0), which is of this level."""

    order: int
    level: str
    us: int
    function: str
    brings: str


class Level(NamedTuple):
    """A level's initcalls, numbers `first` to `end` - 1; the first starts at `us`."""

    name: str
    first: int
    end: int
    us: int


def _calls(timeline: Mapping[str, Any]) -> list[Any]:
    """The initcalls that start before the first process, and the process: name, level, start."""
    process = timeline["first_process"]
    calls = [call for call in timeline["initcalls"] if call[2] < process]
    return [*calls, (PROCESS, PROCESS, process)]


def levels(timeline: Mapping[str, Any]) -> list[Level]:
    """The levels of a recorded timeline in order; the last one is the first process."""
    found = []
    for name, run in groupby(enumerate(_calls(timeline)), key=lambda call: call[1][1]):
        (first, call), *rest = run
        found.append(Level(name, first, first + 1 + len(rest), call[2]))
    return found


def moments(timeline: Mapping[str, Any]) -> list[Moment]:
    """The recorded moments, each with its place in the order of initcalls."""
    calls = _calls(timeline)
    starts = [call[2] for call in calls]
    place = {call[0]: index for index, call in enumerate(calls)}
    found = []
    for us, function, brings in timeline["moments"]:
        order = place.get(function, max(0, bisect_right(starts, us) - 1))
        found.append(Moment(order, calls[order][1], us, function, brings))
    return found


def _first_made(timeline: Mapping[str, Any]) -> Mapping[str, Any]:
    made = [device for device in timeline["devices"] if device["made_us"] is not None]
    if not made:
        raise ValueError(f"timeline of {timeline['version']}: expected a resource file, got none")
    return min(made, key=lambda device: device["made_us"])


def first_file(timeline: Mapping[str, Any]) -> Moment:
    """The moment at which the first resource file appears; ValueError without one."""
    us = _first_made(timeline)["made_us"]
    return next(moment for moment in moments(timeline) if moment.us == us)


def made_by(timeline: Mapping[str, Any]) -> str:
    """The initcall in which the first resource file is made."""
    return str(_first_made(timeline)["made_by"][2])


@with_margins
def initcalls(timeline: Mapping[str, Any]) -> Picture:
    """Picture one boot: a row a level, below it the level's moments.

    `timeline` is what lab.timeline.timeline() gives.
    """
    found = moments(timeline)
    rows = levels(timeline)
    total = rows[-1].first
    file = first_file(timeline)
    marks = Marks()
    ticks = []
    y = 0.0
    for level in rows:
        ticks.append((y + ROW / 2, level.name))
        if level.name != PROCESS:
            which = f"{level.name}: initcalls {level.first + 1} to {level.end}"
            tip = f"{which}\nfrom {_seconds(level.us)} on"
            marks.rect(level.first, level.end, y + 3, y + ROW - 3, "kernel", tip)
            at, _, side = _beside(level.first, level.end, total)
            marks.text(at, y + ROW / 2, str(level.end - level.first), "small", "muted", **side)
            y += ROW
        for moment in (one for one in found if one.level == level.name):
            x = min(moment.order + 0.5, total)
            title = [] if moment == file or level.name == PROCESS else [moment.function]
            at, room, side = _beside(x, x, total)
            lines = [*title, *wrapped(moment.brings, "small", room)]
            height = max(ROW, LINE * len(lines) + 6)
            where = f"{_where(moment, total)}, {_seconds(moment.us)}"
            tip = f"{moment.function}: {moment.brings}\n{where}"
            others = RUNS[:2] if level.name == PROCESS else ("process", "circle")
            role, shape = FILE[:2] if moment == file else others
            marks.marker(x, y + height / 2, shape, role, tip)
            for number, line in enumerate(lines):
                place = y + height / 2 + LINE * (number - (len(lines) - 1) / 2)
                style = "code" if title and not number else "small"
                marks.text(at, place, line, style, **side)
            y += height
    told = "; ".join(
        f"{m.function} ({m.brings}): {_where(m, total)}, level {m.level}" for m in found
    )
    return Picture(
        name="initcalls",
        title=f"Linux {timeline['version']} boots: {total} initcalls",
        alt=f"Boot of Linux {timeline['version']}, {total} initcalls in "
        f"{len(rows) - 1} levels; {ORDER_ONLY}. {told}.",
        x=Axis(
            "initcalls in the order in which they start",
            0,
            1.03 * total,
            tuple((at, str(at)) for at in range(0, total + 1, 200)),
        ),
        y=Axis("", y, 0, tuple(ticks)),
        marks=marks,
        height=int(y),
        legend=(
            ("kernel", "initcalls of a level"),
            (FILE[0], FILE[2]),
            ("process", "others that matter"),
            (RUNS[0], RUNS[2]),
        ),
    )


def _seconds(us: int) -> str:
    return f"{us / 1e6:.2f} s ({ORDER_ONLY})"


def _beside(left: float, right: float, total: int) -> tuple[float, float, dict[str, Any]]:
    """Place a text on the roomier side of left..right: x, px in the narrowest figure, anchor."""
    px = (MIN_WIDTH - 3 * EDGE - text_width("postcore", "code")) / total
    if total - right >= left:
        return right, px * (total - right) - 14, {"anchor": "left", "dx": 9}
    return left, px * left - 24, {"anchor": "right", "dx": -9}


SHOWN = ("subsys", "fs", "device", "late")
"""The levels drawn: nothing that matters happens in earlier ones."""
MARKS = {
    "acpi_init": ("kernel", "square", "PCI devices found"),
    "chr_dev_init": ("process", "circle", "/dev/mem"),
    "kernel_execve": RUNS,
}
BOOT = 58
"""Height in px of one kernel: its name, a lane of moments, a lane of files."""


@with_margins
def appearances(timelines: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Picture when PCI devices, /dev/mem, resource files and a process appear, kernel by kernel.

    The last initcall levels are equally wide; the place within a level is the number of initcalls.
    """
    marks = Marks()
    told = []
    end = len(SHOWN) + 0.5
    for number, (version, timeline) in enumerate(timelines.items()):
        top = BOOT * number
        for column in range(len(SHOWN) + 1):
            marks.line(column, top + 22, column, top + BOOT - 4, "grid")
        file = first_file(timeline)
        said = f"Linux {version}: by {made_by(timeline)}, level {file.level}"
        marks.text(0.02, top + 11, said, "strong")
        told.append(said)
        looks = MARKS | {file.function: FILE}
        for moment in (one for one in moments(timeline) if one.function in looks):
            role, shape, what = looks[moment.function]
            x, y = _across(moment, timeline), top + (46 if moment == file else 30)
            if moment == file:
                marks.line(x, y, end, y, FILE[0])
            where = f"{moment.function}, level {moment.level}, {_seconds(moment.us)}"
            marks.marker(x, y, shape, role, f"Linux {version}: {what}\n{where}")
    height = BOOT * len(timelines)
    ticks = tuple((index + 0.5, name) for index, name in enumerate(SHOWN))
    return Picture(
        name="appearances",
        title="Who makes resource files, and when",
        message="A line follows the first file: from there on a process finds files to open.",
        alt=f"Who makes resource files, and when ({ORDER_ONLY}). {'; '.join(told)}.",
        x=Axis("initcall levels, in order", 0, end, (*ticks, (len(SHOWN) + 0.25, "run"))),
        y=Axis("", height, 0),
        marks=marks,
        height=height,
        legend=tuple((role, what) for role, _, what in (*MARKS.values(), FILE)),
    )


def _where(moment: Moment, total: int) -> str:
    after = moment.level == PROCESS  # which is no initcall
    return f"after all {total} initcalls" if after else f"initcall {moment.order + 1} of {total}"


def _across(moment: Moment, timeline: Mapping[str, Any]) -> float:
    """The place of a moment over the levels drawn."""
    if moment.level == PROCESS:
        return len(SHOWN) + 0.25
    if moment.level not in SHOWN:
        return 0.0
    level = next(one for one in levels(timeline) if one.name == moment.level)
    share = (moment.order + 0.5 - level.first) / (level.end - level.first)
    return round(SHOWN.index(level.name) + share, 3)
