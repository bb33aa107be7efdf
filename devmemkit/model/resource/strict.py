"""Access to a page of physical memory: the checks of STRICT_DEVMEM and IO_STRICT_DEVMEM."""

from __future__ import annotations

from devmemkit.model import flags as fl
from devmemkit.model.errors import Blocked
from devmemkit.model.machine import View
from devmemkit.model.repairs import LOCKED
from devmemkit.model.resource.region import (
    DISJOINT,
    exclusive_owner,
    next_edge,
    overlapping_below,
    region_intersects,
)
from devmemkit.model.resource.tree import Resource

DENY, ALLOW, ZERO = 0, 1, 2
"""The answers of devmem_is_allowed; ZERO reads as zeroes and drops writes."""

LOW_MEGABYTE = 256
"""Pages below 1 MiB, which x86 never refuses (feature low_megabyte)."""


def iomem_is_exclusive(m: View, pfn: int) -> Resource | None:
    """The node that makes the page exclusive, or None (kernel/resource.c, see exclusive_owner)."""
    kernel = m.kernel
    return exclusive_owner(
        m["iomem"],
        pfn << kernel.page_shift,
        strict=kernel.strict_iomem_checks,
        io_strict=kernel.config.io_strict_devmem and kernel.policy.excludes_busy,
        sysram_rule=kernel["sysram_rule"],
        page_size=kernel.page_size,
    )


def is_taken(m: View, pfn: int) -> bool:
    """Whether a new mapping of the page is refused: exclusive, or excluded by policy while idle."""
    idle_too = m.kernel.policy.excludes_idle and m.kernel.strict_iomem_checks
    return idle_too or iomem_is_exclusive(m, pfn) is not None


def has_ram(m: View, pfn: int) -> bool:
    """Whether a byte of the page is System RAM."""
    return region_intersects(m["iomem"], *_bytes(m, pfn), fl.IORESOURCE_SYSTEM_RAM) != DISJOINT


def _bytes(m: View, pfn: int) -> tuple[int, int]:
    return pfn << m.kernel.page_shift, m.kernel.page_size


def ram_contains(m: View, start: int, size: int) -> bool:
    """Whether one region of busy System RAM contains the bytes.

    For a page this is page_is_ram (kernel/resource.c), for a copy memblock_is_region_memory
    (mm/memblock.c): each region that has a mapping is a node (request_standard_resources,
    arch/arm64/kernel/setup.c), while a no-map area is "reserved".
    """
    around = overlapping_below(m["iomem"], start, start)
    return any(n.busy and n.system_ram and start + size <= n.end + 1 for n in around)


def devmem_is_allowed(m: View, pfn: int) -> int:
    """DENY, ALLOW or ZERO for one page (arch/x86/mm/init.c, lib/devmem_is_allowed.c).

    RAM and an exclusive page are DENY. On x86 RAM below 1 MiB is ZERO (ALLOW before v4.11), and
    every other page there ALLOW.
    """
    low = pfn < LOW_MEGABYTE and m.kernel["low_megabyte"]
    any_byte = m.kernel["ram_page"] == "any byte"
    if has_ram(m, pfn) if any_byte else ram_contains(m, *_bytes(m, pfn)):
        return (ZERO if m.kernel["low_ram"] == "zeroes" else ALLOW) if low else DENY
    if low:
        return ALLOW
    return DENY if is_taken(m, pfn) else ALLOW


RESOURCE_LOCK = ("resource_lock", "iomem")


def wait_for_resource_lock(m: View, tree: str) -> None:
    """A change of the tree waits for a copy that holds resource_lock, which only repairs do.

    All else takes and drops the lock within one step.
    """
    if tree == "iomem" and m.kernel.repair in LOCKED and m.get(("lock", *RESOURCE_LOCK)):
        raise Blocked("resource_lock")


def page_is_allowed(m: View, pfn: int) -> int:
    """devmem_is_allowed with STRICT_DEVMEM=y, else ALLOW (drivers/char/mem.c, all versions)."""
    return devmem_is_allowed(m, pfn) if m.kernel.config.strict_devmem else ALLOW


def same_answer_until(m: View, pfn: int, last: int) -> int:
    """The last page up to `last` with the same answer as `pfn`: no edge of a node in between.

    A coarse machine checks all these pages in one step; in a fine machine each page is a step of
    its own.
    """
    if m.machine.fine:
        return pfn
    edge = next_edge(m["iomem"], pfn << m.kernel.page_shift)
    if edge is not None:
        last = min(last, max(pfn, (edge >> m.kernel.page_shift) - 1))
    return max(pfn, min(last, LOW_MEGABYTE - 1) if pfn < LOW_MEGABYTE else last)
