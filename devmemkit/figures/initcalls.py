"""Booting as a picture: initcalls level by level, and when what matters here comes to be."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from devmemkit.figures.frame import EDGE, text_width, wrapped
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark

ROW, LINE = 22, 14
"""Heights in px: of a level, of a line of text."""
ORDER_ONLY = "times from emulation: order, not duration"
PROCESS = "process"
"""What follows the last level: the first process."""


class Moment(NamedTuple):
    """Something that matters, at the `order`-th initcall (from 0), of this level."""

    order: int
    level: str
    us: int
    function: str
    brings: str


class Level(NamedTuple):
    """Initcalls first to end - 1 by order, from `us` on."""

    name: str
    first: int
    end: int
    us: int


def levels(timeline: Mapping[str, Any]) -> list[Level]:
    """The levels of a recorded timeline in order, up to the first process."""
    found = []
    at = 0
    for name, run in groupby(_before_process(timeline), key=lambda call: call[1]):
        calls = list(run)
        found.append(Level(name, at, at + len(calls), calls[0][2]))
        at += len(calls)
    return found


def moments(timeline: Mapping[str, Any]) -> list[Moment]:
    """The recorded moments, each with its place in the order of initcalls."""
    calls = _before_process(timeline)
    starts = [call[2] for call in calls]
    place = {call[0]: index for index, call in enumerate(calls)}
    found = []
    for us, function, brings in timeline["moments"]:
        if us >= timeline["first_process"]:
            found.append(Moment(len(calls), PROCESS, us, function, brings))
            continue
        order = place.get(function, max(0, bisect_right(starts, us) - 1))
        found.append(Moment(order, calls[order][1], us, function, brings))
    return found


def first_file(timeline: Mapping[str, Any]) -> Moment:
    """When the first resource file appears; ValueError where none does."""
    made = {device["made_us"] for device in timeline["devices"] if device["made_us"] is not None}
    found = [moment for moment in moments(timeline) if moment.us in made]
    if not found:
        raise ValueError(f"timeline of {timeline['version']}: expected a resource file, got none")
    return min(found, key=lambda moment: moment.us)


def _before_process(timeline: Mapping[str, Any]) -> list[Any]:
    return [call for call in timeline["initcalls"] if call[2] < timeline["first_process"]]


def initcalls(timeline: Mapping[str, Any]) -> Picture:
    """Picture one boot: a row a level, below it the moments that fall into it.

    `timeline` is what lab.timeline.timeline() gives.
    """
    marks = moments(timeline)
    rows = [*levels(timeline), Level(PROCESS, 0, 0, timeline["first_process"])]
    total = rows[-2].end
    ends: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    words["dx"] = []
    ticks = []
    y = 0.0
    file = first_file(timeline)
    for level in rows:
        ticks.append((y + ROW / 2, level.name))
        if level.end:
            count = f"{level.end - level.first}"
            add_mark(
                ends, left=level.first, right=level.end, top=y + 3, bottom=y + ROW - 3,
                role="kernel", tip=f"{level.name}: initcalls {level.first + 1} to {level.end}\n"
                f"from {_seconds(level.us)} on",
            )  # fmt: skip
            _beside(words, level.first, level.end, total, y + ROW / 2, count, "muted")
            y += ROW
        for moment in (m for m in marks if m.level == level.name):
            role, shape = _look(moment, file)
            x = min(moment.order + 0.5, total)
            title = [] if moment == file or level.name == PROCESS else [moment.function]
            room = _room(x, total)
            lines = [*title, *wrapped(moment.brings, "small", room)]
            height = max(ROW, LINE * len(lines) + 6)
            add_mark(
                dots, x=x, y=y + height / 2, shape=shape, role=role,
                tip=f"{moment.function}: {moment.brings}\n"
                f"initcall {moment.order + 1} of {total}, {_seconds(moment.us)}",
            )  # fmt: skip
            for number, line in enumerate(lines):
                at = y + height / 2 + LINE * (number - (len(lines) - 1) / 2)
                style = "code" if title and not number else "small"
                _beside(words, x, x, total, at, line, "ink", style)
            y += height
        told = "; ".join(
            f"{m.function} ({m.brings}) at initcall {m.order + 1}, level {m.level}" for m in marks
        )
    return Picture(
        name="initcalls",
        title=f"Linux {timeline['version']} boots: {total} initcalls",
        alt=f"Boot of Linux {timeline['version']}, {total} initcalls in "
        f"{len(rows) - 1} levels; {ORDER_ONLY}. {told}.",
        x=Axis("initcalls in the order in which they start", 0, 1.02 * total, _counts(total)),
        y=Axis("", y, 0, tuple(ticks)),
        layers=(
            Layer("levels", "quad", ends),
            Layer("moments", "marker", dots),
            Layer("words", "text", words),
        ),
        height=int(y + 2 * EDGE + 24 + 20 * 2 + 40),
        legend=(
            ("kernel", "initcalls of a level"),
            ("now", "first resource file"),
            ("process", "others that matter"),
        ),
    )


def _look(moment: Moment, file: Moment) -> tuple[str, str]:
    if moment == file:
        return "now", "diamond"
    return ("ok", "triangle") if moment.level == PROCESS else ("process", "circle")


def _seconds(us: int) -> str:
    return f"{us / 1e6:.2f} s ({ORDER_ONLY})"


def _counts(total: int) -> tuple[tuple[float, str], ...]:
    return tuple((at, str(at)) for at in range(0, total + 1, 200))


def _room(x: float, total: int) -> float:
    """Px for a text on the roomier side of x, in the narrowest figure."""
    frame = MIN_WIDTH - 3 * EDGE - text_width("postcore", "code")
    return frame * max(x, total - x) / total - 14


def _beside(
    words: dict[str, list[Any]], left: float, right: float, total: int, y: float, text: str,
    role: str, style: str = "small",
) -> None:  # fmt: skip
    """A text on the side of left..right that has more room."""
    after = total - right >= left
    x, anchor, dx = (right, "left", 9) if after else (left, "right", -9)
    add_mark(words, x=x, y=y, text=text, style=style, role=role, anchor=anchor, dx=dx)


SHOWN = ("subsys", "fs", "device", "late")
"""The levels in which what matters happens; those before are not drawn."""
MARKS = {
    "acpi_init": ("kernel", "square", "PCI devices found"),
    "chr_dev_init": ("process", "circle", "/dev/mem"),
    "kernel_execve": ("ink", "triangle", "first process"),
}
FILE = ("now", "diamond", "first resource file")
BOOT = 58
"""Height in px of one kernel: its name, a lane of moments, a lane of files."""


def appearances(timelines: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Picture when PCI devices, /dev/mem, resource files and a process appear, kernel by kernel.

    Across stand the last initcall levels, each as wide as any other; within one, an initcall's
    place is its number.
    """
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "shape", "role", "tip")}
    lines: dict[str, list[Any]] = {k: [] for k in ("x0", "y0", "x1", "y1", "role")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role")}
    told = []
    end = len(SHOWN) + 0.5
    for number, (version, timeline) in enumerate(timelines.items()):
        top = BOOT * number
        for column in range(len(SHOWN) + 1):
            add_mark(lines, x0=column, x1=column, y0=top + 22, y1=top + BOOT - 4, role="grid")
        file = first_file(timeline)
        said = f"Linux {version}: by {made_by(timeline)}, level {file.level}"
        add_mark(words, x=0.02, y=top + 11, text=said, style="strong", role="ink")
        told.append(said)
        for moment in moments(timeline):
            if moment != file and moment.function not in MARKS:
                continue
            role, shape, what = FILE if moment == file else MARKS[moment.function]
            x, y = _across(moment, timeline), top + (46 if moment == file else 30)
            if moment == file:
                add_mark(lines, x0=x, x1=end, y0=y, y1=y, role="live")
            add_mark(
                dots, x=x, y=y, shape=shape, role=role,
                tip=f"Linux {version}: {what}\n{moment.function}, level {moment.level}, "
                f"{_seconds(moment.us)}",
            )  # fmt: skip
    height = BOOT * len(timelines)
    ticks = tuple((index + 0.5, name) for index, name in enumerate(SHOWN))
    return Picture(
        name="appearances",
        title="Who makes resource files, and when",
        alt=f"Who makes resource files, and when ({ORDER_ONLY}). {'; '.join(told)}.",
        x=Axis("initcall levels, in order", 0, end, (*ticks, (len(SHOWN) + 0.25, "run"))),
        y=Axis("", height, 0),
        layers=(
            Layer("lanes", "segment", lines),
            Layer("moments", "marker", dots),
            Layer("words", "text", words),
        ),
        height=height + 2 * EDGE + 24 + 46 + 40,
        legend=(
            *((role, what) for role, _, what in (*MARKS.values(), FILE)),
            ("live", "there are files"),
        ),
    )


def made_by(timeline: Mapping[str, Any]) -> str:
    """The initcall in which the first resource file is made."""
    us = first_file(timeline).us
    by: str = next(d["made_by"][2] for d in timeline["devices"] if d["made_us"] == us)
    return by


def _across(moment: Moment, timeline: Mapping[str, Any]) -> float:
    """Place of a moment over the shown levels."""
    if moment.level == PROCESS:
        return len(SHOWN) + 0.25
    if moment.level not in SHOWN:
        return 0.0
    level = next(one for one in levels(timeline) if one.name == moment.level)
    share = (moment.order + 0.5 - level.first) / (level.end - level.first)
    return round(SHOWN.index(level.name) + share, 3)
