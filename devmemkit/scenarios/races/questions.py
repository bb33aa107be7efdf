"""The questions by which policies are compared, a small scenario each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.step import run
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.one_bar import START
from devmemkit.scenarios.races.properties import reaches
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property, act_at, held

U, C = "U0", "C0"


def touch_after(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process touch the region after the driver's claim returned?"""
    return mmap_vs_claim(kernel, via=via, pages=1, claimed=1)


def corrupt_before(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process write to the region before its driver claims it?"""
    made = touch_after(kernel, via)
    mmap = made.programs[U].acts[0]
    store = Act("store", U, "store", {"pid": U, "address": Ref(mmap.key), "value": 1, "size": 1})

    claim = Program(made.programs[C].acts[:1], keep=("claim0",))

    def untouched(m: View) -> bool:
        return bool(held(m, C, claim)) or not m.get(("page", START >> PAGE_SHIFT))

    programs = made.programs | {U: Program((mmap, store)), C: claim}
    asked = (
        Property("always", "nothing is written to a region that nobody has claimed", untouched),
        Property("sometimes", "a claim has succeeded", lambda m: bool(held(m, C, claim))),
    )
    return replace(made, programs=programs, properties=asked)


def lose_unnoticed(kernel: KernelProfile, via: str) -> Concurrent:
    """Does a process lose a page of its mapping without having been told before?"""
    made = touch_after(kernel, via)
    programs = made.programs | {U: Program(made.programs[U].acts[:-1])}

    def mapped(m: View) -> bool:
        return reaches(m, U, programs[U], START, PAGE_SIZE)

    def kept_or_told(m: View) -> bool:
        returned = m["vmas", U] and not act_at(m, U, programs[U])
        return not returned or mapped(m) or bool(m.get(("notices", U)))

    asked = (
        Property("always", "no page is lost without notice", kept_or_told),
        Property("sometimes", "a page is mapped", mapped),
    )
    return replace(made, programs=programs, properties=asked)


def _maps(kernel: KernelProfile, via: str, name: str, driver: tuple[str, ...]) -> Concurrent:
    """A process that maps after the driver has done the acts of these keys."""
    made = touch_after(kernel, via)
    machine = made.machine
    for act in made.programs[C].acts:
        if act.key in driver:
            machine, _, _ = run(machine, C, act.operation, **act.arguments)
    programs = {U: Program(made.programs[U].acts[:-1])}

    def unmapped(m: View) -> bool:
        return not reaches(m, U, programs[U], START, PAGE_SIZE)

    asked = Property("always", name, unmapped)
    machine = machine.with_({("outcome", C): None})
    return replace(made, machine=machine, programs=programs, properties=(asked,), alike=())


def map_idle(kernel: KernelProfile, via: str) -> Concurrent:
    """Can somebody map a device that no driver has claimed?"""
    return _maps(kernel, via, "nobody maps a region that is idle", ())


def map_released(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a user-space driver map a device whose driver has released it?"""
    return _maps(kernel, via, "nobody maps a region that was released", ("claim0", "release0"))


def map_claimed(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a tool, to flash a device say, map it while its driver is there?"""
    return _maps(kernel, via, "nobody maps a region that is claimed", ("claim0",))


def comes_up(kernel: KernelProfile, via: str, process: str) -> Concurrent:
    """Does the driver come up in the end, if it tries until it succeeds?

    The `process` "unmaps" what it mapped, "keeps" it, or "comes back" for ever.
    """
    made = touch_after(kernel, via)
    mapping = made.programs[U].acts
    programs = {
        "unmaps": Program(mapping),
        "keeps": Program(mapping[:-1]),
        "comes back": Program(mapping, again=0),
    }
    tries = Program(made.programs[C].acts[:1], again=0, until="claim0")
    return replace(made, programs={U: programs[process], C: tries}, properties=())


def has_come_up(made: Concurrent) -> Callable[[View], bool]:
    """The goal of comes_up: the driver holds its claim."""
    return lambda m: bool(held(m, C, made.programs[C]))
