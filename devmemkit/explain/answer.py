"""An answer: what happens to an access, for every case of what is not known, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice, advise
from devmemkit.explain.cases import Machines
from devmemkit.explain.later import Later, later
from devmemkit.explain.verdict import Check, Verdict, verdict
from devmemkit.model.machine import Machine


@dataclass(frozen=True)
class Branch:
    """A verdict and the conditions under which it holds, each in words."""

    conditions: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Answer:
    """What happens to an access on a machine.

    `verdict`, `advice` and `later` are those of the likeliest case; `assumed` says in words what
    was taken for granted in it and matters, `branches` what happens else, `notes` what limits it.
    """

    access: Access
    machine: Machine
    verdict: Verdict
    assumed: tuple[str, ...]
    branches: tuple[Branch, ...]
    advice: tuple[Advice, ...]
    later: Later | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """How the access ends: "ok", the name of an errno, or that of a signal."""
        return self.verdict.outcome

    @property
    def page(self) -> int | None:
        """The page frame at which it ends, None where the outcome is about no page."""
        return self.verdict.page

    @property
    def deciding_check(self) -> Check:
        """The kernel's check that decides."""
        return self.verdict.checks[self.verdict.decided]

    def _repr_html_(self) -> str:
        from devmemkit.explain.page import as_html

        return as_html(self)


def explain(machines: Machines, access: Access) -> Answer:
    """The answer for an access, from running the model on every machine that may be meant."""
    cases = list(machines.cases())
    found = [(words, verdict(machines.machine(case), access)) for words, case in cases]
    matters = [i for i in range(len(machines.questions)) if _matters(found, i)]
    machine = machines.machine(cases[0][1])
    words, ours = found[0]
    branches = tuple(_branches(found, matters)) if matters else ()
    return Answer(
        access,
        machine,
        ours,
        tuple(words[i] for i in matters),
        branches,
        tuple(advise(machines.known, machine, access, ours)),
        later(machines.known, machine, access) if ours.outcome == "ok" else None,
        tuple(TOLD[question.name] for question in machines.questions),
        tuple(_notes(machines)),
    )


TOLD = {
    "kernel": "which rules the kernel follows",
    "lockdown": "whether lockdown is in force",
    "relaxed": "the kernel's command line",
    "config": "the kernel's configuration",
    "bits": "the width of physical addresses",
    "held": "what drivers claimed (there is no dump of /proc/iomem)",
}


def _matters(found: Sequence[tuple[tuple[str, ...], Verdict]], at: int) -> bool:
    """Whether two cases that differ in one answer alone have different verdicts."""
    seen: dict[tuple[str, ...], tuple[object, ...]] = {}
    for words, one in found:
        rest = words[:at] + words[at + 1 :]
        if seen.setdefault(rest, one.key) != one.key:
            return True
    return False


def _branches(
    found: Sequence[tuple[tuple[str, ...], Verdict]], matters: Sequence[int]
) -> Iterator[Branch]:
    """A decision tree over what matters: answers that lead to the same verdicts are one branch."""
    if not matters or len({one.key for _, one in found}) == 1:
        yield Branch((), found[0][1])
        return
    # ask first what decides most: the question that leaves the fewest branches below it
    best: list[tuple[list[str], list[Branch]]] | None = None
    for at in matters:
        groups: dict[str, list[tuple[tuple[str, ...], Verdict]]] = {}
        for words, one in found:
            groups.setdefault(words[at], []).append((words, one))
        if len(groups) == 1:
            continue
        rest = [i for i in matters if i != at]
        parts: list[tuple[list[str], list[Branch]]] = []
        for answer, group in groups.items():
            below = list(_branches(group, rest))
            keys = [(branch.conditions, branch.verdict.key) for branch in below]
            for answers, others in parts:
                if keys == [(branch.conditions, branch.verdict.key) for branch in others]:
                    answers.append(answer)
                    break
            else:
                parts.append(([answer], below))
        if best is None or _size(parts) < _size(best):
            best = parts
    assert best is not None
    for answers, below in best:
        for branch in below:
            yield Branch((_joined(answers), *branch.conditions), branch.verdict)


def _size(parts: list[tuple[list[str], list[Branch]]]) -> int:
    return sum(len(below) for _, below in parts)


def _joined(answers: list[str]) -> str:
    """Several answers to one question in words; kernels in a row as a range."""
    if len(answers) > 2 and all(answer.startswith("Linux ") for answer in answers):
        return f"{answers[-1]} to {answers[0].removeprefix('Linux ')}"
    return " or ".join(answers)


def _notes(machines: Machines) -> Iterator[str]:
    known = machines.known
    if not known.x86:
        yield (
            "this machine is not an x86: the answer follows the rules of x86, and others have "
            "no exemption below 1 MiB and other tests of the range"
        )
    if known.iomem is not None and known.iomem.max_level is not None:
        yield "the dump was cut at its deepest level: a claim may hide below what it shows"
    if known.iomem is not None and known.iomem.repairs:
        yield f"{len(known.iomem.repairs)} places of the dump were read with repairs"


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer as JSON takes it; see schema.json beside this file."""
    v = answer.verdict
    owner = None
    if v.owner is not None:
        name, start, end = v.owner
        owner = {"name": name, "start": start, "end": end, "busy": v.claimed, "inside": [*v.path]}
    return {
        "access": str(answer.access),
        "kernel": str(answer.machine.kernel),
        "outcome": v.outcome,
        "page": v.page,
        "contents": v.contents or None,
        "why": v.why,
        "certain": not answer.branches,
        "assumed": [*answer.assumed],
        "unknown": [*answer.unknown],
        "checks": [asdict(check) for check in v.checks],
        "decided": v.decided,
        "owner": owner,
        "advice": [
            {"do": a.do, "gives": a.gives, "risk": a.risk or None} for a in answer.advice
        ],
        "later": answer.later and asdict(answer.later),
        "cases": [
            {"if": [*b.conditions], "outcome": b.verdict.outcome, "page": b.verdict.page,
             "function": b.verdict.checks[b.verdict.decided].function}
            for b in answer.branches
        ],
        "notes": [*answer.notes],
    }  # fmt: skip
