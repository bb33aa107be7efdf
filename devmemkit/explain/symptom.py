"""From what a program got back to why: everything that can have happened, played in the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from devmemkit.explain.access import Access
from devmemkit.explain.cases import Machines
from devmemkit.explain.functions import function_of
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.explain.shell import decoding, presence
from devmemkit.explain.twists import TWISTS
from devmemkit.explain.verdict import Verdict, judge, last_of, verdict
from devmemkit.model.machine import Machine
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import Played, play
from devmemkit.scenarios.words import format_ending

SYMPTOMS = (
    "EPERM", "EINVAL", "EFAULT", "EAGAIN", "ENODEV", "ENOENT", "ENXIO", "EIO", "EACCES", "EBADF",
    "EFBIG", "EOVERFLOW", "ENOMEM", "ESPIPE", "SIGBUS", "SIGSEGV", "zeros", "ones",
)  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """One thing that gives the symptom: what happened, how to tell, which function found it.

    `as_described` is whether it needs nothing that the description does not say.
    """

    what: str
    tell: str
    function: str
    as_described: bool = False


def causes(machines: Machines, access: Access, got: str) -> tuple[Cause, ...]:
    """What can have given `got` on that machine, the likeliest first.

    First the machine as it is described, then each case of what is not known, then what may have
    happened besides. ValueError for a symptom that no kernel gives here.
    """
    if got not in SYMPTOMS:
        raise ValueError(f"--got: expected one of {', '.join(SYMPTOMS)}; got {printable(got[:40])}")
    return tuple(_unlike(_causes(machines, access, got)))


def _causes(machines: Machines, access: Access, got: str) -> Iterator[Cause]:
    cases = list(machines.cases())
    machine = machines.machine(cases[0][1])
    plain = verdict(machine, access)
    for number, (words, case) in enumerate(cases):
        found = verdict(machines.machine(case), access)
        if got in (found.outcome, "zeros" if found.contents else None):
            decided = found.checks[found.decided]
            what = found.why or decided.says
            if found.claimed and found.owner and found.page is not None:
                what += f": {found.owner[0] or 'somebody'} has it"
            tell = "this is how the machine is described"
            if number:
                other = [w for w, usual in zip(words, cases[0][0], strict=True) if w != usual]
                what, tell = f"{what}, if {' and '.join(other)}", "find out whether that is so"
            yield Cause(what, tell, decided.function, not number)
    for twist, at in product(TWISTS, _before(machine, access)):
        twisted = twist.apply(machines, at, access)
        if twisted is None:
            continue
        played = play(*twisted)
        last = last_of(played.acts, played.outcomes)
        if access.op == "load" and last.operation == "store":
            continue
        if format_ending(played.outcomes[last.key]) == got and _is_news(plain, access, got, played):
            step = played.steps(last.key)[-1]
            yield Cause(twist.what, twist.tell, function_of(last.operation, step)[0])
    yield from _hardware(machines, access, got)


def _before(machine: Machine, access: Access) -> Iterator[Machine]:
    """The machine at the time of the access: as described, and before a driver claimed the page."""
    yield machine
    if access.via != "port":
        free = unbound(machine, owner_of(machine, access.pages[0])[0])
        if free is not None:
            yield free


def _is_news(plain: Verdict, access: Access, got: str, played: Played) -> bool:
    """Whether the twist is what gives it: without one it ends otherwise, or at another check."""
    if plain.outcome != got:
        return True
    found = judge(played, access)
    return found.checks[found.decided].function != plain.checks[plain.decided].function


def _unlike(found: Iterator[Cause]) -> Iterator[Cause]:
    """One cause of each kind: cases that differ in what does not count say the same."""
    seen: set[tuple[str, str]] = set()
    for cause in found:
        key = (cause.what.partition(", if ")[0], cause.function)
        if key not in seen:
            seen.add(key)
            yield cause


def _hardware(machines: Machines, access: Access, got: str) -> Iterator[Cause]:
    """What the bus answers where nobody is: the model ends at the CPU."""
    if got != "ones" or access.op not in ("load", "read"):
        return
    for device, _ in machines.known.holders(access.start):
        if device.decodes is False:
            yield Cause(
                f"{device.bdf} does not answer: its memory decoding is off (Mem-)",
                f"{decoding(device.bdf)}: bit 1; a driver's pci_enable_device sets it",
                "(the device)",
                True,
            )
        listed, awake = presence(device.bdf)
        yield Cause(
            f"{device.bdf} is gone, asleep or hangs: a removed device's pages stay mapped",
            f"{listed}: rev ff, or no line; {awake}",
            "(the bus)",
        )
        return
    yield Cause(
        "no device decodes the address, and the bus gives ones",
        "the address is in no BAR of lspci -v",
        "(the bus)",
        True,
    )
