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
from devmemkit.scenarios.stories.script import Process

CLAIMS = ("whole", "first page")
"""What the claimer claims of the mapping."""

CONTROLS = ("none", "before", "after", "outside")
"""No claim; all of it before the mmap, or after it; after it, beside what is mapped."""

PAGES = 3
"""Pages that stand for the whole BAR."""

MAPPER, CLAIMER = "mapper", "claimer"


def race(
    version: str,
    via: str,
    claim: str,
    *,
    outside: bool = False,
    repair: str = "",
    arch: str = "x86_64",
) -> Concurrent:
    """The mapper maps the BAR, or with `outside` all but its first page; the claimer claims.

    ValueError for a kernel, an architecture, a way to map, a claim or a `repair` that is not known.
    """
    if claim not in CLAIMS:
        raise ValueError(f"claim: expected one of {', '.join(CLAIMS)}; got {claim!r}")
    kernel = KernelProfile(version, repair=repair, arch=arch)
    machine, fd = with_user(bar_machine(kernel, PAGES), MAPPER, via)
    mmap, _ = maps(MAPPER, fd, via, 1, PAGES - outside, first=int(outside)).acts
    request, _ = claims(CLAIMER, 1, PAGES if claim == "whole" else 1).acts
    programs = {MAPPER: Program((mmap,), keep=(mmap.key,)), CLAIMER: Program((request,))}
    return Concurrent("race", machine, programs, ())


def touch_race(version: str, via: str, repair: str) -> tuple[Concurrent, Outcome]:
    """The mapper, which has mapped the BAR, loads from each page; the claimer claims all of it.

    Beside the race it gives the outcome of the mmap. ValueError as in race().
    """
    made = race(version, via, "whole", repair=repair)
    (mmap,) = made.programs[MAPPER].acts
    machine, mapped, _ = run(made.machine, MAPPER, mmap.operation, **mmap.arguments)
    machine = machine.with_({("outcome", MAPPER): None})
    loads = []
    for page in range(PAGES):
        where = {"address": mapped.value + page * PAGE_SIZE, "size": 1}
        needs = f"load{page - 1}" if page else ""
        loads.append(Process(MAPPER)(f"load{page}", "load", "reads it", **where, needs=needs))
    programs = {MAPPER: Program(tuple(loads)), CLAIMER: made.programs[CLAIMER]}
    return Concurrent("touch-race", machine, programs, ()), mapped


def in_order(
    version: str, via: str, claim: str, control: str, repair: str = "", arch: str = "x86_64"
) -> str:
    """How a control must end: as ending() says, or "alive" without a claim.

    ValueError for an unknown control, or for "outside" when the claim covers the whole region.
    """
    outside = control == "outside"
    if control not in CONTROLS or (outside and claim == "whole"):
        raise ValueError(
            f"control: expected one of {', '.join(CONTROLS)} that fits; got {control!r}"
        )
    made = race(version, via, claim, outside=outside, repair=repair, arch=arch)
    pages = 1 if claim == "first page" and not outside else PAGES - outside
    return _ended(made, control, None, pages)


def touch_in_order(version: str, via: str, control: str, repair: str) -> str:
    """How a control of the touch race must end, in the words of in_order()."""
    made, mapped = touch_race(version, via, repair)
    return _ended(made, control, mapped, PAGES)


def _ended(made: Concurrent, control: str, mapped: Outcome | None, pages: int) -> str:
    orders = {"none": (MAPPER,), "before": (CLAIMER, MAPPER)}
    tasks = orders.get(control, (MAPPER, CLAIMER))
    acts = [act for task in tasks for act in made.programs[task].acts]
    played = play(made.machine, tuple(acts))
    reached = ending(played.moments[-1].machine, mapped or played.outcomes["map0"], pages)
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
