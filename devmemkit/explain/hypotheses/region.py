"""Hypotheses about the range: a driver has claimed it, or it is RAM."""

from __future__ import annotations

from devmemkit.explain.calls import claim
from devmemkit.explain.hypothesis import Asked, Hypothesis
from devmemkit.model import flags as fl
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource, request_resource_conflict


def _ram(asked: Asked) -> Machine:
    """RAM where nobody knows what is there."""
    root = asked.machine["iomem"]
    fresh = Resource(root.start, root.end, root.name, root.flags)
    ram = Resource(asked.start, asked.start + asked.size - 1, "System RAM", RAM)
    request_resource_conflict(fresh, ram)
    return asked.machine.with_({"iomem": fresh})


RAM = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_BUSY

REGION = (
    Hypothesis(
        "claimed before",
        "a driver had claimed the region before",
        "the region has a line of a driver's in /proc/iomem, below the device's",
        lambda asked: (asked.claim, *asked.calls),
    ),
    Hypothesis(
        "claimed after",
        "a driver claimed the region after it was mapped, and the mapping was revoked",
        "modprobe, or a device that appeared, shortly before; dmesg says which driver bound",
        lambda asked: asked.mapped(asked.claim, asked.touch()),
        do="map it again when the driver has gone, or use the driver's interface: a revoked page "
        "does not come back",
    ),
    Hypothesis(
        "page claimed",
        "one page of the range is claimed, and one is enough",
        "/proc/iomem, with the range rounded to pages: look for an indented line inside",
        lambda asked: (claim("driver", asked.access.pages[1] << PAGE_SHIFT, 16), *asked.calls),
        when=lambda asked: asked.access.via == "devmem" and asked.size > PAGE_SIZE,
    ),
    Hypothesis(
        "ram",
        "the range is RAM, which STRICT_DEVMEM keeps from every process",
        "/proc/iomem, read by root: System RAM at the address",
        machine=_ram,
        when=lambda asked: asked.access.via == "devmem",
        unless=("iomem",),
    ),
)
