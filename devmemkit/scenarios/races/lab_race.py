"""The mmap-versus-claim race as the lab runs it: one mmap, one claim, and how they end."""

from __future__ import annotations

from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.step import run
from devmemkit.scenarios.play import play
from devmemkit.scenarios.races.one_bar import bar_machine, claims, maps, with_user
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
    mmap, _ = maps(MAPPER, fd, via, 1, PAGES - outside, first=int(outside)).acts
    request, _ = claims(CLAIMER, 1, PAGES if claim == "whole" else 1).acts
    programs = {MAPPER: Program((mmap,), keep=(mmap.key,)), CLAIMER: Program((request,))}
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
    machine, mapped = played.moments[-1].machine, played.outcomes["map0"]
    pages = 1 if claim == "first page" and not outside else PAGES - outside
    reached = ending(machine, mapped, pages)
    return "alive" if control == "none" and reached == "survived" else reached


def ending(machine: Machine, mapped: Outcome, pages: int) -> str:
    """How the race ended: "denied ERRNO", "killed", "survived" or "torn".

    `mapped` is the outcome of the mmap; the rest depends on which of its first `pages` a load
    reaches.
    """
    if not mapped.ok:
        return f"denied {mapped.errno}"
    reached = {
        run(machine, MAPPER, "load", pid=MAPPER, address=mapped.value + page * PAGE_SIZE)[1].ok
        for page in range(pages)
    }
    return "torn" if len(reached) == 2 else "survived" if True in reached else "killed"
