"""What people ask with: lines of strace, or a symptom without the operation that gave it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import Access, AccessError, access_of
from devmemkit.explain.calls import calls_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.cause import UNKNOWN, Cause
from devmemkit.explain.description import Description
from devmemkit.explain.guess import Guess, shown_by
from devmemkit.explain.symptom import causes, symptom_of
from devmemkit.explain.traces import traced
from devmemkit.explain.verdict import verdict
from devmemkit.scenarios.play import play
from devmemkit.scenarios.words import format_ending
from devmemkit.text.message import access_in, bar_in, tells_failure
from devmemkit.text.symptom import ANY, Symptom, parse_symptom

OF_CALLS = (
    *("EPERM", "EACCES", "EINVAL", "ENOENT", "EAGAIN", "ENODEV", "ENOMEM", "ENXIO"),
    *("EROFS", "EFAULT", "EIO", "ENOSYS"),
)
"""The errnos of which one is meant where words have none, the likeliest first."""


def asked_of(
    known: Description,
    got: str | None,
    *,
    strace: str | None = None,
    op: str | None = None,
    **asked: Any,
) -> tuple[Machines, Access, str, tuple[Cause, ...]]:
    """The machines and the access that are asked about, the symptom ("": none) and its causes."""
    if strace is not None:
        machines, access, symptom = traced(known, strace, got, **asked)
        found = causes(machines, access, symptom) if symptom else ()
        if symptom and not found and not asked.get("bdf"):
            with suppress(AccessError):  # unless the lines show the descriptor's file
                at = traced(known, strace, got, bdf=ANY, bar=0)
                if other := causes(*at):
                    return *at, other
        return machines, access, symptom, found
    if got is not None:
        access, found = causes_for(known, got, op=op, **asked)
        if told := parse_symptom(got):
            known = shown_by(known, told)
        return Machines(known, access), access, got, found
    access = access_of(known, op=op or "mmap", **asked)
    return Machines(known, access), access, "", ()


def causes_for(
    known: Description, got: str, *, op: str | None = None, **asked: Any
) -> tuple[Access, tuple[Cause, ...]]:
    """An access and the causes of its symptom; without `op` of the first operation that has any.

    What is not asked is taken from the line of dmesg or the message; without a BAR it is the
    device's configuration space, without any place it is anywhere. Words that tell a failure
    without its errno have the causes of each errno that the access can give.
    ValueError as access_of and causes.
    """
    asked = {name: value for name, value in asked.items() if value is not None}
    if not tells_failure(got):
        return Guess().about(known, symptom_of(got), got, op, asked)
    guess, found = Guess(advised=False), []  # nobody knows which of them is to be changed
    for name in OF_CALLS:
        usual = "devmem" if bar_in(got) is None else "sysfs"
        via = {} if asked.keys() & {"bdf", "via"} else {"via": access_in(got).get("via", usual)}
        access, causes = guess.about(known, Symptom(name), got, op, via | asked)
        causes = tuple(one for one in causes if one.function != UNKNOWN)
        causes = tuple(replace(one, what=f"{name}: {one.what}") for one in causes)
        found.append((access, causes))
    access = next((access for access, causes in found if causes), found[0][0])
    if not access.nowhere and not access.other:  # how it ends on the likeliest machine is first
        machines = Machines(known, access)
        (_, likeliest), *_ = machines.cases()
        ends = verdict(machines.machine(likeliest), access).outcome
        found.sort(key=lambda one: not any(it.what.startswith(f"{ends}: ") for it in one[1]))
    return access, tuple(one for _, causes in found for one in causes)


def may_be_of(known: Description, access: Access, got: str) -> bool:
    """Whether a symptom can be the machine's: it has the device, and open can end as shown."""
    machines, calls = Machines(known, access), calls_of(access)[:1]
    undecided = tells_failure(got)
    symptom = symptom_of(got) if got and not undecided else Symptom("ok")
    if not {access.bdf, symptom.bdf} <= {"", *known.found}:
        return False
    if symptom.arch not in ("", known.architecture):
        return False
    if calls[0].key != "open" or not access.op or access.via == "driver":
        return True
    every = (machines.machine(case) for _, case in machines.cases())
    ends = {format_ending(play(one, calls).outcomes["open"]) for one in every}
    fits = {symptom.name} if access.op == "open" else {"ok"}
    return bool(ends & (fits if access.traced else {"ok", symptom.name}))
