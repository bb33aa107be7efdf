"""The causes that a symptom may have: what is described, what may be, and the hardware."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice
from devmemkit.explain.calls import ACTOR, Calls, calls_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.explanation import joined
from devmemkit.explain.hardware import HARDWARE
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.hypothesis import Asked, Hypothesis
from devmemkit.explain.kernel_functions import function_of
from devmemkit.explain.owner import claims_of, owner_of, unbound
from devmemkit.explain.shell import on_device, shows_option
from devmemkit.explain.verdict import last_of, verdict, verdict_of
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Played, play
from devmemkit.scenarios.words import format_ending
from devmemkit.text.iomem_tree import is_driver
from devmemkit.text.lspci import Device
from devmemkit.text.symptom import ANY, SIGNALS, Symptom

TELLS = {
    "kernel": "uname -r",
    "lockdown": "cat /sys/kernel/security/lockdown",
    "relaxed": "cat /proc/cmdline",
    "config": shows_option("STRICT_DEVMEM"),
    "bits": "grep 'address sizes' /proc/cpuinfo",
    "held": "/proc/iomem, read by root",
    "reach": "/proc/iomem: the end of the last System RAM",
    "copy": "xlate_dev_mem_ptr and valid_phys_addr_range of that architecture",
    "low": "devmem_is_allowed of that architecture",
    "prefetch": "lspci -v: prefetchable",
    "dev": "findmnt -no OPTIONS -T /dev/mem",
}
"""How to answer a question that a description leaves open, by the question's name."""

WHAT = {
    "zeros": "the page is RAM below 1 MiB, which reads as zeroes and which writes do not change"
}
"""Outcomes for which no check gives a reason."""

PAGE_CHECKS = ("range_is_allowed", "phys_mem_access_prot_allowed", "read_mem", "write_mem")
"""The functions behind the line of dmesg "tried to access /dev/mem between"."""

CACHE_CHECKS = (
    *("mmap_mem", "mmap_mem_prepare"),
    *("pci_mmap_page_range", "pci_mmap_resource_range"),
)
"""The functions that fail where cache types conflict, which x86/PAT prints."""


UNKNOWN = "(not known)"
"""The function behind a rule of an architecture that the model has not got."""

NODES = ("/dev/mem", "/dev/port")

WHY_NO_NODE = ("no node", "no devmem", "no devport")
"""Hypotheses that say why a node is missing, also of one that is known to be."""

ONLY_NAMED = ("SELinux lockdown",)
"""Hypotheses that come with a line of the log alone."""


@dataclass(frozen=True)
class Cause:
    """`what` gives the symptom, how to `tell` whether it happened, and the kernel function.

    `as_described` says whether the description alone leads to the symptom, `played` whether the
    model does: the other causes are known, and outside of it. `advice` is about the likeliest one.
    """

    what: str
    tell: str
    function: str
    as_described: bool = False
    played: bool = True
    advice: tuple[Advice, ...] = ()


NAMED, LIKELY, EXPECTED, USUAL, UNLIKELY = range(5)
"""How far up a cause is: the symptom names it, its words hint at it, the place makes it likely,
nothing does, the kernel lacks it."""


class Candidate(NamedTuple):
    """A cause, its rank (NAMED and so on), and its calls on a machine; `do` is what helps."""

    rank: float
    cause: Cause
    machine: Machine | None = None
    calls: Calls = ()
    do: str = ""


def candidates(machines: Machines, access: Access, symptom: Symptom) -> Iterator[Candidate]:
    """The causes by the description, its open facts, the hypotheses, the hardware."""
    if not access.other:  # the model has no such file
        yield from _described(machines, access, symptom)
    (_, usual), *_ = machines.cases()
    cases = [("", usual)]
    for question in machines.questions:
        if question.name in ("kernel", "config"):
            for words, value in list(question.answers.items())[1:]:
                cases.append((f", if {words}", {**usual, question.name: value}))

    @cache  # of a long dump each machine takes long to make
    def before(at: int) -> Sequence[Machine]:
        return tuple(_before(machines.machine(cases[at][1]), access))

    for hypothesis in HYPOTHESES:
        if _excluded(machines.known, access, symptom, hypothesis):
            continue
        for at, (condition, _) in enumerate(cases):
            found = list(_supposed(machines, access, symptom, hypothesis, before(at)))
            for one in found:
                yield one._replace(cause=replace(one.cause, what=one.cause.what + condition))
            if found:
                break
    if access.via == "driver":
        what = f"a rule of the driver behind {access.file}, not of /dev/mem: its own mmap decides"
        yield Candidate(USUAL, Cause(what, "the driver's source", "(its mmap)", played=False))
    yield from _refusals(machines, access, symptom, before(0)[0])
    yield from _hardware(machines, access, symptom.name, before(0)[0])
    if machines.known.rules == "other":
        whose = machines.known.this_architecture
        what = f"a rule of {whose}'s own: the model has what all architectures share"
        tell = "the kernel's source, below arch/"
        yield Candidate(USUAL, Cause(what, tell, UNKNOWN, played=False))


def _refusals(
    machines: Machines, access: Access, symptom: Symptom, machine: Machine
) -> Iterator[Candidate]:
    """Why mmap was refused, if the program touched what it returned or the description says so."""
    if not access.maps or access.op == "mmap" or symptom.name not in SIGNALS:
        return
    asks = replace(access, op="mmap", failed="mmap", traced=False)
    if symptom.cause != "map failed" and (
        symptom.name != "SIGSEGV" or verdict(machine, asks).outcome == "ok"
    ):
        return
    for name in ("EPERM", "EINVAL", "EAGAIN"):
        for one in candidates(machines, asks, Symptom(name)):
            what = f"mmap was refused with {name}: {one.cause.what}"
            yield one._replace(rank=EXPECTED, cause=replace(one.cause, what=what), do="")


def cache_errno(machines: Machines, access: Access) -> str:
    """The errno of an access whose cache type conflicts with another's; "" if it cannot."""
    (_, usual), *_ = machines.cases()
    before_and_after = tuple(_before(machines.machine(usual), access))
    for hypothesis in HYPOTHESES:
        if not hypothesis.name.startswith("other cache type"):
            continue
        for machine in before_and_after:
            if changed := hypothesis.apply(machines.known, machine, access):
                found = verdict_of(play(*changed), access)
                if found.outcome != "ok" and found.deciding_check.function in CACHE_CHECKS:
                    return found.outcome
    return ""


def _described(machines: Machines, access: Access, symptom: Symptom) -> Iterator[Candidate]:
    """The access as it is on each machine that fits the description."""
    usual: tuple[str, ...] = ()
    for number, (words, case) in enumerate(machines.cases()):
        usual = usual or words
        if case.get("lockdown"):
            continue  # a hypothesis says it better
        machine = machines.machine(case)
        played = play(machine, calls_of(access))
        found = verdict_of(played, access)
        end = "zeros" if found.contents else found.outcome
        if end != symptom.name or not _as_traced(access, played):
            continue
        if end == "ENOENT" and access.file in NODES and machine.kernel.config.devmem:
            continue  # that it is missing is known, why is not
        what, function = WHAT.get(end) or found.why, found.deciding_check.function
        if access.nowhere:
            what = what.replace(f"{access.start:#x}", "the address")
        if found.claimed and found.owner and found.page is not None and ": " not in what:
            holders = found.owner[0] or "somebody", *found.beside
            what += f": {' and '.join(holders)} {'has' if len(holders) == 1 else 'have'} it"
        tell = f"this is how the machine {'and the call are' if access.traced else 'is'} described"
        assumed = () if number else _assumed(machines, access, end)
        if assumed:
            tells = "; ".join(TELLS[name] for name, _ in assumed)
            tell = (
                f"it fits the description, if {' and '.join(said for _, said in assumed)}: {tells}"
            )
        if number:
            other = [at for at, word in enumerate(words) if word != usual[at]]
            what += f", if {' and '.join(words[at] for at in other)}"
            tell = "; ".join(TELLS[machines.questions[at].name] for at in other)
        locked = bool(machine.kernel.lockdown) and found.page is None
        named = {"page refused": function in PAGE_CHECKS, "lockdown": locked}.get(symptom.cause)
        cause = Cause(what, tell, function, not (number or assumed))
        yield Candidate(NAMED if named else USUAL, cause, machine, played.acts)


def _assumed(machines: Machines, access: Access, end: str) -> tuple[tuple[str, str], ...]:
    """The open questions on which the likeliest case's end rests, and the answers that give it."""
    (_, usual), *_ = machines.cases()
    assumed: list[tuple[str, str]] = []
    for question in machines.questions:
        giving = []
        for words, value in question.answers.items():
            found = verdict(machines.machine({**usual, question.name: value}), access)
            if ("zeros" if found.contents else found.outcome) == end:
                giving.append(words)
        if len(giving) < len(question.answers):
            assumed.append((question.name, joined(giving)))
    return tuple(assumed)


def _excluded(known: Description, access: Access, symptom: Symptom, hypothesis: Hypothesis) -> bool:
    """Whether the description or the symptom rules a hypothesis out."""
    if hypothesis.name == "noexec" and known.mounts is not None and access.file[:5] == "/dev/":
        return "noexec" not in known.mounts.get("/dev", ())
    if hypothesis.name in ("external abort", "alignment") and symptom.cause == "no abort":
        return True
    if symptom.name == "ok" or hypothesis.name in ONLY_NAMED:
        return hypothesis.name != symptom.cause
    # a line of the log may come without an operation: then only what it names is a cause
    is_open = bool(access.op) and hypothesis.is_open(known)
    return hypothesis.name != symptom.cause and not is_open


def _supposed(
    machines: Machines,
    access: Access,
    symptom: Symptom,
    hypothesis: Hypothesis,
    before_and_after: Sequence[Machine],
) -> Iterator[Candidate]:
    """The cause that a hypothesis gives on a machine, or on that before the range was claimed."""
    known, named = machines.known, hypothesis.name == symptom.cause
    machine = before_and_after[0]
    contrary = "" if hypothesis.is_open(known) else " (the description says otherwise)"
    unseen = " (the dump shows no claim there: it may be of another moment)"
    for before in before_and_after:
        if hypothesis.name in ("claimed before", "claimed after") and known.iomem is not None:
            contrary = unseen if before is machine else ""
        changed = hypothesis.apply(known, before, access)
        if changed is None:
            continue
        asked = Asked(known, before, access)
        driver = asked.owner if is_driver(asked.owner) else "somebody else"
        usual = "/dev/mem is usually 0640, so that group kmem may read and not write"
        if asked.mount != "/dev":
            usual = "only root may open most files of devices there"
        words = {
            "{usual}": usual,
            "{holder}": asked.holder,
            "{driver}": driver,
            "{pages}": asked.pages,
        }
        what = hypothesis.what
        for name, word in words.items():
            what = what.replace(name, word)
        if hypothesis.name == "claim fails" and known.iomem is not None:
            contrary = unseen if asked.holder == "somebody" else ""
        what += contrary
        if symptom.asker == asked.holder:
            what += ", the one that asks: it claims twice, or the dump is of a later moment"
        cause = Cause(what, hypothesis.tell, hypothesis.function, played=False)
        outside = Candidate(_rank(symptom, hypothesis, before), cause, do=hypothesis.do)
        if hypothesis.gives:
            failed = access.op if access.traced else access.failed
            fits = hypothesis.call != "fork" and (failed == "open") == (hypothesis.call == "open")
            fits |= named or not failed
            if hypothesis.gives == symptom.name and fits and _shown(access, changed[1]):
                fit = {"external abort": _unheld(machine, access), "alignment": asked.inside}
                expected = EXPECTED if fit.get(hypothesis.name) else USUAL
                yield outside._replace(rank=min(outside.rank, expected))
                return
        elif named and access.other:
            yield outside
        elif not access.other:
            played = play(*changed)
            last = last_of(played.acts, played.outcomes)
            step = played.steps(last.key)[-1]
            function, _ = function_of(last.operation, step, before.kernel)
            fits = named or _fits(access, played)
            ends = format_ending(played.outcomes[last.key]) == symptom.name
            fits &= ends and (
                hypothesis.name in WHY_NO_NODE or _is_news(machine, access, symptom.name, played)
            )
            if fits:
                refused = symptom.cause == "page refused" and function in PAGE_CHECKS
                expected = hypothesis.name == "unaligned" and bool(asked.unaligned)
                # read(2) reaches little else than RAM
                expected |= hypothesis.name == "ram" and not access.maps
                refuses = hypothesis.name == "map failed" and access.op != "mmap"
                expected |= refuses and verdict(machine, access).outcome not in ("ok", *SIGNALS)
                rank = NAMED if refused else min(outside.rank, EXPECTED if expected else UNLIKELY)
                cause = Cause(what, hypothesis.tell, function)
                yield Candidate(rank, cause, *changed, hypothesis.do)
            elif named and not ends and before is machine:  # what the kernel has said
                yield outside


def _rank(symptom: Symptom, hypothesis: Hypothesis, machine: Machine) -> float:
    """How far up a hypothesis is, those at which words hint in the order of the hints."""
    if hypothesis.name == symptom.cause:
        return NAMED
    if hypothesis.name in symptom.likely:
        return LIKELY + symptom.likely.index(hypothesis.name) / len(symptom.likely)
    lacks = hypothesis.name == "lockdown" and not machine.kernel["lockdown"]
    return UNLIKELY if lacks else USUAL


def _unheld(machine: Machine, access: Access) -> bool:
    """Whether no driver has the access's first page, where the bus can answer with an error."""
    held = claims_of(machine, access.pages[0], access)
    return HARDWARE[machine.kernel.arch].aborts and not held


def _fits(access: Access, played: Played) -> bool:
    """Whether the calls end in a way that the operation can, and as a trace shows them."""
    last = last_of(played.acts, played.outcomes)
    if last.actor != ACTOR and len(played.acts) > 1:  # a claim that was to come before
        return False
    if access.op == "load" and last.operation == "store" and not access.traced:
        return False
    if access.op == "mmap" and last.operation in ("copy_from_user", "ptrace_peek"):
        return False
    return _as_traced(access, played)


def _as_traced(access: Access, played: Played) -> bool:
    """Whether the process's calls are those of a trace, and the last one is where it ended."""
    if not access.traced:
        return access.failed in ("", last_of(played.acts, played.outcomes).key)
    last = last_of(played.acts, played.outcomes).key
    # a signal: the trace does not show the instruction that got it
    ended = last in ("load", "touch") if access.op == "load" else last == access.op
    return ended and _shown(access, played.acts)


def _shown(access: Access, calls: Calls) -> bool:
    """Whether a trace shows the calls, as far as it shows them."""
    shown = {call.key: call for call in calls_of(access)}
    return not access.traced or all(
        call.arguments == shown[call.key].arguments
        for call in calls
        if call.key in shown and call.key != "load" and (call.key != "open" or access.mode)
    )


def _before(machine: Machine, access: Access) -> Iterator[Machine]:
    """The machine as described, and before a driver claimed the access's first page."""
    yield machine
    if access.via != "port":
        free = unbound(machine, owner_of(machine, access.pages[0], access)[0])
        if free is not None:
            yield free


def _is_news(machine: Machine, access: Access, got: str, played: Played) -> bool:
    """Whether the plain access ends in another outcome, or at another check."""
    plain = None if access.other else verdict(machine, access)
    if plain is None or plain.outcome != got:
        return True
    function = verdict_of(played, access).deciding_check.function
    return function != plain.deciding_check.function


def _hardware(
    machines: Machines, access: Access, got: str, machine: Machine
) -> Iterator[Candidate]:
    """Causes outside of the model, which ends at the CPU: what a bus returns without a device."""
    if got != "ones" or access.op not in ("load", "read"):
        return
    if access.op == "read" and verdict(machine, access).outcome != "ok":
        return
    devices = [device for device, _ in machines.known.holders(access.start)]
    if not devices and access.nowhere:
        devices = [machines.known.found.get(ANY, Device(ANY))]
    for device in devices[:1]:
        yield from _silent(device)
    if devices and not access.nowhere:
        return
    cause = Cause(
        "no device decodes the address, and the bus gives ones",
        "the address is in no BAR of lspci -v",
        "(the bus)",
        not devices,
    )
    yield Candidate(USUAL, cause, do="take the address from lspci -v or /proc/iomem")


def _silent(device: Device) -> Iterator[Candidate]:
    """Why a device does not answer."""
    if device.decodes is not True:
        off = f"{device.bdf} does not answer: its memory decoding is off (Mem-)"
        tell = on_device("setpci -s {} COMMAND", device.bdf)
        cause = Cause(
            off if device.decodes is False else f"{off}, as before a driver enabled the device",
            f"{tell}: bit 1; a driver's pci_enable_device sets it",
            "(the device)",
            device.decodes is False,
        )
        # nobody knows of a device without an address that it was enabled
        rank = USUAL if device.decodes is False or device.bdf == ANY else UNLIKELY
        yield Candidate(rank, cause, do="bind the device's driver, which turns decoding on")
    listed = on_device("lspci -s {}", device.bdf)
    awake = on_device("cat /sys/bus/pci/devices/{}/power_state", device.bdf)
    cause = Cause(
        f"{device.bdf} is gone, asleep or hangs: a removed device's pages stay mapped",
        f"{listed}: rev ff, or no line; {awake}",
        "(the bus)",
    )
    wake = on_device("echo on > /sys/bus/pci/devices/{}/power/control", device.bdf)
    yield Candidate(USUAL, cause, do=f"keep the device awake: {wake}; then read again")
