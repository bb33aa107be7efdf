"""The rooms of the package use only those below them, as docs/how-it-works.md draws them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
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
        if path != PACKAGE / "__main__.py"  # starts the command line: it is on cli's floor
        for used in imports(path)
        for own in [path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else ""]
        if used != own and FLOOR[used] <= FLOOR[own]
    }
    assert upward == set()


def modules(path: Path) -> Iterator[str]:
    """The modules of the package that one imports from, also for its types alone."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("devmemkit"):
            for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names)):
                if (path_of(name)).is_file():
                    yield name


def path_of(module: str | None) -> Path:
    """The file of a module; that of no package, whose imports are those of its modules."""
    return PACKAGE.parent / f"{(module or '').replace('.', '/')}.py"


def test_no_modules_use_each_other_in_a_circle() -> None:
    graph = {
        path.relative_to(PACKAGE.parent).as_posix()[:-3].replace("/", "."): {*modules(path)}
        for path in PACKAGE.rglob("*.py")
    }
    assert sum(map(len, graph.values())) > 1000
    assert len([*TopologicalSorter(graph).static_order()]) == len(graph)
