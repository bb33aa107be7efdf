"""Causes by the description alone: the access as it is, on each machine that fits."""

from __future__ import annotations

from collections.abc import Iterator

from devmemkit.explain.cause import NAMED, USUAL, Candidate, Cause
from devmemkit.explain.explanation import joined
from devmemkit.explain.shell import shows_option
from devmemkit.explain.trials import Trials, as_traced
from devmemkit.explain.verdict import Verdict
from devmemkit.text.symptom import Symptom

TELLS = {
    "kernel": "uname -r",
    "lockdown": "cat /sys/kernel/security/lockdown",
    "relaxed": "cat /proc/cmdline",
    "config": shows_option("STRICT_DEVMEM"),
    "bits": "grep 'address sizes' /proc/cpuinfo",
    "held": "/proc/iomem, read by root",
    "reach": "/proc/iomem: the end of the last System RAM",
    "copy_reach": "xlate_dev_mem_ptr and valid_phys_addr_range of that architecture",
    "low_megabyte": "devmem_is_allowed of that architecture",
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

NODES = ("/dev/mem", "/dev/port")


def described(trials: Trials, symptom: Symptom) -> Iterator[Candidate]:
    """The access as it is, on each machine where it ends in the symptom."""
    access, questions = trials.access, trials.machines.questions
    for words, case in trials.cases.items():
        if case.get("lockdown"):
            continue  # a hypothesis says it better
        machine, (played, found) = trials.machine(words), trials.plain(words)
        end = trials.plain(words).end
        if end != symptom.name or not as_traced(access, played):
            continue
        if end == "ENOENT" and access.file in NODES and machine.kernel.config.devmem:
            continue  # that it is missing is known, why is not
        what, function = _what(trials, end, found), found.deciding_check.function
        assumed: tuple[tuple[str, str], ...] = ()
        if words != trials.usual:
            other = [at for at, word in enumerate(words) if word != trials.usual[at]]
            what += f", if {' and '.join(words[at] for at in other)}"
            tell = "; ".join(TELLS[questions[at].name] for at in other)
        elif assumed := _assumed(trials, end):
            tells = "; ".join(TELLS[name] for name, _ in assumed)
            tell = (
                f"it fits the description, if {' and '.join(said for _, said in assumed)}: {tells}"
            )
        else:
            tell = (
                f"this is how the machine {'and the call are' if access.traced else 'is'} described"
            )
        locked = bool(machine.kernel.lockdown) and found.page is None
        named = {"page refused": function in PAGE_CHECKS, "lockdown": locked}.get(symptom.cause)
        cause = Cause(what, tell, function, words == trials.usual and not assumed)
        yield Candidate(NAMED if named else USUAL, cause, machine, played.acts)


def _what(trials: Trials, end: str, found: Verdict) -> str:
    """Why the access ends so, and who has the page."""
    what = WHAT.get(end) or found.why
    if trials.access.nowhere:
        what = what.replace(f"{trials.access.start:#x}", "the address")
    if found.claimed and found.owner and found.page is not None and ": " not in what:
        holders = found.owner[0] or "somebody", *found.beside
        what += f": {' and '.join(holders)} {'has' if len(holders) == 1 else 'have'} it"
    return what


def _assumed(trials: Trials, end: str) -> tuple[tuple[str, str], ...]:
    """The open questions on which the likeliest case's end rests, and the answers that give it."""
    assumed: list[tuple[str, str]] = []
    for at, question in enumerate(trials.machines.questions):
        answers = question.answers
        giving = [one for one in answers if trials.plain(trials.but(at, one)).end == end]
        if len(giving) < len(answers):
            assumed.append((question.name, joined(giving)))
    return tuple(assumed)
