"""Page cache types (x86 PAT): who mapped which pages how, and which requests conflict."""

from __future__ import annotations

from typing import NamedTuple

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View

WB, WC, UC_MINUS = "WB", "WC", "UC-"


class Memtype(NamedTuple):
    """A reservation: pages `first` to `last` (pfn), type, and whose it is."""

    first: int
    last: int
    type: str
    owner: tuple[str | int, ...]


def memtype_reserve(
    m: View, first: int, last: int, wanted: str, owner: tuple[str | int, ...]
) -> str | None:
    """Reserve `wanted` for pages [first, last]; the type granted, None when types conflict.

    An existing type is taken over where the caller can live with it: who asked for WB gets UC- or
    WC, who asked for UC- or WC never gets WB. Without PAT nothing is tracked.
    Source: memtype_reserve, is_new_memtype_allowed (arch/x86/mm/pat/memtype.c, all versions).
    """
    if not m.kernel.pat:
        return wanted
    held: tuple[Memtype, ...] = m.get("memtype", ())
    types = {r.type for r in held if r.first <= last and r.last >= first}
    if len(types) > 1:
        return None
    granted = types.pop() if types else wanted
    if granted == WB != wanted:
        return None
    m["memtype"] = (*held, Memtype(first, last, granted, owner))
    return granted


def memtype_free(m: View, owner: tuple[str | int, ...]) -> None:
    """Drop every reservation of `owner`."""
    held: tuple[Memtype, ...] = m.get("memtype", ())
    kept = tuple(r for r in held if r.owner != owner)
    if kept != held:
        m["memtype"] = kept or None


def memtype_copy(m: View, owner: tuple[str | int, ...], twin: tuple[str | int, ...]) -> None:
    """Give `twin` what `owner` holds (track_pfn_copy at fork, a moved or split VMA)."""
    held: tuple[Memtype, ...] = m.get("memtype", ())
    more = tuple(r._replace(owner=twin) for r in held if r.owner == owner)
    m["memtype"] = held + more or None


def ioremap(m: View, start: int, end: int, owner: tuple[str | int, ...]) -> None:
    """A driver's UC- mapping of bytes [start, end]; ENOMEM when the types conflict.

    Source: __ioremap_caller, which prints "ioremap error" and returns NULL.
    """
    if memtype_reserve(m, start >> 12, end >> 12, UC_MINUS, owner) is None:
        raise KernelError("ENOMEM", f"ioremap of {start:#x}-{end:#x}: memtype conflict with WB")
