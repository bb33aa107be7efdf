"""The dumps within a text: where each begins, and how many digits it prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from devmemkit.text.pasted.depth import holds
from devmemkit.text.pasted.line import Notes, Row

ANOTHER = "another dump starts here"


def blocks(rows: list[Row], notes: Notes) -> Iterator[list[Row]]:
    """Split rows where another dump begins: digits, addresses or indents start again."""
    sizes = {len(row.digits[0]) for row in rows}
    if not sizes >= {4, 8} and not any(row.blanks or row.skipped for row in rows):
        yield rows
        return
    outermost = _outermost(rows)
    block: list[Row] = []
    path: list[Row] = []  # the rows around the last one, by their indents
    base = 0
    for row in rows:
        while path and len(path[-1].indent) >= len(row.indent):
            path.pop()
        if block:
            restarts = (row.blanks or row.skipped) and (
                (block[-1].start > row.start and row.end > 0)
                or (block[-1].end == 0) != (row.end == 0)  # one with addresses beside one without
            )
            if restarts or _rewidened(block[0], row) or _reindented(row, path, base, outermost):
                notes.append((row.line, ANOTHER))
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
    """The least indent of each run of rows without other text between, by its first line."""
    least: dict[int, int] = {}
    begin = rows[0].line
    for row in rows:
        if row.skipped:
            begin = row.line
        least[begin] = min(len(row.indent), least.get(begin, len(row.indent)))
    return least


def _reindented(row: Row, path: list[Row], base: int, outermost: dict[int, int]) -> bool:
    """Whether a run of rows after other text has an indent of its own."""
    if not row.skipped or outermost[row.line] == base:
        return False
    if outermost[row.line] < base or not row.end:
        return row.skipped > 1  # a single odd line is likely an insertion
    return not any(holds(outer, row) for outer in path)


def _rewidened(first: Row, row: Row) -> bool:
    """Whether 4 digits, as in /proc/ioports, became 8, as in /proc/iomem, or the reverse."""
    now, before = len(row.digits[0]), len(first.digits[0])
    return bool(
        {now, before} == {4, 8}
        and (len(row.digits[1]), len(first.digits[1])) == (now, before)
        and row.digits[0][0] == first.digits[0][0] == "0"
        and (row.blanks or row.skipped or len(row.indent) <= len(first.indent))
    )


def width_of(block: list[Row], notes: Notes) -> int:
    """The number of digits to which addresses are padded; without padding, a bound decides."""
    written = [digits for row in block for digits in row.digits]
    shortest = min(map(len, written))
    padded = Counter([len(digits) for digits in written if "1" > digits > "0"])  # begin with 0
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
