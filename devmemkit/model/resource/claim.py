"""request_mem_region and release_mem_region as operations (kernel/resource.c)."""

from __future__ import annotations

from typing import Any

from devmemkit.model.errors import Blocked, KernelBug
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.resource.region import Muxed, request_region
from devmemkit.model.resource.revoke import STEPS, free_region
from devmemkit.model.resource.strict import wait_for_resource_lock
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import Frame, Next, Return, Step, operation

Path = tuple[tuple[int, int, str], ...]


def path_to(node: Resource) -> Path:
    """The path of a node: (start, end, name) of each node from below the root down to it."""
    up = []
    at: Resource | None = node
    while at is not None and at.parent is not None:
        up.append((at.start, at.end, at.name))
        at = at.parent
    return tuple(reversed(up))


def node_at(root: Resource, path: Path) -> Resource | None:
    """The node at a path, None when a node of the path was removed."""
    at = root
    for wanted in path:
        below = (child for child in at.overlapping(*wanted[:2]))
        found = next((c for c in below if (c.start, c.end, c.name) == wanted), None)
        if found is None:
            return None
        at = found
    return at


def insert(m: View, f: Frame) -> Next:
    """__request_region inserts the node under resource_lock; EBUSY, or a wait for a MUXED one."""
    wait_for_resource_lock(m, f.tree)
    root = m.edit(f.tree)
    parent = node_at(root, f.parent)
    if parent is None:  # removed while the claim slept on a MUXED region
        raise KernelBug(f"use after free of the parent {f.parent[-1]}")
    try:
        request_region(parent, f.start, f.size, f.name, f.flags)
    except Muxed as muxed:
        f.parent = path_to(muxed.parent)  # where the retry goes on
        m["muxed_wait"] = tuple(sorted([*m.get("muxed_wait", ()), f.actor]))
        if m.kernel["muxed_sleep"] == "before unlock":
            m["sleeping", f.actor] = True
        return fall_asleep
    revocable = f.tree == "iomem" and m.kernel.policy.after_insert
    return None if revocable else Return(f.start)


def fall_asleep(m: View, f: Frame) -> Next:
    """set_current_state; before 6.12 a wake-up between unlock and this step is lost."""
    if m.kernel["muxed_sleep"] == "after unlock":
        m["sleeping", f.actor] = True
    return None


def schedule(m: View, f: Frame) -> Next:
    """schedule waits on muxed_resource_wait, uninterruptibly; then the claim is tried again."""
    if m.get(("sleeping", f.actor)):
        raise Blocked("muxed_resource_wait")
    m["muxed_wait"] = tuple(actor for actor in m["muxed_wait"] if actor != f.actor) or None
    return insert


def _steps(kernel: KernelProfile) -> tuple[Step, ...]:
    after = tuple(STEPS[name] for name in kernel.policy.after_insert)
    return (insert, *after, fall_asleep, schedule)


CLAIM: dict[str, Any] = {"needs": ("start", "size"), "parent": (), "name": "driver", "flags": 0}
"""Bytes [start, start+size) of a tree are claimed; gives `start`. EBUSY."""
operation("request_mem_region", choose=_steps, tree="iomem", **CLAIM)
operation("request_region", choose=_steps, tree="ioport", **CLAIM)


@operation("release_mem_region", needs=("start", "size"), tree="iomem")
@operation("release_region", needs=("start", "size"), tree="ioport")
def release(m: View, f: Frame) -> Next:
    """__release_region frees an exact range; zapped mappings stay zapped.

    The value is 1, or 0 with nothing changed for a "nonexistent resource".
    """
    return Return(int(free_region(m, f.tree, f.start, f.size)))
