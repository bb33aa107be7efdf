"""The one dump that is meant, of a text with several: of memory or of ports, with addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from devmemkit.text import TextError
from devmemkit.text.iomem import Dump, Entry, Repair
from devmemkit.text.pasted.block import ANOTHER

MANY = 64
"""Dumps of one text at most, each compared with the others; real texts have two or three."""


def one_dump(dump: Dump, *, source: str, ports: bool = False) -> Dump:
    """The dump without those of the other kind, masked ones, and repetitions.

    Excerpts of different addresses stay together. TextError for two dumps of the same addresses
    that differ: they are of two machines, or from before and after a change.
    """
    starts = {repair.line for repair in dump.repairs if repair.what == ANOTHER}
    if not starts:
        return dump
    first = {entry.line: i for i, entry in reversed([*enumerate(dump.entries)])}
    bounds = (0, *sorted(first[line] for line in starts), len(dump.entries))
    blocks = [range(begin, end) for begin, end in pairwise(bounds)]
    if len(blocks) > MANY:
        raise TextError(source, 1, f"expected at most {MANY} dumps, got {len(blocks)}")
    meant = [one for one in blocks if one and (dump.entries[one[0]].width == 4) == ports] or blocks
    meant = [one for one in meant if any(dump.entries[i].end for i in one)] or meant
    kept: list[range] = []
    for block in meant:
        ours = _ranges(dump.entries[block.start : block.stop])
        for other in kept:
            theirs = _ranges(dump.entries[other.start : other.stop])
            if ours <= theirs:
                break
            if theirs <= ours:
                kept[kept.index(other)] = block
                break
            if min(ours)[0] <= max(end for _, end, _ in theirs) and (
                min(theirs)[0] <= max(end for _, end, _ in ours)
            ):
                raise TextError(
                    source,
                    dump.entries[block.start].line,
                    "expected one dump, got another that differs from the one on line "
                    f"{dump.entries[other.start].line}: keep one of the two",
                )
        else:
            kept.append(block)
    at = {old: new for new, old in enumerate(i for block in kept for i in block)}
    left = [dump.entries[block.start].line for block in blocks if block and block not in kept]
    return replace(
        dump,
        entries=tuple(dump.entries[i] for i in at),
        parents=tuple(None if (p := dump.parents[i]) is None else at[p] for i in at),
        repairs=(
            *(Repair(line, "the dump that starts here: left out") for line in left),
            *dump.repairs,
        ),
    )


def _ranges(entries: Sequence[Entry]) -> set[tuple[int, int, str]]:
    return {(entry.start, entry.end, entry.name) for entry in entries}
