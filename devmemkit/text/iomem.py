"""The text of /proc/iomem and /proc/ioports: read, with a list of repairs, and written."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from devmemkit.text import TextError
from devmemkit.text.pasted.block import blocks, width_of
from devmemkit.text.pasted.depth import depths_of, flattened_at, parents_of
from devmemkit.text.pasted.line import Notes, Row
from devmemkit.text.pasted.marks import refuse_diff
from devmemkit.text.pasted.rows import decode, describe, note_ends, read_rows, split_lines

DEEPEST = 64
"""Levels of a tree at most; the deepest real dump has ten."""
LARGEST = 64 << 20
"""Bytes of a text at most; real dumps have kilobytes."""
LINES = 1 << 21
"""Lines and ranges of a text at most; each takes half a kilobyte of memory."""
LONGEST = 1 << 20
"""Characters of a line at most; a dump pasted as one line has some 100,000."""


class Entry(NamedTuple):
    """One line of a dump: an inclusive range of bytes, its name, and the depth of its indent.

    `line` counts from 1; `width` is the least number of hex digits (r_show: 8, ioports 4).
    """

    start: int
    end: int
    name: str
    depth: int
    line: int
    width: int = 8


class Repair(NamedTuple):
    """A repair, a skipped text or an oddity on one line (counted from 1)."""

    line: int
    what: str


def grouped(repairs: Iterable[Repair]) -> list[str]:
    """Repairs in words, those that differ in numbers alone together: how often, and where first."""
    groups: dict[str, list[Repair]] = {}
    for repair in repairs:
        groups.setdefault(re.sub(r"\d+", "0", repair.what), []).append(repair)
    said = []
    for group in groups.values():
        lines = len({repair.line for repair in group})
        where = f"line {group[0].line}" if lines == 1 else f"{lines:,} lines from {group[0].line}"
        alike = "" if len({repair.what for repair in group}) == 1 else ", and alike"
        said.append(f"{where}: {group[0].what}{alike}")
    return said


_COLONS = (" :", "=20:", "=3A")
"""The separator of range and name, as printed and in the quoted-printable encoding."""


_RANGE = re.compile(r"(?:0[xX])?[0-9a-fA-F]{4,16} ?[-\u2013] ?(?:0[xX])?[0-9a-fA-F]{4}")


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump: entries and repairs in file order, and the tree that the entries form.

    `parents[i]` is the index of entry i's parent, None at the top. `max_level` is the depth at
    which the kernel stopped indenting (MAX_IORES_LEVEL), None if no line shows it.
    """

    entries: tuple[Entry, ...]
    repairs: tuple[Repair, ...]
    parents: tuple[int | None, ...]
    max_level: int | None

    @property
    def masked(self) -> bool:
        """Whether all addresses are zero, as readers without rights see them."""
        return not any(entry.end for entry in self.entries)


def format_dump(entries: Iterable[Entry]) -> str:
    """The entries as r_show prints them; encode with `surrogateescape` to restore odd bytes."""
    return "".join(
        f"{'':{2 * e.depth}}{e.start:0{e.width}x}-{e.end:0{e.width}x} : {e.name}\n" for e in entries
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause garbage collection, which takes half of the time while a million objects are made."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@uncollected()
def parse(text: str | bytes, *, source: str = "<text>") -> Dump:
    """Read a dump of /proc/iomem or /proc/ioports, however it was pasted.

    Each range becomes an entry, each difference from the format of r_show a repair. TextError for a
    text without an entry, a diff of two dumps, or one beyond DEEPEST, LARGEST, LINES and LONGEST.
    """
    notes: Notes = []
    if len(text) > LARGEST:
        raise TextError(source, 1, f"expected at most {LARGEST >> 20} MiB, got more")
    decoded = decode(text, notes)
    lines, separator = split_lines(decoded)
    _check_size(decoded, lines, source)
    note_ends(decoded, lines, separator, notes)
    rows = read_rows(lines, notes)
    if not rows:
        raise TextError(source, *describe(lines))
    if notes:  # a text as r_show prints it is no diff
        refuse_diff(lines, (_RANGE,), source)
        _refuse_columns(rows, source)
    entries: list[Entry] = []
    parents: list[int | None] = []
    max_level: int | None = None
    new = tuple.__new__  # a call of Entry costs twice as much, and a dump may have a million lines
    for block in blocks(rows, notes):
        depths = depths_of(block, notes)
        width = width_of(block, notes)
        level = flattened_at(block, depths)
        if level is not None:
            max_level = max(level, max_level or 0)
        first = len(entries)
        above = parents_of(block, depths, level, notes)
        parents += [None if parent is None else first + parent for parent in above]
        entries += [
            new(Entry, (row.start, row.end, row.name, depth, row.line, width))
            for row, depth in zip(block, depths, strict=True)
        ]
    _refuse_depth(entries, parents, source)
    _note_oddities(rows, notes)
    notes.sort(key=lambda note: note[0])
    return Dump(
        tuple(entries),
        tuple(Repair(*note) for note in dict.fromkeys(notes)),
        tuple(parents),
        max_level,
    )


def _check_size(text: str, lines: list[str], source: str) -> None:
    if len(lines) > LINES:
        raise TextError(source, LINES + 1, f"expected at most {LINES} lines, got more")
    longest = max(lines, key=len, default="")
    if len(longest) > LONGEST:
        reason = f"expected lines of at most {LONGEST} characters, got one of {len(longest)}"
        raise TextError(source, lines.index(longest) + 1, reason)
    if sum(text.count(mark) for mark in _COLONS if mark[0] in text) > LINES:
        raise TextError(source, 1, f"expected at most {LINES} ranges, got more")


def _refuse_columns(rows: list[Row], source: str) -> None:
    """TextError where lines go on below their first range, as columns do, not behind their last."""
    pairs = [(a, b) for a, b in pairwise(rows) if a.line != b.line]
    beside = Counter(row.line for row in rows)
    pairs = [(a, b) for a, b in pairs if beside[a.line] > 1 and beside[b.line] > 1]
    back = [b.line for a, b in pairs if b.start < a.start]
    if len(back) > 1 and 2 * len(back) > len(pairs):
        reason = "expected one range below the other, got columns: give the text without them"
        raise TextError(source, back[0], reason)


def _refuse_depth(entries: list[Entry], parents: list[int | None], source: str) -> None:
    levels: list[int] = []
    for parent in parents:
        levels.append(0 if parent is None else levels[parent] + 1)
    if max(levels) >= DEEPEST:
        line = entries[levels.index(DEEPEST)].line
        raise TextError(source, line, f"expected at most {DEEPEST} levels, got more")


def _note_oddities(rows: list[Row], notes: Notes) -> None:
    masked = not any(row.end for row in rows)
    if masked:
        what = "all addresses are zero, as readers without rights see them: kept"
        notes.append((rows[0].line, what))
    for row in rows:
        if row.start > row.end:
            notes.append((row.line, "range ends before it starts: kept"))
        elif row.end == 0 and not masked:
            notes.append(
                (row.line, "both addresses are zero, as readers without rights see them: kept")
            )
        if not row.name:
            notes.append((row.line, "empty name: kept"))
        elif not row.name.isascii() and any("\udc80" <= c <= "\udcff" for c in row.name):
            notes.append((row.line, "bytes that are not UTF-8 in the name: kept"))
