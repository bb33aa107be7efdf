"""Properties of claims that are checked in every order: of drivers, processes and the tree."""

from __future__ import annotations

from itertools import pairwise

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.races.one_bar import START
from devmemkit.scenarios.races.scenario import Program, Property, act_at, held, position

NOBODY_REACHES = "nobody reaches what a driver has claimed"
SOMEBODY_MAPS = "a page is mapped"
NO_BUG = "no null pointer is followed"


def reaches(m: View, pid: str, program: Program, start: int, size: int) -> bool:
    """Whether a process outside its mmap has a PTE for one of these bytes."""
    if act_at(m, pid, program).startswith("mmap_"):
        return False
    first, last = start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT
    runs = m["pagetable", pid].runs
    return any(pfn <= last and pfn + high - low >= first for low, high, pfn in runs)


def no_bug(programs: dict[str, Program]) -> Property:
    """No operation whose outcome a program keeps has ended in a kernel bug."""

    def holds(m: View) -> bool:
        ended = (position(m, task)[1].values() for task in programs)
        return all(outcome.bug is None for outcomes in ended for outcome in outcomes)

    return Property("always", NO_BUG, holds)


def properties(
    programs: dict[str, Program], processes: tuple[str, ...], claimers: tuple[str, ...]
) -> tuple[Property, ...]:
    """The properties of tasks that map and tasks that claim."""

    def owned(m: View) -> list[tuple[int, int]]:
        acts = [act for task in claimers for act in held(m, task, programs[task])]
        return [(act.arguments["start"], act.arguments["size"]) for act in acts]

    def nobody_reaches(m: View) -> bool:
        places = owned(m)
        return not any(reaches(m, u, programs[u], *place) for place in places for u in processes)

    def no_two_own(m: View) -> bool:
        places = sorted(owned(m))
        return all(a + size <= b for (a, size), (b, _) in pairwise(places))

    def somebody_maps(m: View) -> bool:
        return any(reaches(m, u, programs[u], START, PAGE_SIZE) for u in processes)

    return (
        Property("always", NOBODY_REACHES, nobody_reaches),
        Property("always", "no two drivers have claimed one byte", no_two_own),
        Property("always", "the tree is sound", lambda m: is_sound(m["iomem"])),
        Property("sometimes", "a claim has succeeded", lambda m: bool(owned(m))),
        Property("sometimes", SOMEBODY_MAPS, somebody_maps),
    )


def is_sound(node: Resource) -> bool:
    """Whether siblings are sorted and disjoint, children inside their parent, all the way down."""
    below = node.children
    return (
        all(node.start <= child.start <= child.end <= node.end for child in below)
        and all(a.end < b.start for a, b in pairwise(below))
        and all(child.parent is node and is_sound(child) for child in below)
    )
