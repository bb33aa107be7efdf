"""The rooms of the package use only those below them, as docs/how-it-works.md draws them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import devmemkit

PACKAGE = Path(devmemkit.__file__).parent
FLOORS = (
    *(("cli",), ("artifact",), ("site",), ("",), ("api",), ("widgets",), ("figures",)),
    *(("lab", "exercises"), ("explain", "explore"), ("scenarios",)),
    *(("host",), ("text",), ("model",)),
)
"""From the top; "" is devmemkit/__init__.py. Rooms of one floor do not use each other."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        for first, *rest in (name.split(".") for name in names):
            if first == "devmemkit":
                yield rest[0] if rest and rest[0] in FLOOR else ""


def test_no_room_uses_one_above() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == FLOOR.keys() - {""}
    upward = {
        f"{path.relative_to(PACKAGE)} uses {used or 'devmemkit'}"
        for path in PACKAGE.rglob("*.py")
        for used in imports(path)
        for own in [path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else ""]
        if used != own and FLOOR[used] <= FLOOR[own]
    }
    assert upward == set()
