"""The races by name, for notebooks and command line."""

from __future__ import annotations

from collections.abc import Callable

from devmemkit.model.kernel import KernelProfile
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS, UNLOCKED
from devmemkit.scenarios.machines import check_via
from devmemkit.scenarios.races.boot import attribute_creation, early_claim
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim, muxed_claims
from devmemkit.scenarios.races.copies import read_vs_claim, write_vs_claim
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.scenario import Concurrent

ORDERS: dict[str, Callable[[KernelProfile, str, int], Concurrent]] = {
    "mmap-vs-claim": lambda kernel, via, tasks: mmap_vs_claim(kernel, via=via, users=tasks),
    "claim-vs-release": lambda kernel, via, tasks: claim_vs_release(kernel, via=via, drivers=tasks),
    "early-claim": lambda kernel, _, tasks: early_claim(kernel, drivers=tasks),
    "attribute-creation": lambda kernel, _, tasks: attribute_creation(kernel, buses=tasks),
    "muxed-claims": lambda kernel, _, tasks: muxed_claims(kernel, drivers=max(tasks, 2)),
    "nd-pmem": lambda kernel, _, tasks: nd_pmem(kernel, users=tasks),
    "write-vs-claim": lambda kernel, _, tasks: write_vs_claim(kernel, threads=tasks),
    "read-vs-claim": lambda kernel, _, tasks: read_vs_claim(kernel, threads=tasks),
}
"""By name: the race on a kernel, mapped `via` "devmem" or "sysfs", with so many alike tasks."""


COPIES = ("write-vs-claim", "read-vs-claim")
"""Races of a read or write; all others are of an mmap or of claims alone."""

NAMES = (*ORDERS, "policies")
"""What can be searched by name: "policies" is a table of many scenarios (explore.policy_matrix)."""


def concurrent(name: str, kernel: KernelProfile, via: str = "devmem", tasks: int = 1) -> Concurrent:
    """A race by name; ValueError for an unknown name or `via`, or a wrong number of tasks.

    ValueError too for a repair of another operation than those that race.
    """
    if name not in ORDERS:
        raise ValueError(f"race: expected one of {', '.join(NAMES)}; got {name!r}")
    check_via(via)
    if not 1 <= tasks <= 9:
        raise ValueError(f"tasks: expected 1 to 9, got {tasks}")
    repairs = COPY_REPAIRS if name in COPIES else REPAIRS
    allowed = ("", *repairs) if name in COPIES else ("", *repairs, UNLOCKED)
    if kernel.repair not in allowed:
        known = ", ".join(repairs)
        raise ValueError(f"repair: expected one of {known} for {name}; got {kernel.repair!r}")
    return ORDERS[name](kernel, via, tasks)
