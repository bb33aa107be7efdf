"""One story on several kernels: a row an act, kernels that ended it alike in one cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from devmemkit.figures.frame import EDGE, text_width, wrapped
from devmemkit.figures.marks import MIN_WIDTH, Axis, Layer, Picture, add_mark
from devmemkit.lab.compare import Comparison, Row, Verdict
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.words import format_cell, format_outcome, is_handle

LABEL, LINE, CELL, GAP = 20, 15, 22, 6
"""Heights in px: of an act's line, of a further one, of its cells, between two acts."""
ROOM = 200
"""Px for an act's words beside what became of it, in the narrowest figure."""

READS = ("load", "ptrace_peek", "copy_from_user", "read_devmem", "read_block", "read_resource")
"""Operations whose value was read; of others it says no more than that they worked."""


def ending(act: Act, outcome: Outcome | None) -> str:
    """How an act ended, in a word or two: a signal, an errno, what was read, "mapped", "works"."""
    if outcome is None or not outcome.ok or is_handle(act):
        return format_outcome(act, outcome)
    if act.operation.startswith(READS) and not act.live:
        value = outcome.value
        if isinstance(value, bytes):
            value = int.from_bytes(value, "little")
        return f"{value:#x}" if isinstance(value, int) else str(value)
    return "works"


def kernel_ending(row: Row) -> str:
    """The kernel's ending of a compared act, or why the guest could not carry it out."""
    return f"cannot: {row.cannot}" if row.cannot else ending(row.act, row.kernel)


def in_words(endings: Mapping[str, str]) -> str:
    """Endings by kernel in one line, the kernels of equal ones together."""
    alike: dict[str, list[str]] = {}
    for version, word in endings.items():
        alike.setdefault(word, []).append(version)
    if len(alike) == 1:
        return next(iter(alike))
    return "; ".join(f"{word} on {', '.join(versions)}" for word, versions in alike.items())


def endings(found: Mapping[str, Comparison]) -> dict[str, dict[str, str]]:
    """Each act's ending on each kernel, by the act's key and the kernel."""
    return {
        key: {version: kernel_ending(row) for version, row in rows.items()}
        for key, rows in _acts(found).items()
    }


def outcomes(title: str, found: Mapping[str, Comparison]) -> Picture:
    """Picture how each act of a story ended on each kernel, beside the model where that differs.

    `found` has the comparison by the kernel's name; all are of the same story.
    """
    quads: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role", "tip")}
    frames: dict[str, list[Any]] = {k: [] for k in ("left", "right", "bottom", "top", "role")}
    words: dict[str, list[Any]] = {k: [] for k in ("x", "y", "text", "style", "role", "anchor")}
    width = len(found)
    for column, version in enumerate(found):
        add_mark(
            words, x=column + 0.5, y=-12, text=version, style="code", role="muted", anchor="center"
        )
    told = []
    y = 0.0
    labels = acts_in_words(found)
    for key, rows in _acts(found).items():
        label = labels[key]
        kernels = {version: kernel_ending(row) for version, row in rows.items()}
        model = {version: ending(row.act, row.model) for version, row in rows.items()}
        failed = any(row.verdict is Verdict.FAILED for row in rows.values())
        differ = len(set(kernels.values())) > 1
        status = "the model differs" if failed else "kernels differ" if differ else "all agree"
        loud = differ or failed
        for number, line in enumerate(wrapped(label, "strong", ROOM)):
            y += number and LINE
            add_mark(
                words, x=0.02, y=y + LABEL / 2, text=line, style="strong", role="ink",
                anchor="left",
            )  # fmt: skip
        add_mark(
            words, x=width - 0.02, y=y + LABEL / 2, text=status, anchor="right",
            style="strong" if loud else "small", role="now" if loud else "muted",
        )  # fmt: skip
        top, y = y + LABEL, y + LABEL
        _cells(quads, words, label, rows, kernels, y)
        y += CELL
        if failed:
            _cells(quads, words, f"{label}, in the model", rows, model, y, "model: ")
            y += CELL
        if loud:
            add_mark(frames, left=0, right=width, top=top - 1, bottom=y + 1, role="now")
        y += GAP
        told.append(f"{label}: {in_words(kernels)} ({status})")
    legend = (("ok", "succeeds"), ("error", "fails"), ("muted", "not played"))
    used = {*quads["role"]}
    return Picture(
        name="outcomes",
        title=title,
        alt=f"{title} on {', '.join(found)}. {'; '.join(told)}.",
        x=Axis("", 0, max(1, width)),
        y=Axis("", max(1.0, y), -22),
        layers=(
            Layer("cells", "quad", quads),
            Layer("different", "outline", frames),
            Layer("words", "text", words),
        ),
        height=int(78 + y),
        legend=tuple((role, text) for role, text in legend if role in used),
    )


def acts_in_words(found: Mapping[str, Comparison]) -> dict[str, str]:
    """Each act's actor and words by its key; the key is added where others say the same."""
    acts = [next(iter(rows.values())).act for rows in _acts(found).values()]
    said = {act.key: f"{act.actor} {act.says or act.operation}" for act in acts}
    count = Counter(said.values())
    return {key: words if count[words] == 1 else f"{words} ({key})" for key, words in said.items()}


def _acts(found: Mapping[str, Comparison]) -> dict[str, dict[str, Row]]:
    """The rows of each act by kernel, in the order of the acts."""
    by_key: dict[str, dict[str, Row]] = {}
    for version, comparison in found.items():
        for row in comparison.rows:
            by_key.setdefault(row.act.key, {})[version] = row
    return by_key


def _cells(
    quads: dict[str, list[Any]],
    words: dict[str, list[Any]],
    label: str,
    rows: Mapping[str, Row],
    said: Mapping[str, str],
    y: float,
    before: str = "",
) -> None:
    """One line of cells; neighbouring kernels with the same word share one."""
    each = (MIN_WIDTH - 2 * EDGE) / len(said)
    at = 0
    for word, run in groupby(said, key=lambda version: said[version]):
        versions = list(run)
        row = rows[versions[0]]
        outcome = row.model if before else row.kernel
        short, role = (word, "muted") if outcome is None else format_cell(outcome)
        room = each * len(versions) - 10
        fits = [text for text in (before + word, word, short) if text_width(text, "small") <= room]
        add_mark(
            quads, left=at + 0.03, right=at + len(versions) - 0.03, top=y, bottom=y + CELL - 2,
            role=role, tip=f"{label}: {word}\n{', '.join(versions)}",
        )  # fmt: skip
        add_mark(
            words, x=at + len(versions) / 2, y=y + CELL / 2 - 1, text=fits[0] if fits else "…",
            style="small", role="ink", anchor="center",
        )  # fmt: skip
        at += len(versions)
