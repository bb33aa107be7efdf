"""Outcomes in words, one short phrase each, the same in figures, tables and named values."""

from __future__ import annotations

from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act, Played

_DONE = {
    "open_devmem": "open",
    "open_resource": "open",
    "remove": "removed",
    "store": "written",
    "request_mem_region": "claimed",
    "release_mem_region": "released",
    "ioremap": "mapped",
    "iounmap": "unmapped",
    "copy_from_user": "copied",
    "fork": "child C",
}


def phrase(act: Act, outcome: Outcome | None) -> str:
    """How an act ended: a value, an errno, a signal, or "not played"."""
    if outcome is None:
        return "not played"
    if outcome.signal:
        return f"{outcome.signal}, {outcome.si_code}"
    if outcome.errno:
        return outcome.errno
    if isinstance(outcome.value, bytes):
        return f"{int.from_bytes(outcome.value, 'little'):#018x}"
    if act.operation.startswith("mmap"):
        return "mapped"
    return _DONE.get(act.operation) or f"{outcome.value:#018x}"


def said(played: Played, key: str) -> str:
    """How the act of that key ended, as a phrase."""
    return phrase(played.act(key), played.outcomes.get(key))


def verdict(outcome: Outcome | None) -> tuple[str, str]:
    """The same for a narrow cell: one word ("works", "EPERM", "SIGBUS") and its colour's role."""
    if outcome is None:
        return "none", "muted"
    return outcome.signal or outcome.errno or "works", "ok" if outcome.ok else "error"
