"""What the policies are asked: small scenarios, the same for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.scenarios.claim_races import mmap_vs_claim
from devmemkit.scenarios.concurrent import Concurrent, Property
from devmemkit.scenarios.program import Program, act_at, held
from devmemkit.scenarios.questions import reaches
from devmemkit.scenarios.small import START
from devmemkit.scenarios.story import Act, Ref

U, C = "U0", "C0"


def _race(kernel: KernelProfile, via: str) -> Concurrent:
    return mmap_vs_claim(kernel, via=via, pages=1, claimed=1)


def touch_after(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process touch the region after the driver's claim returned?"""
    return _race(kernel, via)


def corrupt_before(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process write to the region before its driver claims it?"""
    made = _race(kernel, via)
    mmap = made.programs[U].acts[0]
    store = Act("store", U, "store", {"pid": U, "address": Ref(mmap.key), "value": 1, "size": 1})

    def untouched(m: View) -> bool:
        return bool(held(m, C, made.programs[C])) or not m.get(("page", START >> PAGE_SHIFT))

    asked = Property("always", "nothing is written to a region that nobody has claimed", untouched)
    programs = made.programs | {U: Program((mmap, store)), C: Program(made.programs[C].acts[:1])}
    return replace(made, programs=programs, properties=(asked,))


def lose_unnoticed(kernel: KernelProfile, via: str) -> Concurrent:
    """Does a process lose a page of its mapping without having been told before?"""
    made = _race(kernel, via)
    programs = made.programs | {U: Program(made.programs[U].acts[:1])}

    def kept_or_told(m: View) -> bool:
        mapped = m["vmas", U] and not act_at(m, U, programs[U])
        here = reaches(m, U, programs[U], START, PAGE_SIZE)
        return not mapped or here or bool(m.get(("notices", U)))

    asked = Property("always", "no page is lost without notice", kept_or_told)
    return replace(made, programs=programs, properties=(asked,))


def map_idle(kernel: KernelProfile, via: str) -> Concurrent:
    """Can somebody still map a device that no driver has claimed?"""
    made = _race(kernel, via)
    programs = {U: Program(made.programs[U].acts[:1])}

    def mapped(m: View) -> bool:
        return reaches(m, U, programs[U], START, PAGE_SIZE)

    asked = Property("always", "nobody maps a region that is idle", lambda m: not mapped(m))
    return replace(made, programs=programs, properties=(asked,), alike=())


def comes_up(kernel: KernelProfile, via: str, process: str) -> Concurrent:
    """Does the driver come up in the end, if it tries until it succeeds?

    The `process` "unmaps" what it mapped, "keeps" it, or "comes back" for ever.
    """
    made = _race(kernel, via)
    mapping = made.programs[U].acts
    programs = {
        "unmaps": Program(mapping),
        "keeps": Program(mapping[:1]),
        "comes back": Program(mapping, again=0),
    }
    tries = Program(made.programs[C].acts[:1], again=0, until="claim0")
    return replace(made, programs={U: programs[process], C: tries}, properties=())


def has_come_up(made: Concurrent) -> Callable[[View], bool]:
    """The goal of comes_up."""
    return lambda m: bool(held(m, C, made.programs[C]))
