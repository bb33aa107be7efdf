"""What a user can do about a failed access, safest first; the model tries each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice
from devmemkit.explain.calls import Calls, calls_of
from devmemkit.explain.changes import CHANGES, mildest
from devmemkit.explain.description import Description
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.explain.verdict import Verdict, end_of, later, verdict
from devmemkit.explain.ways import instead, opens, other_ways, unbinding
from devmemkit.model.machine import Machine
from devmemkit.model.pci.device import BDF
from devmemkit.scenarios.play import play


def advise(
    known: Description, machine: Machine, access: Access, found: Verdict
) -> Iterator[Advice]:
    """What to do about an access that fails or reads zeroes; nothing for one that succeeds."""
    if found.outcome == "ok" and not found.contents:
        return
    do, _, change = CHANGES[0]
    do = do.replace("/dev/mem", "/dev/port") if access.file == "/dev/port" else do
    able = change(machine)
    then = verdict(able, access)
    if then.key != found.key:  # what the process may do decides, whatever it asks for
        yield Advice(do if opens(able, access) else f"first of all, {do}", then.outcome)
        yield from advise(known, able, access, then)
        return
    if access.op not in ("open", "iopl"):  # which are about no place
        yield from instead(known, machine, access, found)
    enough = [*_changes(known, machine, access, lambda changed: opens(changed, access))]
    yield from enough or [*_together(known, machine, access)] or _and_otherwise(machine, access)


def advise_about(
    known: Description, access: Access, machine: Machine | None, calls: Calls, do: str
) -> Iterator[Advice]:
    """What to do about a cause: `do`, and what makes its `calls` on the machine end well."""
    others = [] if machine is None else [*_advise_about(known, access, machine, calls)]
    if do and not any(do in one.do for one in others):
        yield Advice(do, None, next((risk for change, risk, _ in CHANGES if change == do), ""))
    yield from others


def _advise_about(
    known: Description, access: Access, machine: Machine, calls: Calls
) -> Iterator[Advice]:
    own = calls_of(access)
    if calls[-len(own) :] == own:  # what is before them happened before the access
        if others := calls[: -len(own)]:
            machine = play(machine, others).moments[-1].machine
        yield from advise(known, machine, access, verdict(machine, access))
        return
    owner, path = owner_of(machine, access.pages[0], access)
    freed = unbound(machine, owner)
    if owner and freed and _end(freed, calls) == "ok":
        bdf = next((one for one in reversed(path) if BDF.fullmatch(one)), "")
        yield from unbinding(known, bdf, owner)
    yield from _changes(known, machine, access, lambda changed: _end(changed, calls) == "ok")


def _changes(
    known: Description, machine: Machine, access: Access, works: Callable[[Machine], bool]
) -> Iterator[Advice]:
    """Each change of CHANGES that is enough alone."""
    for do, risk, changed in mildest(machine, works):
        yield Advice(do, "ok", _and_later(risk, known, changed, access))


def _together(known: Description, machine: Machine, access: Access) -> Iterator[Advice]:
    """Changes that are enough together: at each step the mildest that helps."""
    done: list[tuple[str, str]] = []
    left = [*CHANGES]
    while helpful := [
        one for one in left if verdict(one[2](machine), access).key != verdict(machine, access).key
    ]:
        do, risk, change = helpful[0]
        left.remove(helpful[0])  # one that did not help alone may help now
        machine = change(machine)
        done.append((do, risk))
        if opens(machine, access):
            risks = "; ".join(risk for _, risk in done if risk)
            risks = _and_later(risks, known, machine, access)
            yield Advice(", and ".join(do for do, _ in done), "ok", risks)
            return


def _and_otherwise(machine: Machine, access: Access) -> Iterator[Advice]:
    """Each change that is enough with another form of the access, if no such form is alone."""
    if any(other_ways(machine, access)):
        return
    for do, risk, changed in mildest(machine, lambda one: any(other_ways(one, access))):
        for way in other_ways(changed, access):
            yield Advice(f"{do}; {way.do}", "ok", risk)


def _and_later(risk: str, known: Description, machine: Machine, access: Access) -> str:
    """The risk, and whether a driver's claim would still end the mapping."""
    if not risk:
        return risk
    free = unbound(machine, owner_of(machine, access.pages[0], access)[0]) or machine
    then = later(known, free, access)
    if then is None:
        return risk
    kept = "keeps its mapping" if then.then == "ok" else f"gets {then.then} at its next touch"
    return f"{risk}; when a driver claims the region, the process {kept}"


def _end(machine: Machine, calls: Calls) -> str:
    played = play(machine, calls)
    return end_of(played.acts, played.outcomes)
