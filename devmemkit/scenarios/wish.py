"""Whether an act ended as the owner of what it touches would wish: what green and red mean."""

from __future__ import annotations

from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Act, Played, filled


def as_wished(played: Played, key: str, ended: Outcome | None = None) -> bool | None:
    """Whether the owner would wish the act's end: False, somebody reaches what is not his, or dies.

    None if it is neither: the act was not played, a driver was refused, or a process was refused
    what nobody has claimed. `ended` is the outcome on a real kernel; without one it is the model's.
    """
    act, outcome = played.act(key), ended or played.outcomes.get(key)
    if outcome is None:
        return None
    if outcome.signal or outcome.bug:
        return False
    if "pid" not in act.arguments:  # a driver's act
        return True if outcome.ok else None
    claimed = any(_is_claimed(played.after(key), *run) for run in _touched(played, act, outcome))
    if outcome.ok:
        return not claimed
    return True if claimed or outcome.conflict else None


def _is_claimed(machine: Machine, first: int, last: int) -> bool:
    """Whether a busy node has a byte in the pages [first, last]."""
    start, end = first << PAGE_SHIFT, ((last + 1) << PAGE_SHIFT) - 1
    return any(n.busy and n.start <= end and start <= n.end for n in machine["iomem"].walk())


def _touched(played: Played, act: Act, outcome: Outcome) -> list[tuple[int, int]]:
    """The physical pages that an act of a process reached or was refused, as (first, last)."""
    if outcome.page is not None:
        return [(outcome.page, outcome.page)]
    if act.key not in played.outcomes:  # the model ends an earlier act otherwise
        return []
    machine, arguments = played.after(act.key), filled(act, played.outcomes)
    if act.operation in ("mmap_devmem", "read_devmem") and "offset" in arguments:
        start, size = arguments["offset"], arguments.get("length", arguments.get("count", 1))
        return [(start >> PAGE_SHIFT, (start + max(1, size) - 1) >> PAGE_SHIFT)]
    pid = arguments["pid"]
    new = act.operation.startswith("mmap_")
    address = played.outcomes[act.key].value if new else arguments.get("address")
    for vma in machine["vmas", pid] if isinstance(address, int) else ():
        if vma.start <= address < vma.end:
            if new:
                return [(vma.pgoff, vma.pgoff + vma.pages - 1)]
            vpn = address >> vma.page_shift
            if vpn not in machine["pagetable", pid].private:
                page = vma.pgoff + vpn - vma.vpns[0]
                return [(page, page)]
    return []
