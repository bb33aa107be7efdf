"""The dumps within a text: where one ends and another begins, and how many digits each prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from devmemkit.text.pasted.depth import holds
from devmemkit.text.pasted.line import Notes, Row


def blocks(rows: list[Row], notes: Notes) -> Iterator[list[Row]]:
    """Cut where a second dump begins: its digits, addresses or indents do not go on."""
    sizes = {len(row.digits[0]) for row in rows}
    if not sizes >= {4, 8} and not any(row.blanks or row.skipped for row in rows):
        yield rows
        return
    outermost = _outermost(rows)
    block: list[Row] = []
    path: list[Row] = []  # the rows that hold the last one, to judge by their indents
    base = 0
    for row in rows:
        while path and len(path[-1].indent) >= len(row.indent):
            path.pop()
        if block:
            restarts = (row.blanks or row.skipped) and block[-1].start > row.start and row.end > 0
            if restarts or _rewidened(block[0], row) or _reindented(row, path, base, outermost):
                notes.append((row.line, "another dump starts here"))
                yield block
                block, path = [], []
        if not block:
            base = outermost.get(row.line, len(row.indent))
        elif row.skipped:
            base = min(base, outermost[row.line])
        block.append(row)
        path.append(row)
    yield block


def _outermost(rows: list[Row]) -> dict[int, int]:
    """By the line on which a run of rows begins after other text, the least indent in that run."""
    least: dict[int, int] = {}
    begin = rows[0].line
    for row in rows:
        if row.skipped:
            begin = row.line
        least[begin] = min(len(row.indent), least.get(begin, len(row.indent)))
    return least


def _reindented(row: Row, path: list[Row], base: int, outermost: dict[int, int]) -> bool:
    """Tell whether rows after other text are indented in their own way."""
    if not row.skipped or outermost[row.line] == base:
        return False
    if outermost[row.line] < base or not row.end:
        return row.skipped > 1  # a single odd line is rather an insertion
    return not any(holds(outer, row) for outer in path)


def _rewidened(first: Row, row: Row) -> bool:
    """Tell whether 4 digits, as in /proc/ioports, became 8, as in /proc/iomem, or the reverse."""
    now, before = len(row.digits[0]), len(first.digits[0])
    return bool(
        now != before
        and {now, before} == {4, 8}
        and (len(row.digits[1]), len(first.digits[1])) == (now, before)
        and row.digits[0][0] == first.digits[0][0] == "0"
        and (row.blanks or row.skipped or len(row.indent) <= len(first.indent))
    )


def width_of(block: list[Row], notes: Notes) -> int:
    """Derive the least number of digits: padded addresses show it, wider ones only bound it."""
    written = [digits for row in block for digits in row.digits]
    shortest = min(map(len, written))
    padded = Counter([len(digits) for digits in written if "0" < digits < "1"])  # begin with 0
    if padded:
        width = max(padded, key=lambda size: padded[size])
    elif shortest >= 8 or (shortest < 4 and any(row.end > 0xFFFF for row in block)):
        width = 8
    else:
        width = 4
    if shortest >= width >= max(padded, default=0):
        return width
    for row in block:
        for digits in row.digits:
            size = len(digits)
            if size < width or (size > width and digits[0] == "0"):
                notes.append((row.line, f"address of {size} digits, the dump has {width}"))
    return width
