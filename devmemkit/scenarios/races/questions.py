"""The questions by which policies are compared, a small scenario each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.step import run
from devmemkit.scenarios.play import SETTLE, Act, Played, Ref, play
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.one_bar import START
from devmemkit.scenarios.races.properties import reaches
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property, act_at, held, position
from devmemkit.scenarios.stories.script import Process

U, C = "U0", "C0"
USER = Process(U)


def touch_after(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process touch the region after the driver's claim returned?"""
    return mmap_vs_claim(kernel, via=via, pages=1, claimed=1)


def corrupt_before(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a process write to the region before its driver claims it?"""
    made = touch_after(kernel, via)
    mmap = made.programs[U].acts[0]
    store = USER("store", "store", address=Ref(mmap.key), value=1, size=1)
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


def killed(kernel: KernelProfile, via: str) -> Concurrent:
    """Does a signal end a program that maps, touches, and handles no signal?"""
    made = touch_after(kernel, via)
    program = Program((*made.programs[U].acts[:-1], _touch("touch")), keep=("load0", "touch"))

    def outcomes(m: View) -> list[Outcome]:
        return [one for key, one in position(m, U)[1].items() if key in program.keep]

    def lives(m: View) -> bool:
        return not m.get(("signals", U)) and all(one.signal is None for one in outcomes(m))

    asked = (
        Property("always", "no signal comes to the process", lives),
        Property("sometimes", "a page is touched", lambda m: any(one.ok for one in outcomes(m))),
    )
    return replace(made, programs=made.programs | {U: program}, properties=asked)


def dma_after(kernel: KernelProfile, via: str) -> Concurrent:
    """Can a device reach the region by DMA after the claim, if the process has set that up?"""
    made = touch_after(kernel, via)
    *mapping, munmap = made.programs[U].acts
    setup = USER("dma", "map_dma", address=Ref("map0"))
    programs = made.programs | {U: Program((*mapping, setup, munmap))}
    page = START >> PAGE_SHIFT

    def reaches_dma(m: View) -> bool:
        return page in m.get(("dma", U), ())

    asked = (
        Property("always", "no device reaches what a driver has claimed",
                 lambda m: not (held(m, C, programs[C]) and reaches_dma(m))),
        Property("sometimes", "a page is mapped for DMA", reaches_dma),
    )  # fmt: skip
    return replace(made, programs=programs, properties=asked)


DEVICE = b"\x05"
"""What the device has in its first byte when the story of taken_away begins."""


def _touch(key: str) -> Act:
    return USER(key, "load", address=Ref("map0"), size=1)


def taken_away(kernel: KernelProfile, via: str, pages: int = 1) -> Played:
    """A process maps and touches, a driver claims, it touches, the driver releases, it touches."""
    made = mmap_vs_claim(kernel, via=via, pages=pages, claimed=pages)
    claim, release = made.programs[C].acts
    mapping = (made.programs[U].acts[0], _touch("before"))
    machine = made.machine.with_({("page", START >> PAGE_SHIFT): DEVICE})
    told = (claim, Act("wait", C, SETTLE), _touch("meanwhile"), release, _touch("after"))
    return play(machine, (*mapping, *told))


def learns(played: Played) -> str:
    """When the process of taken_away learns of the claim; "no mapping", "no claim" without them."""
    ended, machine = played.outcomes, played.after("claim0")
    if not ended["map0"].ok:
        return "no mapping"
    if not ended["claim0"].ok:
        return "no claim"
    if machine.get(("notices", U)) or machine.get(("signals", U)):
        return "at the claim"
    return "never" if ended["meanwhile"].ok else "at the next touch"


def works_again(played: Played) -> str:
    """Whether the last touch of taken_away finds the device; "no mapping" without one."""
    if not played.outcomes["map0"].ok:
        return "no mapping"
    return "yes" if played.outcomes["after"].value == DEVICE[0] else "no"


def steps_locked(played: Played) -> int:
    """For how many steps of taken_away's claim others find the rmap lock taken."""
    machines = [played.moments[at].machine for at in played.moments_of("claim0")]
    return sum(bool(machine.get(("lock", "i_mmap", "iomem"))) for machine in machines)
