"""The mmap-versus-claim race as the lab runs it: one mmap, one claim, and how they end."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.step import run
from devmemkit.scenarios.play import Act, play
from devmemkit.scenarios.races.one_bar import START, bar_machine, with_user
from devmemkit.scenarios.races.scenario import Concurrent, Program

CLAIMS = ("whole", "first page")
"""What the claimer claims of the mapping."""

CONTROLS = ("none", "before", "after", "outside")
"""No claim; all of it before the mmap, or after it; after it, beside what is mapped."""

PAGES = 3
"""Pages that stand for the whole BAR."""

MAPPER, CLAIMER = "mapper", "claimer"


def race(version: str, via: str, claim: str, *, outside: bool = False) -> Concurrent:
    """The mapper maps the BAR, or with `outside` all but its first page; the claimer claims.

    ValueError for a kernel, a way to map or a claim that is not known.
    """
    if claim not in CLAIMS:
        raise ValueError(f"claim: expected one of {', '.join(CLAIMS)}; got {claim!r}")
    machine, fd = with_user(bar_machine(KernelProfile(version), PAGES), MAPPER, via)
    offset = PAGE_SIZE * outside + (START if via == "devmem" else 0)
    where = {"pid": MAPPER, "fd": fd, "offset": offset, "length": (PAGES - outside) * PAGE_SIZE}
    size = PAGE_SIZE * (PAGES if claim == "whole" else 1)
    mmap = "mmap_devmem" if via == "devmem" else "mmap_resource"
    programs = {
        MAPPER: Program((Act("map", MAPPER, mmap, where),), keep=frozenset({"map"})),
        CLAIMER: Program(
            (Act("claim", CLAIMER, "request_mem_region", {"start": START, "size": size}),)
        ),
    }
    return Concurrent("race", machine, programs, ())


def in_order(version: str, via: str, claim: str, control: str) -> str:
    """How a control must end: as ending() says, or "alive" without a claim.

    ValueError for an unknown control, or for "outside" when the claim covers the whole region.
    """
    outside = control == "outside"
    if control not in CONTROLS or (outside and claim == "whole"):
        raise ValueError(
            f"control: expected one of {', '.join(CONTROLS)} that fits; got {control!r}"
        )
    made = race(version, via, claim, outside=outside)
    orders = {"none": (MAPPER,), "before": (CLAIMER, MAPPER)}
    acts = [made.programs[task].acts[0] for task in orders.get(control, (MAPPER, CLAIMER))]
    played = play(made.machine, tuple(acts))
    machine = played.moments[-1].machine.with_(
        {("program", MAPPER): (1, (("map", played.outcomes["map"]),))}
    )
    reached = ending(machine, 1 if claim == "first page" and not outside else PAGES - outside)
    return "alive" if control == "none" and reached == "survived" else reached


def ending(machine: Machine, pages: int) -> str:
    """How the race ended: "denied ERRNO", "killed", "survived" or "torn".

    This is the outcome of the mmap, and which of its first `pages` a load reaches.
    """
    mapped = dict(machine["program", MAPPER][1])["map"]
    if not mapped.ok:
        return f"denied {mapped.errno}"
    reached = {
        run(machine, MAPPER, "load", pid=MAPPER, address=mapped.value + page * PAGE_SIZE)[1].ok
        for page in range(pages)
    }
    return "torn" if len(reached) == 2 else "survived" if True in reached else "killed"
