"""Claims of regions, and the checks that read the tree (kernel/resource.c)."""

from __future__ import annotations

from collections.abc import Iterator

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.resource.tree import Resource, release_resource, request_resource_conflict

DISJOINT, INTERSECTS, MIXED = "DISJOINT", "INTERSECTS", "MIXED"


class Muxed(Exception):
    """The claim must wait for a MUXED region, which it met below `parent`."""

    def __init__(self, parent: Resource) -> None:
        self.parent = parent


def request_region(parent: Resource, start: int, size: int, name: str, flags: int = 0) -> Resource:
    """Claim `size` bytes from `start`: a BUSY node in the innermost idle node that holds them.

    EBUSY when a busy node overlaps or the range straddles an edge of any node, busy or not; raises
    Muxed when the claim must wait for a MUXED region. Mappings are revoked in a step of their own.
    Source: __request_region up to 6.0, __request_region_locked from 6.1.
    """
    new = Resource(start, (start + size - 1) & fl.U64, name)
    while True:
        # recomputed at every level: type and desc come from the innermost container
        inherited = parent.flags & (fl.IORESOURCE_TYPE_BITS | fl.IORESOURCE_EXT_TYPE_BITS)
        new.flags = inherited | fl.IORESOURCE_BUSY | flags
        new.desc = parent.desc
        conflict = request_resource_conflict(parent, new)
        if conflict is None:
            return new
        if conflict is not parent and not conflict.busy:
            parent = conflict
        elif conflict.flags & flags & fl.IORESOURCE_MUXED:
            raise Muxed(parent)
        else:
            raise KernelError("EBUSY", f"{new} meets {conflict}", str(conflict))


def release_region(parent: Resource, start: int, size: int) -> Resource | None:
    """Free the BUSY node of exactly this range and return it, children lost with it.

    None, and nothing changes, when there is no such node (the kernel warns "Trying to free
    nonexistent resource"). The owner is not checked. Source: __release_region, all versions.
    """
    end = (start + size - 1) & fl.U64
    while (node := _containing(parent, start, end)) and not node.busy:
        parent = node
    if node is None or (node.start, node.end) != (start, end):
        return None
    release_resource(node)
    return node


def _containing(parent: Resource, start: int, end: int) -> Resource | None:
    around = parent.overlapping(start, end)
    return next((node for node in around if node.start <= start and node.end >= end), None)


def region_intersects(root: Resource, start: int, size: int, flags: int, desc: int = 0) -> str:
    """Whether all, part or none of [start, start+size) is in nodes of the flags and desc.

    Holes do not count, nor does a node of another kind whose part of the range is covered by
    matching descendants. Source: __region_intersects of the 6.12 era.
    """
    end = start + size - 1

    def matches(node: Resource) -> bool:
        return node.flags & flags == flags and desc in (fl.IORES_DESC_NONE, node.desc)

    found = other = False
    for node in root.overlapping(start, end):
        if matches(node):
            found = True
            continue
        position, last = max(start, node.start), min(end, node.end)
        for below in overlapping_below(node, start, end):
            if matches(below):
                found = True
                if below.start > position:
                    break
                position = max(position, below.end + 1)
                if position > last:
                    break
        other |= position <= last
    return DISJOINT if not found else MIXED if other else INTERSECTS


def overlapping_below(node: Resource, start: int, end: int) -> Iterator[Resource]:
    """The nodes below `node` that overlap [start, end], parents before their children."""
    for child in node.overlapping(start, end):
        yield child
        yield from overlapping_below(child, start, end)


def exclusive_owner(
    root: Resource,
    page: int,
    *,
    strict: bool,
    io_strict: bool,
    sysram_rule: bool,
    page_size: int = fl.PAGE_SIZE,
) -> Resource | None:
    """The node that makes a page (address of its first byte) exclusive to the kernel, or None.

    Page-granular: one qualifying node on any byte is enough. `strict` is strict_iomem_checks,
    `io_strict` CONFIG_IO_STRICT_DEVMEM, `sysram_rule` the idle exclusive System RAM rule of
    a9e7b8d4f663 (v5.16). Source: iomem_is_exclusive up to 5.15, resource_is_exclusive from 5.16.
    """
    both = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_EXCLUSIVE
    for node in overlapping_below(root, page, page + page_size - 1):
        if sysram_rule and node.flags & both == both:
            return node
        if strict and node.busy and (io_strict or node.flags & fl.IORESOURCE_EXCLUSIVE):
            return node
    return None


def next_edge(node: Resource, address: int) -> int | None:
    """The lowest address above `address` where a node below `node` begins or has just ended."""
    if not node.disjoint:
        edges = [
            edge
            for child in node.children
            for edge in (child.start, child.end + 1, next_edge(child, address))
            if edge is not None and edge > address
        ]
        return min(edges, default=None)
    index = node.first_reaching(address)
    if index == len(node.children):
        return None
    child = node.children[index]
    if child.start > address:
        return child.start
    inner = next_edge(child, address)
    return child.end + 1 if inner is None else min(inner, child.end + 1)
