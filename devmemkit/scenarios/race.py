"""The mmap-versus-claim race: every order of the two operations' atomic steps on the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from devmemkit.model import access, devmem, pcisysfs  # noqa: F401 - register them
from devmemkit.model import claim as claims  # noqa: F401
from devmemkit.model.errors import Blocked
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.step import finished, run, start, steps_of, take_step
from devmemkit.model.task import new_task
from devmemkit.scenarios.machines import load_machine

VIAS = ("devmem", "sysfs")
"""How the mapper maps: /dev/mem with O_SYNC, or the BAR's resource file."""

CLAIMS = ("whole", "first page")
"""What the claimer claims of the mapping."""

CONTROLS = ("none", "before", "after", "outside")
"""No claim; all of it before the mmap, or after it; after it, beside what is mapped."""

MACHINE, BDF, RESOURCE = "qemu-6.12", "0000:00:05.0", 2
PAGES = 3
"""Pages that stand for the whole BAR; a fine machine makes one step of each."""

MAPPER, CLAIMER = "mapper", "claimer"


@cache
def race_outcomes(version: str, via: str, claim: str) -> frozenset[str]:
    """How the race can end: "denied ERRNO", "killed", "survived" or "torn".

    ValueError for a kernel, a way to map or a claim that is not known.
    """
    machine = _ready(version, via, claim, outside=False)
    return frozenset(_ending(end, outside=False, claim=claim) for end in interleavings(machine))


def in_order(version: str, via: str, claim: str, control: str) -> str:
    """How a control must end: as race_outcomes says, or "alive" where nobody claims.

    ValueError also for a control that is not known, or a claim of all that leaves nothing outside.
    """
    outside = control == "outside"
    if control not in CONTROLS or (outside and claim == "whole"):
        raise ValueError(
            f"control: expected one of {', '.join(CONTROLS)} that fits; got {control!r}"
        )
    machine = _ready(version, via, claim, outside=outside)
    orders = {"none": (MAPPER,), "before": (CLAIMER, MAPPER)}
    for actor in orders.get(control, (MAPPER, CLAIMER)):
        for after, _ in steps_of(machine, actor):
            machine = after
    ending = _ending(machine, outside=outside, claim=claim)
    return "alive" if control == "none" and ending == "survived" else ending


def interleavings(machine: Machine) -> Iterator[Machine]:
    """The machine after each order of steps of its two operations, equal ones once."""
    seen: set[Machine] = set()
    todo = [machine]
    while todo:
        machine = todo.pop()
        if machine in seen:
            continue
        seen.add(machine)
        running = [actor for actor in (MAPPER, CLAIMER) if not finished(machine, actor)]
        if not running:
            yield machine
        for actor in running:
            try:
                todo.append(take_step(machine, actor)[0])
            except Blocked:  # the other one goes first
                continue


def _ready(version: str, via: str, claim: str, *, outside: bool) -> Machine:
    """A fine machine with both operations at their first step."""
    if via not in VIAS:
        raise ValueError(f"via: expected one of {', '.join(VIAS)}; got {via!r}")
    if claim not in CLAIMS:
        raise ValueError(f"claim: expected one of {', '.join(CLAIMS)}; got {claim!r}")
    task: dict[Key, object] = {(kind, MAPPER): part for kind, part in new_task().items()}
    machine = load_machine(MACHINE, KernelProfile(version), fine=True).with_(task)
    bar = machine["pci", BDF].bar(RESOURCE).start
    mapping = {"pid": MAPPER, "length": PAGES * PAGE_SIZE, "offset": PAGE_SIZE * outside}
    if via == "devmem":
        machine, opened, _ = run(machine, MAPPER, "open_devmem", pid=MAPPER, dsync=True)
        mapping["offset"] += bar
    else:
        machine, opened, _ = run(
            machine, MAPPER, "open_resource", pid=MAPPER, bdf=BDF, bar=RESOURCE
        )
    call = {"devmem": "mmap_devmem", "sysfs": "mmap_resource"}[via]
    machine = start(machine, MAPPER, call, fd=opened.value, **mapping)
    size = PAGE_SIZE * (PAGES if claim == "whole" else 1)
    return start(machine, CLAIMER, "request_mem_region", start=bar, size=size)


def _ending(machine: Machine, *, outside: bool, claim: str) -> str:
    """What the mmap gave, and which of its claimed pages (`outside`: of all) a load reaches."""
    mapped = machine["outcome", MAPPER]
    if not mapped.ok:
        return f"denied {mapped.errno}"
    pages = 1 if claim == "first page" and not outside else PAGES
    loads = {
        run(machine, MAPPER, "load", pid=MAPPER, address=mapped.value + page * PAGE_SIZE, size=8)[
            1
        ].ok
        for page in range(pages)
    }
    return "torn" if len(loads) == 2 else "survived" if True in loads else "killed"
