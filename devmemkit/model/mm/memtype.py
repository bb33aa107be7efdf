"""Page cache types (x86 PAT): the reservations, and which requests conflict with them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import IORESOURCE_SYSTEM_RAM, PAGE_SHIFT
from devmemkit.model.machine import View
from devmemkit.model.resource.region import DISJOINT, INTERSECTS, region_intersects

CacheType = Literal["WB", "WC", "UC-"]
WB: Final = "WB"
WC: Final = "WC"
UC_MINUS: Final = "UC-"


class Memtype(NamedTuple):
    """A reservation of pages `first` to `last` (pfn): its type and its owner."""

    first: int
    last: int
    type: CacheType
    owner: tuple[str | int, ...]


ISA = (0xA0, 0xFF)
"""Pages that x86 never tracks; they are WB for every request."""


def memtype_reserve(
    m: View, first: int, last: int, wanted: CacheType, owner: tuple[str | int, ...]
) -> CacheType | None:
    """Reserve `wanted` for pages [first, last]; the type granted, None when types conflict.

    A request for WB is granted an existing UC- or WC; a request for UC- or WC is never granted WB.
    Nothing is recorded for RAM above 1 MiB and for the ISA range, which stay WB; a range that is
    RAM in part conflicts. Without PAT nothing is tracked.
    Source: memtype_reserve, is_new_memtype_allowed, pat_pagerange_is_ram
    (arch/x86/mm/pat/memtype.c, all versions).
    """
    if not m.kernel.pat:
        return wanted
    ram = _ram(m, max(first, ISA[1] + 1), last)
    if ram == INTERSECTS and first > ISA[1]:
        return WB
    if ram != DISJOINT:
        return None
    if ISA[0] <= first and last <= ISA[1]:
        return WB
    if wanted == WB and any(a <= last and b >= first for a, b in m.get("mtrr_uc", ())):
        wanted = UC_MINUS  # pat_x_mtrr_type
    held: tuple[Memtype, ...] = m.get("memtype", ())
    types = {r.type for r in held if r.first <= last and r.last >= first}
    if len(types) > 1:
        return None
    granted = types.pop() if types else wanted
    if granted == WB != wanted:
        return None
    _put(m, [*held, Memtype(first, last, granted, owner)])
    return granted


def _ram(m: View, first: int, last: int) -> str:
    if first > last:
        return DISJOINT
    start, size = first << PAGE_SHIFT, (last - first + 1) << PAGE_SHIFT
    return region_intersects(m["iomem"], start, size, IORESOURCE_SYSTEM_RAM)


def _put(m: View, reservations: list[Memtype]) -> None:
    m["memtype"] = tuple(sorted(reservations)) or None


def memtype_free(m: View, owner: tuple[str | int, ...]) -> None:
    """Drop every reservation of `owner`."""
    held: tuple[Memtype, ...] = m.get("memtype", ())
    if any(r.owner == owner for r in held):
        _put(m, [r for r in held if r.owner != owner])


def memtype_copy(m: View, owner: tuple[str | int, ...], twin: tuple[str | int, ...]) -> None:
    """Give `twin` what `owner` holds."""
    held: tuple[Memtype, ...] = m.get("memtype", ())
    if any(r.owner == owner for r in held):
        _put(m, [*held, *(r._replace(owner=twin) for r in held if r.owner == owner)])


def memtype_erase(m: View, first: int, last: int) -> None:
    """Free pages [first, last] by number, without an owner, as mappings do up to 6.15.

    A reservation of exactly these pages is removed; else one that ends with them is shortened;
    else nothing is freed, and the reservation leaks.
    Source: memtype_erase (arch/x86/mm/pat/memtype_interval.c).
    """
    held: list[Memtype] = list(m.get("memtype", ()))
    for reservation in held:
        if (reservation.first, reservation.last) == (first, last):
            held.remove(reservation)
            return _put(m, held)
    for reservation in held:
        if reservation.last == last and reservation.first < first:
            held.remove(reservation)
            return _put(m, [*held, reservation._replace(last=first - 1)])
    return None


def ioremap(m: View, start: int, end: int, owner: tuple[str | int, ...]) -> None:
    """Reserve UC- for a driver's mapping of bytes [start, end]; ENOMEM when types conflict.

    Source: __ioremap_caller, which prints "ioremap error" and returns NULL.
    """
    if memtype_reserve(m, start >> PAGE_SHIFT, end >> PAGE_SHIFT, UC_MINUS, owner) is None:
        raise KernelError("ENOMEM", f"ioremap of {start:#x}-{end:#x}: memtype conflict with WB")
