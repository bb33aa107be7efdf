"""Find the ranges in pasted text, and name the kind of a text without any."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from functools import partial

from devmemkit.model.printable import printable
from devmemkit.text.pasted.line import (
    BARE,
    DASH,
    DIGITS,
    LOOKALIKE,
    LOOSE,
    MARKS,
    NBSPS,
    NEXT,
    PERMISSIONS,
    PRINTED,
    Found,
    Notes,
    Row,
    make_row,
    unescaped,
    unmangled,
)
from devmemkit.text.pasted.wrap import join_wrapped

# Text at the end of every line of a paste that is not part of a name.
_TAILS = ("^M$", "$", "^M", '",', '"', "',", "'", "<br>", "<br/>", "<br />", "\\n", "`", "|", "\\")

_LEAST_WIDTH = 72  # columns of a terminal; few printed lines are that long

_HALF = re.compile(rf"[0-9a-fA-F]{{4}}{DASH.pattern}$")
_QUOTED = re.compile(r'"(?:, ?"|[,\]]*$)')
_YEARS = re.compile("(?:19|20)[0-9]{2}-(?:19|20)[0-9]{2}:")
_OTHER_END = re.compile("([\r\u2028\x85])[ \t>]*[0-9a-fA-F]{4,16}-")


def decode(text: str | bytes, notes: Notes) -> str:
    """Decode bytes as UTF-8 or UTF-16; undecodable bytes stay as surrogate escapes."""
    if isinstance(text, bytes):
        head = text[:4096]
        zeros = [2 * head[side::2].count(0) > len(head) // 2 for side in (0, 1)]
        codec = "utf-8"
        if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            codec = "utf-16"
        elif zeros[0] != zeros[1]:  # ASCII in UTF-16 has a zero in every second byte
            codec = "utf-16-be" if zeros[0] else "utf-16-le"
        if codec == "utf-8":
            text = text.decode(codec, "surrogateescape")
        else:
            notes.append((1, "UTF-16 decoded"))
            text = text.decode(codec, "replace")
    if text.startswith(("\ufeff", "\xef\xbb\xbf")):
        notes.append((1, "byte order mark removed"))
        text = text.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf")
    return text


def split_lines(text: str) -> tuple[list[str], str]:
    """The lines of a text, and their separator: a line feed, or the character in its place."""
    separator = "\n"
    if text.count("\n") <= 1 and (other := _OTHER_END.search(text)):
        separator = other[1]
    lines = text.split(separator)
    if not lines[-1]:
        lines.pop()
    return lines, separator


def note_ends(text: str, lines: list[str], separator: str, notes: Notes) -> None:
    """Drop carriage returns; note them, and lines that do not end in a line feed."""
    if separator == "\n" and "\r" not in text:
        return
    for i, line in enumerate(lines):
        if separator != "\n":
            notes.append((i + 1, f"lines end in {separator!a} alone"))
        if line.endswith("\r"):
            notes.append((i + 1, "carriage return removed"))
            lines[i] = line.rstrip("\r")


def read_rows(lines: list[str], notes: Notes) -> list[Row]:
    """The ranges of a text in file order; other text is noted, or joined to a name."""
    rows: list[Row] = []
    for number, match in enumerate(map(PRINTED.fullmatch, lines), 1):
        if match:
            indent, start, end, name = match.groups()
            if (" : " in name and NEXT.search(name)) or "\x1b" in name or "\u2502" in name:
                continue
            digits = (start, end)
            row = Row(number, "", indent, int(start, 16), int(end, 16), digits, name, match.string)
            rows.append(row)
    if len(rows) < len(lines):
        found = {row.line - 1: [row] for row in rows}
        loose = [i for i, line in enumerate(lines) if i not in found and DASH.search(line)]
        joined = _join_split(lines, loose)
        _read_loose(lines, loose, found, notes)
        _read_bare(lines, loose, found, notes)
        notes += [(i + 1, "second half of a range: joined") for i in joined]
        rows = [row for i in sorted(found) for row in found[i]]
        if rows:
            join_wrapped(lines, found, rows, joined, notes)
    if len(rows) >= 4:
        if notes or _padded(lines):
            _strip_blanks(rows, notes)
        if notes:  # names of a clean dump stay as they are
            _strip_tails(rows, notes)
    return rows


def _join_split(lines: list[str], loose: Sequence[int]) -> set[int]:
    """Join each line that ends in 'start-' with the next; the indices of the second halves."""
    second = set()
    for i in loose:
        head = lines[i].rstrip()
        if i + 1 < len(lines) and _HALF.search(head[-8:]):
            joined = head + lines[i + 1].strip("> \t")
            if (match := LOOSE.search(joined)) and make_row(i + 1, joined, match)[0]:
                lines[i], lines[i + 1] = joined, ""
                second.add(i + 1)
    return second


def _read_loose(lines: Sequence[str], indices: Sequence[int], found: Found, notes: Notes) -> None:
    """Read lines that differ from r_show's format, also those with several ranges."""
    doubtful = []  # small numbers and years; kept unless they outnumber certain ranges
    for i in indices:
        line, did = unmangled(lines[i])
        if lookalike := LOOKALIKE.search(line):
            line = line[: lookalike.end()].translate(DIGITS) + line[lookalike.end() :]
            did.append("letters O, I and l in an address read as digits")
        starts = [m.start() for m in NEXT.finditer(line)] if line.count(" : ") > 1 else []
        pieces = [line]
        if len(starts) > 1:
            line = _QUOTED.sub(" ", line)
            starts = [m.start() for m in NEXT.finditer(line)]
            pieces = [line[: starts[1]]]
            for a, b in zip(starts[1:], [*starts[2:], len(line)], strict=True):
                before = pieces[-1].rstrip()
                blanks = len(pieces[-1]) - len(before) - (not before.endswith("\\n"))
                pieces.append(" " * max(0, blanks) + line[a:b])
            pieces = [piece.partition("\\n")[0].rstrip() for piece in pieces]
            did.append("several ranges on one line: separated")
        for piece in pieces:
            match = LOOSE.search(piece)
            if match is None:
                continue
            row, what = make_row(i + 1, piece, match)
            if row is None:
                continue
            short = min(map(len, row.digits)) < 4
            if (short and piece[match.start() :][:2] not in ("0x", "0X")) or _YEARS.match(match[0]):
                doubtful.append(row)
            else:
                found.setdefault(i, []).append(row)
                notes += [(i + 1, note) for note in (*did, *what)]
    if len(doubtful) <= len(found):
        for row in doubtful:
            found.setdefault(row.line - 1, []).append(row)
    seen = {what for _, what in notes}
    rows = [row for group in found.values() for row in group]
    if seen & {"HTML entities decoded", "HTML tags removed"}:
        _rename(rows, unescaped, "HTML entities decoded", notes)
    if "no-break spaces read as spaces" in seen:
        _rename(rows, partial(NBSPS.sub, " "), "no-break spaces read as spaces", notes)


def _rename(rows: Sequence[Row], repair: Callable[[str], str], what: str, notes: Notes) -> None:
    for row in rows:
        name = repair(row.name)
        if name != row.name:
            row.name = name
            notes.append((row.line, what))


def _read_bare(lines: Sequence[str], indices: Sequence[int], found: Found, notes: Notes) -> None:
    """Read ranges without a colon that are next to certain entries."""
    if not found:
        return
    least = min(len(digits) for rows in found.values() for row in rows for digits in row.digits)
    for i in indices:
        if i in found or not (match := BARE.search(lines[i])):
            continue
        split = i + 1 < len(lines) and lines[i + 1].lstrip(" \t>|").startswith(":")
        start, _, end, _, name = match.groups()
        if (
            (i - 1 in found or i + 1 in found or split)
            and min(8, max(4, least)) <= len(start) <= len(end)
            and not PERMISSIONS.match(name)
            and MARKS.fullmatch(lines[i][: match.start()].strip())
        ):
            row, what = make_row(i + 1, lines[i], match)
            if row is not None:
                found[i] = [row]
                notes += [(i + 1, note) for note in what]


def _padded(lines: Sequence[str]) -> bool:
    """Whether a terminal padded lines of different lengths up to its last column."""
    width = len(lines[0])
    return (
        width >= _LEAST_WIDTH
        and all(len(line) == width for line in lines)
        and len({len(line.rstrip(" ")) for line in lines}) > 1
    )


def _strip_blanks(rows: Sequence[Row], notes: Notes) -> None:
    ends = [row for row in rows if row.name[-1:].isspace()]
    if 2 * len(ends) > len(rows):
        for row in ends:
            row.name = row.name.rstrip()
            notes.append((row.line, "trailing blanks removed"))


def _strip_tails(rows: Sequence[Row], notes: Notes) -> None:
    """Strip a mark that ends nearly every line."""
    for tail in _TAILS:
        marked = [row for row in rows if row.name.endswith(tail)]
        if len(marked) >= len(rows) - 1:
            for row in marked:
                row.name = row.name.removesuffix(tail).rstrip()
                notes.append((row.line, f"'{tail}' at the end of the line removed"))


_KINDS: tuple[tuple[str, str], ...] = (
    (r"\s*0x[0-9a-f]{16} 0x[0-9a-f]{16} 0x[0-9a-f]{16}\s*$", "a PCI device's resource file"),
    (r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] ", "the output of lspci"),
    (r"\s+CPU0\b", "/proc/interrupts"),
    (r"[0-9a-f]{4,16}-[0-9a-f]{4,16} [r-][w-][x-][ps] ", "a process's /proc/PID/maps"),
    (r"\s*(?i:<!doctype|<html|<\?xml|<head)", "an HTML page"),
    (r"(?:<\d+>)?\[ *\d+\.\d{6}\]", "a kernel log"),
    (r"reg\d\d: ?base=", "/proc/mtrr"),
    (r"\x1f\udc8b|\x1f\x8b", "a gzip file"),
    (r"\udcff\udcd8\udcff|\x89PNG|\udc89PNG|\x7fELF|PK\x03|%PDF|\udcfd7zXZ|BZh\d", "a binary file"),
)


def describe(lines: Sequence[str]) -> tuple[int, str]:
    """The line and the reason for which a text without entries is refused, with its kind."""
    expected = "expected a line like '00001000-0009ffff : System RAM', got"
    filled = [i for i, line in enumerate(lines) if line and not line.isspace()]
    if not filled:
        return 1, f"{expected} an empty text"
    kinds = (
        f"; this looks like {kind}"
        for i in filled[:8]
        for pattern, kind in _KINDS
        if re.match(pattern, lines[i][:4096])
    )
    got = printable(lines[filled[0]].strip()[:60])[:60]
    return filled[0] + 1, f"{expected} '{got}'{next(kinds, '')}"
