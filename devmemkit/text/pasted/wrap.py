"""Names that continue on the next line, and lines that do not belong to the dump."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from devmemkit.text.pasted.line import CUT, NBSPS, Found, Notes, Row

# Names that are never complete: the first words of longer kernel names.
_INCOMPLETE = re.compile(
    "System|Kernel|PCI|PCI (?:Bus|MMCONFIG|ECAM|CardBus)|ACPI|ACPI (?:Non-volatile|CPU)|Video|pnp"
    "|Adapter|Local|IOAPIC|Crash|RAM|Unknown|Unknown E820|Persistent|Soft|Unusable|HPET|CXL"
    "|CXL Window|ICH|ICH HD|dma|dma page|Graphics|Graphics Stolen|PCI (?:MMCONFIG|ECAM) [0-9a-f]{4}"
    "|Intel|Intel PCH|Intel PCH thermal"
)
_NO_WRAP = re.compile(
    r"``|~~~|\.\.|\u2026|\(|\[(?!bus\b)|--|==|__|[-*$%@<^/\\]|#(?![0-9])|.*:$"
    r"|\S+@\S+[: ~].*[$#%]|.*/proc/|(?i:snip|cut)\b"
)

# Words that belong to a name, although they look like other text.
_TAIL_WORDS = frozenset(("(kmem)", "(legacy)", "(boot alias)"))

_MOST_WRAPS = 3  # lines on which one name may continue
_MOST_SKIPPED = 10_000  # skipped lines in a row that get a note each


def _shape(name: str) -> str:
    return re.sub("[0-9a-f]+", "0", name)


class _Names:
    """The names of a text; they show which names are broken off."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.limit = max(len(row.raw) for row in rows)
        self.whole = Counter(_shape(row.name.rstrip()) for row in rows)

    def joined(self, row: Row, rest: str) -> str:
        """The name with `rest` joined if something shows a wrap, else an empty string."""
        name = row.name.strip()
        if rest.startswith(":") and not name:
            return rest[1:].strip()
        if _aside(rest):
            return ""
        if row.raw.endswith("=") and name.endswith("="):  # quoted-printable's soft line break
            return name[:-1] + rest
        spaced = f"{name} {rest}".strip()
        words = len(rest.split(maxsplit=4))
        if (
            _INCOMPLETE.fullmatch(name)
            or rest in _TAIL_WORDS
            or rest == name
            or self.whole[_shape(spaced)]
            or any(name.count(a) > name.count(b) for a, b in ("[]", "()"))
            or (words <= 2 and row.start > 0xFFFF and f"{row.start:x}" in rest)  # device tree
            or (words <= 3 and (not name or row.name[-1:].isspace()))
        ):
            return spaced
        return name + rest if self.whole[_shape(name + rest)] else ""

    def too_long(self, row: Row, rest: str) -> bool:
        """Whether `rest` did not fit on the row's line, judged by the longest line."""
        return len(row.raw) + 1 + len(rest.split(maxsplit=1)[0]) > max(60, self.limit)


def _aside(rest: str) -> bool:
    """Whether a line cannot continue a name: a prompt, a mark, half a range."""
    marked = _NO_WRAP.match(rest) and rest not in _TAIL_WORDS
    return bool(marked or CUT.fullmatch(rest))


def _text(line: str) -> str:
    return NBSPS.sub(" ", line).strip().lstrip(">| ") if line else ""


def join_wrapped(
    lines: Sequence[str], found: Found, rows: Sequence[Row], taken: set[int], notes: Notes
) -> None:
    """Join the rest of wrapped names to their rows; note every other line as skipped."""
    names = _Names(rows)
    last = max(found)
    # single short lines between entries: if many are certain wraps, the others are wraps too
    between = {
        i: rest
        for i in range(1, last)
        if i not in found and i - 1 in found and i + 1 in found and (rest := _text(lines[i]))
        if len(rest.split(maxsplit=3)) <= 3 and not _aside(rest)
    }
    sure = sum(bool(names.joined(found[i - 1][-1], rest)) for i, rest in between.items())
    wrapped = between.keys() if sure > 2 and 5 * sure > len(between) else set()
    row: Row | None = None
    blanks = skipped = alike = wraps = 0
    for i, line in enumerate(lines):
        if i in found:
            row = found[i][-1]
            found[i][0].blanks, found[i][0].skipped = blanks, skipped
            blanks = skipped = alike = wraps = 0
            continue
        if i in taken:
            continue
        rest = _text(line)
        if not rest:
            blanks += 1
            what = "blank line: skipped"
        elif row is None:
            what = "before the first entry: skipped"
        elif (
            not skipped
            and wraps < _MOST_WRAPS
            and not (blanks and i > last)
            and (
                (joined := names.joined(row, rest))
                or i in wrapped
                or (i in between and names.too_long(row, rest))
            )
        ):
            row.name, row.raw = joined or f"{row.name} {rest}".strip(), line.rstrip()
            wraps, blanks = wraps + 1, 0
            what = f"name wrapped from line {row.line}: joined"
        else:
            skipped += 1
            if CUT.fullmatch(rest):
                what = "cut short, no whole range: skipped"
            elif i > last:
                what = "after the last entry: skipped"
            else:
                what = "not an entry: skipped"
        alike += 1
        if alike < _MOST_SKIPPED:
            notes.append((i + 1, what))
        elif alike == _MOST_SKIPPED:
            notes.append((i + 1, "this line and all up to the next entry: skipped"))
