"""Outcomes and pages in words. Figures, tables, messages and named values take them from here."""

from __future__ import annotations

from devmemkit.model.errors import Outcome
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import Vma
from devmemkit.scenarios.play import Act, Played

_DONE = {
    "remove": "removed",
    "store": "written",
    "request_mem_region": "claimed",
    "release_mem_region": "released",
    "ioremap": "mapped",
    "iounmap": "unmapped",
    "copy_from_user": "copied",
    "fork": "child C",
}


def is_handle(act: Act) -> bool:
    """Whether the act's value is a descriptor or an address: model and kernel choose their own."""
    return act.operation.startswith(("open_", "mmap_")) or act.operation == "mremap"


def format_ending(outcome: Outcome, ok: str = "ok") -> str:
    """An outcome in a word: its signal, its errno, "kernel bug", or `ok`."""
    return outcome.signal or outcome.errno or ("kernel bug" if outcome.bug else ok)


def format_outcome(act: Act, outcome: Outcome | None) -> str:
    """An act's outcome in a phrase: a value, an errno, a signal with its code, or "not played"."""
    if outcome is None:
        return "not played"
    if outcome.signal:
        return f"{outcome.signal}, {outcome.si_code}"
    if not outcome.ok:
        return format_ending(outcome)
    if isinstance(outcome.value, bytes):
        return f"{int.from_bytes(outcome.value, 'little'):#018x}"
    if is_handle(act):
        return "open" if act.operation.startswith("open_") else "mapped"
    return _DONE.get(act.operation) or f"{outcome.value:#018x}"


def format_act(played: Played, key: str) -> str:
    """The outcome of the act of that key, in a phrase."""
    return format_outcome(played.act(key), played.outcomes.get(key))


def page_states(machine: Machine, pid: str, vma: Vma) -> list[str]:
    """Each page of a mapping: "live", "private" (a copy, or a substitute) or "zapped"."""
    table = machine["pagetable", pid]
    first, last = vma.vpns
    live = {v for low, high, _ in table.between(first, last) for v in range(low, high + 1)}
    return [
        "private" if vpn in table.private else "live" if vpn in live else "zapped"
        for vpn in range(first, last + 1)
    ]
