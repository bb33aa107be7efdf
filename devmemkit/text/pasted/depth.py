"""From the indents of a dump to depths, and from depths and addresses to a tree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import gcd

from devmemkit.text.pasted.line import Notes, Row

# A reading of indents, in columns beyond the outermost one: the depth of an indent, whether the
# reading explains it exactly, and a cost for unlikely readings.
_Reading = tuple[Callable[[int], int], Callable[[int], bool], int]
_AS_PRINTED: _Reading = (lambda c: c // 2, lambda c: c % 2 == 0, 0)
_PASTED: tuple[_Reading, ...] = (
    # 0, 3, 5, 7: format=flowed puts one more space before lines that begin with one
    (lambda c: (c - 1) // 2 if c else 0, lambda c: c == 0 or (c > 1 and c % 2 == 1), 1),
    # 0, 1, 3, 5: indented lines lost one
    (lambda c: (c + 1) // 2, lambda c: c == 0 or c % 2 == 1, 1),
)
_MOST_UNITS = 4  # units of indentation that are tried, the most frequent first


def depths_of(block: Sequence[Row], notes: Notes) -> list[int]:
    """The depth of each row (outermost 0), inferred from the indents of all rows."""
    tabs = any("\t" in indent for indent in {row.indent for row in block})
    columns, reading = min(
        (
            (columns, _reading(columns))
            for columns in (_columns(block, size) for size in ((8, 4, 2, 1) if tabs else (8,)))
        ),
        key=lambda choice: choice[1][2],
    )
    base = min(columns)
    if base:
        notes.append((block[0].line, f"dump indented by {base} column(s): outermost is depth 0"))
    if columns[0] > len(block[0].indent.expandtabs()):
        notes.append((block[0].line, "first line had lost the indent of the others"))
    if reading is _AS_PRINTED and columns[0] == base and not tabs:
        return [(column - base) // 2 for column in columns]
    depth_of, exact, _ = reading
    meaning = {column: (depth_of(column - base), exact(column - base)) for column in set(columns)}
    found: list[int] = []
    above = -1
    last_at: dict[int, Row] = {}  # by depth, for indents between two depths
    for row, column in zip(block, columns, strict=True):
        depth, certain = meaning[column]
        if not certain and above >= depth and depth in last_at:
            depth += not row.end or holds(last_at[depth], row)
        if column - base != 2 * depth:
            notes.append((row.line, f"indent of {column - base} columns read as depth {depth}"))
        if "\t" in row.indent:
            notes.append((row.line, "tab in the indent read as blanks"))
        if depth > above + 1:
            if found:
                what = f"indent jumps from depth {above} to {depth}: a parent's line is missing"
            else:
                what = f"dump starts at depth {depth}: the parents' lines are missing"
            notes.append((row.line, what))
        last_at[depth] = row
        found.append(depth)
        above = depth
    return found


def _columns(block: Sequence[Row], tab: int) -> list[int]:
    """The indents in columns, comparable between rows with different prefixes."""
    columns = [len(row.indent.expandtabs(tab)) for row in block]
    prefixed: defaultdict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(block):
        if row.prefix:
            prefixed[row.prefix].append(i)
    for members in prefixed.values():
        if 2 * sum(columns[i] % 2 for i in members) > len(members):
            for i in members:  # one blank separates prefix and line
                columns[i] = max(0, columns[i] - 1)
    return _first_aligned(block, columns)


def _first_aligned(block: Sequence[Row], columns: list[int]) -> list[int]:
    """Restore the indent of the first row, which stripping the text removed."""
    rest = min(columns[1:], default=0)
    gap = rest - columns[0]
    if len(block) < 3 or gap <= 0 or gap in (2, 3):
        return columns
    outer = [row for row, column in zip(block[1:], columns[1:], strict=True) if column == rest]
    seen = block[0].end and any(row.end for row in outer)
    regular = all((column - columns[0]) % gap == 0 for column in columns)
    if (regular and not seen) or any(holds(block[0], row) for row in outer):
        return columns
    return [rest, *columns[1:]]


def _reading(columns: list[int]) -> _Reading:
    """The reading that explains most indents with the fewest missing levels.

    Readings are 2 columns a level, other units, and the rank of an indent among all indents.
    """
    base = min(columns)
    counts = {column - base: n for column, n in Counter(columns).items()}
    even = all(column % 2 == 0 for column in counts)
    if even and all(below - above <= 2 for above, below in set(pairwise(columns))):
        return _AS_PRINTED
    steps: Counter[tuple[int, int]] = Counter()  # from a line's indent to that of one below
    path: list[int] = []
    for column in columns:
        while path and path[-1] >= column:
            path.pop()
        if path:
            steps[path[-1] - base, column - base] += 1
        path.append(column)
    gaps: Counter[int] = Counter()
    for (a, b), n in steps.items():
        gaps[b - a] += n

    def priced(reading: _Reading) -> _Reading:
        depth_of, exact, cost = reading
        cost += sum(n for column, n in counts.items() if not exact(column))
        cost += sum(n * max(0, depth_of(b) - depth_of(a) - 1) for (a, b), n in steps.items())
        return depth_of, exact, cost

    units = [gcd(*counts), *(gap for gap, _ in gaps.most_common(_MOST_UNITS))]
    rank = {column: i for i, column in enumerate(sorted(counts))}
    by_rank: _Reading = (rank.__getitem__, lambda c: True, 2)
    if even and 2 in gaps:
        likely = [_AS_PRINTED]  # a jump of the indent means missing lines
    elif 2 in gaps or (gaps.total() < 2 and not even):
        likely = [_AS_PRINTED, by_rank]
    else:
        likely = [by_rank]
    readings = [*likely, *_PASTED, *map(_by_unit, units)]
    return min(map(priced, readings), key=lambda reading: reading[2])


def _by_unit(unit: int) -> _Reading:
    return lambda c: c // unit, lambda c: c % unit == 0, 1


def holds(outer: Row, inner: Row) -> bool:
    """Whether `outer` contains `inner`; False for zeroed addresses."""
    return inner.end > 0 and outer.start <= inner.start <= inner.end <= outer.end


def flattened_at(block: Sequence[Row], found: Sequence[int]) -> int | None:
    """The deepest depth if rows of that depth contain one another, else None.

    r_show stops indenting at MAX_IORES_LEVEL (5 up to 6.12, 8 in 7.3), so deeper nodes look like
    siblings of their parents. A pasted excerpt may begin below the root, so any depth can be it.
    """
    deepest = max(found)
    holder: Row | None = None
    for row, depth in zip(block, found, strict=True):
        if depth < deepest:
            holder = None
        elif holder is not None and holds(holder, row):
            return deepest
        else:
            holder = row
    return None


def parents_of(
    block: Sequence[Row], found: Sequence[int], level: int | None, notes: Notes
) -> list[int | None]:
    """Each row's parent as an index into the block, None at the top.

    Indents decide; addresses decide only if rows were flattened at `level`, or if a level is
    missing above a row. Overlapping siblings and children that stick out are kept and noted.
    """
    result: list[int | None] = []
    path: list[int] = []  # the open rows, outermost first
    # per parent, the child that reaches furthest; the last of those at the top
    furthest: list[Row | None] = [None] * (len(block) + 1)
    for i, (row, depth) in enumerate(zip(block, found, strict=True)):
        while path and (
            (above := found[path[-1]]) > depth
            or (above == depth and not (depth == level and holds(block[path[-1]], row)))
        ):
            path.pop()
        parent = path[-1] if path else None
        start, end = row.start, row.end
        addressed = start <= end > 0
        if parent is not None:
            outer = block[parent]
            if above == depth:
                what = f"inside line {outer.line} though printed at the same indent"
                notes.append((row.line, what))
            elif addressed and outer.end:
                if above < depth - 1:
                    parent = next((p for p in reversed(path) if holds(block[p], row)), None)
                elif start < outer.start or end > outer.end:
                    notes.append((row.line, f"sticks out of its parent on line {outer.line}"))
        if addressed:
            family = -1 if parent is None else parent
            reach = furthest[family]
            if reach is None:
                furthest[family] = row
            else:
                if start <= reach.end:
                    how = "overlaps" if end >= reach.start else "comes after the higher"
                    notes.append((row.line, f"{how} range on line {reach.line}: kept"))
                if end > reach.end:
                    furthest[family] = row
        result.append(parent)
        path.append(i)
    return result
