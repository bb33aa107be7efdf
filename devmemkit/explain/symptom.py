"""The causes of a symptom: each case and each hypothesis that gives it when the model plays it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from devmemkit.explain.access import Access
from devmemkit.explain.cases import Machines
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.kernel_functions import function_of
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.explain.shell import on_device
from devmemkit.explain.verdict import Verdict, last_of, verdict, verdict_of
from devmemkit.model.machine import Machine
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import Played, play
from devmemkit.scenarios.words import format_ending
from devmemkit.text.html import safe

SYMPTOMS = (
    "EPERM", "EINVAL", "EFAULT", "EAGAIN", "ENODEV", "ENOENT", "ENXIO", "EIO", "EACCES", "EBADF",
    "EFBIG", "EOVERFLOW", "ENOMEM", "ESPIPE", "EROFS", "SIGBUS", "SIGSEGV", "zeros", "ones",
)  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """`what` gives the symptom, how to `tell` whether it happened, and the kernel function.

    `as_described` says whether the description alone leads to the symptom.
    """

    what: str
    tell: str
    function: str
    as_described: bool = False


def causes(machines: Machines, access: Access, got: str) -> tuple[Cause, ...]:
    """The causes of `got` on that machine, the likeliest first.

    First the machine as described, then the other cases of the unknown facts, then the hypotheses,
    then the hardware. ValueError for a symptom that is not one of SYMPTOMS.
    """
    if got not in SYMPTOMS:
        raise ValueError(f"--got: expected one of {', '.join(SYMPTOMS)}; got {printable(got[:40])}")
    return tuple(_distinct(_causes(machines, access, got)))


def _causes(machines: Machines, access: Access, got: str) -> Iterator[Cause]:
    cases = list(machines.cases())
    machine = machines.machine(cases[0][1])
    plain = verdict(machine, access)
    for number, (words, case) in enumerate(cases):
        found = verdict(machines.machine(case), access)
        if got in (found.outcome, "zeros" if found.contents else None):
            what = found.why or found.deciding_check.says
            if found.claimed and found.owner and found.page is not None:
                what += f": {found.owner[0] or 'somebody'} has it"
            tell = "this is how the machine is described"
            if number:
                other = [w for w, usual in zip(words, cases[0][0], strict=True) if w != usual]
                what, tell = f"{what}, if {' and '.join(other)}", "check whether that is so"
            yield Cause(what, tell, found.deciding_check.function, not number)
    for hypothesis, before in product(HYPOTHESES, _before(machine, access)):
        changed = hypothesis.apply(machines.known, before, access)
        if changed is None:
            continue
        played = play(*changed)
        last = last_of(played.acts, played.outcomes)
        if access.op == "load" and last.operation == "store":
            continue
        if format_ending(played.outcomes[last.key]) == got and _is_news(plain, access, got, played):
            function, _ = function_of(last.operation, played.steps(last.key)[-1])
            yield Cause(hypothesis.what, hypothesis.tell, function)
    yield from _hardware(machines, access, got)


def _before(machine: Machine, access: Access) -> Iterator[Machine]:
    """The machine as described, and before a driver claimed the access's first page."""
    yield machine
    if access.via != "port":
        free = unbound(machine, owner_of(machine, access.pages[0], access)[0])
        if free is not None:
            yield free


def _is_news(plain: Verdict, access: Access, got: str, played: Played) -> bool:
    """Whether the plain access ends in another outcome, or at another check."""
    if plain.outcome != got:
        return True
    function = verdict_of(played, access).deciding_check.function
    return function != plain.deciding_check.function


def _distinct(found: Iterator[Cause]) -> Iterator[Cause]:
    """The causes without those that differ from an earlier one only in their conditions."""
    seen: set[tuple[str, str]] = set()
    for cause in found:
        key = (cause.what.partition(", if ")[0], cause.function)
        if key not in seen:
            seen.add(key)
            yield cause


def _hardware(machines: Machines, access: Access, got: str) -> Iterator[Cause]:
    """Causes outside of the model, which ends at the CPU: what a bus returns without a device."""
    if got != "ones" or access.op not in ("load", "read"):
        return
    for device, _ in machines.known.holders(access.start):
        if device.decodes is False:
            yield Cause(
                f"{device.bdf} does not answer: its memory decoding is off (Mem-)",
                f"{on_device('setpci -s {} COMMAND', device.bdf)}: bit 1; "
                "a driver's pci_enable_device sets it",
                "(the device)",
                True,
            )
        listed = on_device("lspci -s {}", device.bdf)
        awake = on_device("cat /sys/bus/pci/devices/{}/power_state", device.bdf)
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


def causes_text(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as text."""
    lines = [f"{access} gave {got}; what can be behind it, the likeliest first:"]
    for number, cause in enumerate(causes, 1):
        lines += [f"  {number}. {cause.what}", f"     found by: {cause.function}"]
        lines.append(f"     how to tell: {cause.tell}")
    if not causes:
        lines.append("  nothing that the model knows gives this here")
    return "\n".join(printable(line) for line in lines)


def causes_html(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as HTML."""
    items = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>)"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in causes
    )
    items = (
        f"<ol>{items}</ol>" if causes else "<p>Nothing that the model knows gives this here.</p>"
    )
    return f"<div><p>{safe(f'{access} gave {got}')}; the likeliest first:</p>{items}</div>"
