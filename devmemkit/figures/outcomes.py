"""One story on several kernels: a row an act, kernels with the same outcome in one cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby

from devmemkit.figures.frame import INNER, elide, text_width, with_margins, wrapped
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.figures.theme import MEANING, WISHES
from devmemkit.lab.compare import Comparison, Row, Verdict
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.wish import as_wished
from devmemkit.scenarios.words import format_ending, format_outcome, is_handle

LABEL, LINE, CELL, GAP = 20, 15, 22, 6
"""Heights in px: of an act's line, of a further one, of its cells, between two acts."""
ROOM = 200
"""Px for an act's words beside its status, in the narrowest figure."""

READS = ("load", "ptrace_peek", "copy_from_user", "read_devmem", "read_block", "read_resource")
"""Operations that read a value; the ending of others is that they worked."""


def ending(act: Act, outcome: Outcome | None) -> str:
    """Format how an act ended: a signal, an errno, the value read, "mapped" or "works"."""
    if outcome is None or not outcome.ok or is_handle(act):
        return format_outcome(act, outcome)
    if act.operation.startswith(READS) and not act.live:
        value = outcome.value
        if isinstance(value, bytes):
            value = int.from_bytes(value, "little")
        return f"{value:#x}" if isinstance(value, int) else str(value)
    return "works"


def kernel_ending(row: Row) -> str:
    """Format how a compared act ended on the kernel, or why the guest could not perform it."""
    return f"cannot: {row.cannot}" if row.cannot else ending(row.act, row.kernel)


def in_words(endings: Mapping[str, str]) -> str:
    """Format endings by kernel in one line; kernels with the same ending are listed together."""
    alike: dict[str, list[str]] = {}
    for version, word in endings.items():
        alike.setdefault(word, []).append(version)
    if len(alike) == 1:
        return next(iter(alike))
    return "; ".join(f"{word} on {', '.join(versions)}" for word, versions in alike.items())


def endings(found: Mapping[str, Comparison]) -> dict[str, dict[str, str]]:
    """The ending of each act on each kernel, by the act's key and the kernel."""
    return {
        key: {version: kernel_ending(row) for version, row in rows.items()}
        for key, rows in _acts(found).items()
    }


@with_margins
def outcomes(title: str, found: Mapping[str, Comparison]) -> Picture:
    """Picture how each act of a story ended on each kernel, with the model's row where it differs.

    `found` has the comparisons by kernel, all of the same story.
    """
    marks = Marks()
    width = len(found)
    for column, version in enumerate(found):
        marks.text(column + 0.5, -12, version, "code", "muted", anchor="center")
    told = []
    y = 0.0
    labels, ended = acts_in_words(found), endings(found)
    for key, rows in _acts(found).items():
        label, kernels = labels[key], ended[key]
        failed = any(row.verdict is Verdict.FAILED for row in rows.values())
        differ = len(set(kernels.values())) > 1
        status = "the model differs" if failed else "kernels differ" if differ else "all agree"
        loud = differ or failed
        for number, line in enumerate(wrapped(label, "strong", ROOM)):
            y += number and LINE
            marks.text(0.02, y + LABEL / 2, line, "strong")
        y += LABEL
        top = y
        cells = {v: (kernels[v], row.kernel, _role(found[v], row)) for v, row in rows.items()}
        small = _draw_cells(marks, label, cells, y)
        look = ("strong", "now") if loud else ("small", "muted")
        beside = "; ".join(small) if small and not failed else status
        beside = elide(beside, "strong", INNER - ROOM - 10)
        marks.text(width - 0.02, y - LABEL / 2, beside, *look, anchor="right")
        y += CELL
        if failed:
            cells = {
                v: (ending(row.act, row.model), row.model, WISHES[as_wished(found[v].played, key)])
                for v, row in rows.items()
            }
            _draw_cells(marks, f"{label}, in the model", cells, y, "model: ")
            y += CELL
        if loud:
            inside = 1.5 * width / INNER  # its stroke is 2 px wide
            marks.outline(inside, width - inside, top - 1, y + 1, "now")
        y += GAP
        told.append(f"{label}: {in_words(kernels)} ({status})")
    used = {rect.role for rect in marks.rects}
    differs = [("now", "kernels or the model differ")] if marks.outlines else []
    return Picture(
        name="outcomes",
        title=title,
        alt=f"{title} on {', '.join(found)}. {'; '.join(told)}.",
        x=Axis("", 0, max(1, width)),
        y=Axis("", max(1.0, y), -22),
        marks=marks,
        height=int(22 + y),
        legend=(*(one for one in MEANING if one[0] in used), *differs),
    )


def acts_in_words(found: Mapping[str, Comparison]) -> dict[str, str]:
    """Each act's actor and words by key; acts with the same words have their key added."""
    acts = [next(iter(rows.values())).act for rows in _acts(found).values()]
    said = {act.key: f"{act.actor} {act.says or act.operation}" for act in acts}
    count = Counter(said.values())
    return {key: words if count[words] == 1 else f"{words} ({key})" for key, words in said.items()}


def _acts(found: Mapping[str, Comparison]) -> dict[str, dict[str, Row]]:
    """The compared rows by act and kernel, in the order of the acts."""
    by_key: dict[str, dict[str, Row]] = {}
    for version, comparison in found.items():
        for row in comparison.rows:
            by_key.setdefault(row.act.key, {})[version] = row
    return by_key


Cells = Mapping[str, tuple[str, Outcome | None, str]]
"""How an act ended on each kernel, in words and as it is, and the role of its colour."""


def _role(found: Comparison, row: Row) -> str:
    return WISHES[None if row.kernel is None else as_wished(found.played, row.act.key, row.kernel)]


def _draw_cells(marks: Marks, label: str, cells: Cells, y: float, before: str = "") -> list[str]:
    """Draw one line of cells; neighbouring kernels with the same word share a cell.

    The result has the kernels and the words of cells that are too small for them.
    """
    each = INNER / len(cells)
    at, unwritten = 0, list[str]()
    for (word, role), run in groupby(cells, key=lambda version: cells[version][::2]):
        versions = list(run)
        outcome = cells[versions[0]][1]
        short = word if outcome is None else format_ending(outcome, "works")
        room = each * len(versions) - 10
        fits = [text for text in (before + word, word, short) if text_width(text, "small") <= room]
        end, tip = at + len(versions), f"{label}: {word}\n{', '.join(versions)}"
        marks.rect(at + 0.03, end - 0.03, y, y + CELL - 2, role, tip)
        middle = (at + end) / 2, y + CELL / 2 - 1
        marks.text(*middle, fits[0] if fits else "…", "small", anchor="center")
        if not fits:
            unwritten.append(f"{', '.join(versions)}: {word if len(word) < 10 else short}")
        at = end
    return unwritten
