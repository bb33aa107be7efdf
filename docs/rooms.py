"""The picture of the rooms: the folders of devmemkit, and arrows for what they import.

Drawn from the imports each time the site is built. A room is below all that import it; rooms that
import each other, which should not be, share a level and their arrows are red.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "devmemkit"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 220, 80, 26, 40, 16
CHARACTERS, LINES = 30, 3
"""Of a box: of each line, and lines."""


@dataclass(frozen=True)
class Room:
    """A folder of the package: what its docstring says, its lines, the rooms that it imports."""

    name: str
    says: str
    lines: int
    imports: frozenset[str]


def imported(tree: ast.AST) -> Iterable[str]:
    """The rooms that a module imports, also inside of functions."""
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE.name and len(parts) > 1:
                yield parts[1]


def read(package: Path = PACKAGE) -> dict[str, Room]:
    """The rooms by name."""
    folders = sorted(path.parent for path in package.glob("*/__init__.py"))
    names = {folder.name for folder in folders}
    found = {}
    for folder in folders:
        texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
        used = {name for text in texts for name in imported(ast.parse(text))}
        says = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
        first = says.split("\n")[0].rstrip(".")
        lines = sum(text.count("\n") for text in texts)
        others = frozenset(used & names - {folder.name})
        found[folder.name] = Room(folder.name, first, lines, others)
    return found


def below(rooms: Mapping[str, Room], name: str) -> set[str]:
    """All rooms that a room imports, directly or not."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = rooms[todo.pop()].imports - found
        found |= new
        todo += new
    return found


def levels(rooms: Mapping[str, Room]) -> list[list[str]]:
    """The rooms from the top level down; rooms of a circle are on one level."""
    under = {name: below(rooms, name) for name in rooms}
    height: dict[str, int] = {}
    while len(height) < len(rooms):
        for name in sorted(rooms, key=lambda one: len(under[one])):
            circle = {other for other in under[name] if name in under[other]} | {name}
            needed = {other for one in circle for other in rooms[one].imports} - circle
            if name not in height and needed <= height.keys():
                height[name] = max((height[other] + 1 for other in needed), default=0)
    top = max(height.values())
    return [sorted(n for n in rooms if height[n] == level) for level in range(top, -1, -1)]


def circles(rooms: Mapping[str, Room]) -> set[str]:
    """The rooms that import themselves through others."""
    return {name for name in rooms if name in below(rooms, name)}


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.replace("`", "").split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > CHARACTERS and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], f"{lines[LINES - 1]} ..."]


STYLE = """
text { font: 11.5px system-ui, sans-serif; fill: #222; }
.name { font-weight: 700; font-size: 14px; }
.lines { fill: #666; } rect { fill: #eef3f8; stroke: #4a6a8a; } path { fill: none; stroke: #8aa; }
.wrong { stroke: #c00; stroke-width: 2; } marker path { fill: #8aa; stroke: none; }
@media (prefers-color-scheme: dark) { text { fill: #eee; } .lines { fill: #aaa; }
rect { fill: #22303c; stroke: #7f9fbf; } path { stroke: #789; } marker path { fill: #789; } }
"""


def picture(rooms: Mapping[str, Room]) -> str:
    """The rooms as SVG: each imports from those below it."""
    rows = levels(rooms)
    widest = max(len(row) for row in rows)
    width = widest * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    place = {}
    for level, row in enumerate(rows):
        start = (width - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        for index, name in enumerate(row):
            place[name] = start + index * (WIDTH + GAP_X), MARGIN + level * (HEIGHT + GAP_Y)
    arrows, boxes = [], []
    for room in rooms.values():
        # an arrow that a longer way implies is left out
        mates = {other for other in room.imports if room.name in below(rooms, other)}
        implied = {
            far
            for other in room.imports - mates
            for far in below(rooms, other)
            if other not in below(rooms, far)
        }
        for other in sorted(room.imports):
            wrong = other in mates
            if other in implied and not wrong:
                continue
            (x0, y0), (x1, y1) = place[room.name], place[other]
            arrows.append(
                f'<path class="{"wrong" if wrong else "arrow"}" marker-end="url(#tip)" '
                f'd="M{x0 + WIDTH / 2:g} {y0 + HEIGHT} C{x0 + WIDTH / 2:g} {y0 + HEIGHT + 30} '
                f'{x1 + WIDTH / 2:g} {y1 - 30:g} {x1 + WIDTH / 2:g} {y1:g}">'
                f"<title>{room.name} imports {other}</title></path>"
            )
        x, y = place[room.name]
        boxes.append(f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        boxes.append(f'<text class="name" x="{x + 10:g}" y="{y + 19:g}">{room.name}</text>')
        boxes.append(
            f'<text class="lines" text-anchor="end" x="{x + WIDTH - 10:g}" y="{y + 19:g}">'
            f"{room.lines:,} lines</text>"
        )
        boxes += [
            f'<text x="{x + 10:g}" y="{y + 37 + 15 * number:g}">{escape(line)}</text>'
            for number, line in enumerate(_wrapped(room.says))
        ]
    told = "; ".join(
        f"{room.name} imports {', '.join(sorted(room.imports)) or 'no other room'}"
        for room in rooms.values()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n<title>{told}</title>\n'
        f"<style>{STYLE}</style>\n"
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>\n'
        + "\n".join((*arrows, *boxes))
        + "\n</svg>\n"
    )
