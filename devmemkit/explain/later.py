"""What will end a mapping that was granted: the driver that claims the region, played after it."""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.explain.access import ACTOR, Access, mapping
from devmemkit.explain.description import Description
from devmemkit.explain.owner import owner_of
from devmemkit.explain.verdict import judge
from devmemkit.model.drivers.nvdimm import LEGACY
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Act, Ref, play

DRIVERS = {
    "Persistent Memory": "nd_pmem",
    LEGACY: "nd_pmem",
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
    claim = claim_of(known, machine, access)
    if claim is None:
        return None
    touch = Act(
        "touch", ACTOR, "load", {"pid": ACTOR, "address": Ref("mmap"), "size": 1}, live=True
    )
    played = play(machine, (*mapping(access), claim, touch))
    if claim.key not in played.outcomes or not played.outcomes[claim.key].ok:
        return None
    end = judge(played, access)
    start, size = claim.arguments["start"], claim.arguments["size"]
    when = f"{claim.arguments['name']} claims {start:#x}-{start + size - 1:#x}"
    return Later(when, end.outcome, end.page)


def claim_of(known: Description, machine: Machine, access: Access) -> Act | None:
    """The claim of what is at the access's first page: all of a BAR, by its device's driver.

    Else that of the innermost resource; None where there is none, and for ports.
    """
    if access.via == "port":
        return None
    for device, bar in known.holders(access.pages[0] << PAGE_SHIFT):
        if bar.index < 6:
            who = " or ".join(device.modules) or device.driver or f"the driver of {device.bdf}"
            return _claim(who, bar.start, bar.length)
    owner, _ = owner_of(machine, access.pages[0])
    if owner is None:
        return None
    name, start, end = owner
    return _claim(DRIVERS.get(name, f"the driver of {name}"), start, end - start + 1)


def _claim(who: str, start: int, size: int) -> Act:
    return Act("claim", "D", "request_mem_region", {"start": start, "size": size, "name": who})
