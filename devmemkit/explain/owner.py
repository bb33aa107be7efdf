"""Who has a page, and the machine without its claim."""

from __future__ import annotations

from devmemkit.model.claim import path_to
from devmemkit.model.flags import IORESOURCE_SYSTEM_RAM, PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine, View
from devmemkit.model.pci import BDF
from devmemkit.model.region import DISJOINT, region_intersects
from devmemkit.model.resource import Resource, release_resource
from devmemkit.model.strict import iomem_is_exclusive

Owner = tuple[str, int, int]
"""A resource's name and its inclusive bytes."""


def owner_of(machine: Machine, page: int) -> tuple[Owner | None, tuple[str, ...]]:
    """The resource that counts at a page, and the names of those around it, outermost first.

    It is the one that makes the page exclusive, else System RAM, else the innermost one.
    """
    root = machine["iomem"]
    start, end = page << PAGE_SHIFT, (page << PAGE_SHIFT) + PAGE_SIZE - 1
    node = iomem_is_exclusive(View(machine), page)
    if node is None:
        inside = root
        while inside is not None:
            inside = next(iter(inside.overlapping(start, end)), None)
            node = inside or node
        ram = region_intersects(root, start, PAGE_SIZE, IORESOURCE_SYSTEM_RAM) != DISJOINT
        while ram and node and not node.system_ram:
            node = node.parent
    if node is None or node is root:
        return None, ()
    around = path_to(node)[:-1]
    return (node.name, node.start, node.end), tuple(name for _, _, name in around)


def unbound(machine: Machine, owner: Owner | None) -> Machine | None:
    """The machine after a driver released all that it holds in the owner's device; None without.

    Of a resource that is no PCI device's only that one claim.
    """
    root: Resource = machine["iomem"].copy()
    for node in root.walk():
        if (node.name, node.start, node.end) == owner and _claimed(node):
            device = _device(node)
            for one in list(root.walk()) if device else [node]:
                if _claimed(one) and (one.name, _device(one)) == (node.name, device):
                    release_resource(one)
            return machine.with_({"iomem": root})
    return None


def _claimed(node: Resource) -> bool:
    return node.busy and not node.system_ram


def _device(node: Resource) -> str:
    """The PCI device in whose BAR a node lies, "" for none."""
    around = reversed(path_to(node)[:-1])
    return next((name for _, _, name in around if BDF.fullmatch(name)), "")
