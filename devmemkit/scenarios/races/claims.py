"""Races of claims with mmaps, with other claims and with releases."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.flags import IORESOURCE_MUXED
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.step import run
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.one_bar import PAGES, bar_machine, claims, maps, with_user
from devmemkit.scenarios.races.properties import NOBODY_REACHES, SOMEBODY_MAPS, properties
from devmemkit.scenarios.races.scenario import Concurrent, Program


def mmap_vs_claim(
    kernel: KernelProfile,
    *,
    via: str = "devmem",
    users: int = 1,
    drivers: int = 1,
    rounds: int = 1,
    pages: int = PAGES,
    claimed: int = PAGES,
) -> Concurrent:
    """Processes map the BAR, drivers claim `claimed` pages; ValueError for an unknown `via`."""
    machine = bar_machine(kernel, pages)
    programs: dict[str, Program] = {}
    processes = tuple(f"U{number}" for number in range(users))
    for pid in processes:
        machine, fd = with_user(machine, pid, via)
        programs[pid] = maps(pid, fd, via, rounds, pages, touch=kernel.on_fault == "insert")
    claimers = tuple(f"C{number}" for number in range(drivers))
    programs |= {task: claims(task, rounds, claimed) for task in claimers}
    asked = properties(programs, processes, claimers)
    return Concurrent("mmap-vs-claim", machine, programs, asked, (processes, claimers))


def claim_vs_release(
    kernel: KernelProfile, *, via: str = "devmem", drivers: int = 2, rogue: bool = True
) -> Concurrent:
    """Drivers claim one region, which a process has mapped; a `rogue` releases it unasked.

    The kernel does not check who releases. ValueError for an unknown `via`.
    """
    made = mmap_vs_claim(kernel, via=via, drivers=drivers)
    (user,), claimers = made.alike
    first = made.programs[user].acts[0]
    machine, _, _ = run(made.machine, user, first.operation, **first.arguments)
    programs = made.programs | {user: Program(())}
    if rogue:
        (claim, _) = programs[claimers[0]].acts
        unasked = Act("unasked", "R0", "release_mem_region", claim.arguments)
        programs["R0"] = Program((unasked,))
    asked = properties(programs, (user,), claimers)
    machine = machine.with_({("outcome", user): None})
    return Concurrent("claim-vs-release", machine, programs, asked, (claimers,))


def muxed_claims(kernel: KernelProfile, *, drivers: int = 2) -> Concurrent:
    """Drivers that share a region: each claims it MUXED and sleeps while another holds it."""
    programs: dict[str, Program] = {}
    claimers = tuple(f"C{number}" for number in range(drivers))
    for task in claimers:
        claim, *rest = claims(task, 1).acts
        muxed = replace(claim, arguments=claim.arguments | {"flags": IORESOURCE_MUXED})
        programs[task] = Program((muxed, *rest))
    asked = tuple(
        one
        for one in properties(programs, (), claimers)
        if one.name not in (NOBODY_REACHES, SOMEBODY_MAPS)
    )
    return Concurrent("muxed-claims", bar_machine(kernel), programs, asked, (claimers,))
