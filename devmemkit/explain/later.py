"""What will end a mapping that was granted: the driver that claims the region, played after it."""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.explain.access import Access, acts_of
from devmemkit.explain.description import Description
from devmemkit.explain.verdict import judge, owner_of
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import Machine
from devmemkit.scenarios.story import Act, Ref, play

DRIVERS = {
    "Persistent Memory": "nd_pmem",
    "Persistent Memory (legacy)": "nd_pmem",
    "Soft Reserved": "device_dax",
}
"""Who takes a resource that is no PCI device's."""


@dataclass(frozen=True)
class Later:
    """`when` somebody claims the region, the next touch gives `then`, at `page`."""

    when: str
    then: str
    page: int | None


def later(known: Description, machine: Machine, access: Access) -> Later | None:
    """What the next touch gives after a claim of the resource that is mapped; None without one."""
    if not access.maps:
        return None
    claimed = claim_of(known, machine, access)
    if claimed is None:
        return None
    who, start, size = claimed
    mapped = [act for act in acts_of(access) if act.key not in ("load", "store")]
    touch = Act("touch", "P", "load", {"pid": "P", "address": Ref("mmap"), "size": 1}, live=True)
    claims = Act("claim", "D", "request_mem_region", {"start": start, "size": size, "name": who})
    played = play(machine, (*mapped, claims, touch))
    if "claim" not in played.outcomes or not played.outcomes["claim"].ok:
        return None
    end = judge(played, access)
    return Later(f"{who} claims {start:#x}-{start + size - 1:#x}", end.outcome, end.page)


def claim_of(known: Description, machine: Machine, access: Access) -> tuple[str, int, int] | None:
    """Who would claim what is at the access's first page, and where: its name, start, bytes.

    The whole BAR by its device's driver, else the innermost idle resource.
    """
    address = access.pages[0] << PAGE_SHIFT
    for device in known.devices.values():
        for bar in device.bars:
            if bar.memory and bar.index < 6 and bar.start <= address <= bar.end:
                names = " or ".join(device.modules) or device.driver
                return names or f"the driver of {device.bdf}", bar.start, bar.length
    owner, _ = owner_of(machine, access.pages[0])
    if owner is None:
        return None
    name, start, end = owner
    return DRIVERS.get(name, f"the driver of {name}"), start, end - start + 1
