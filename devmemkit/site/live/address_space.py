"""The map of a machine's address space, with a place to click for every resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devmemkit.figures.space_map import rows_of, space_map
from devmemkit.model.resource.tree import Resource
from devmemkit.widgets.standin import shown

MOST = 600
"""Resources in a map at most; of a larger tree the deepest levels are left out."""


def map_of(root: Resource | None, address: int | None) -> dict[str, Any]:
    """The picture of a tree; `rows` has the address and the name of each of its first tips.

    {} without a tree. `marked` is the place of the address among
    them, -1 for none, `note` says what is not drawn.
    """
    if root is None:
        return {}
    root, left = _pruned(root)
    said = f"{left:,} resources, of the deepest levels, are not drawn." if left else ""
    if not root.children:
        return {"note": said}
    nodes = [row.node for row in rows_of(root) if not row.gap]
    marked = _innermost(root, address)
    picture = space_map("your machine", root, marked=marked)
    at = next((i for i, one in enumerate(nodes) if one is marked), -1)
    rows = [{"address": f"{one.start:#x}", "name": str(one)} for one in nodes]
    return {**shown(picture), "rows": rows, "marked": at, "note": said}


def _innermost(root: Resource, address: int | None) -> Resource | None:
    found = None
    children = root.children if address is not None else []
    while around := [one for one in children if one.start <= (address or 0) <= one.end]:
        found = around[-1]
        children = found.children
    return found


def _pruned(root: Resource) -> tuple[Resource, int]:
    """The tree without its deepest levels, so that MOST resources stay, and how many it lost."""
    levels: list[list[Resource]] = [[root]]
    while below := [child for node in levels[-1] for child in node.children]:
        levels.append(below)
    kept, deep = 0, 0
    for level in levels[1:]:
        if kept + len(level) > MOST:
            break
        kept, deep = kept + len(level), deep + 1
    left = sum(map(len, levels[1:])) - kept
    return (_top(root, deep), left) if left else (root, 0)


def _top(node: Resource, deep: int, parent: Resource | None = None) -> Resource:
    """A copy of the first levels below a node."""
    copy = replace(node, parent=parent, children=[])
    if deep:
        copy.children = [_top(child, deep - 1, copy) for child in node.children]
    return copy
