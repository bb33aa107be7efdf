"""Explain an access: play it in each case of the unknown facts, and find which facts matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devmemkit.explain.access import Access
from devmemkit.explain.advice import advise
from devmemkit.explain.answer import Answer, Branch
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.verdict import Verdict, later, verdict

Found = Sequence[tuple[tuple[str, ...], Verdict]]
"""The verdict of each case, with the answers that the case takes, in words."""


def explain(machines: Machines, access: Access) -> Answer:
    """How the access ends on every machine that fits the description, and what to do about it."""
    cases = list(machines.cases())
    found = [(words, verdict(machines.machine(case), access)) for words, case in cases]
    matters = [i for i in range(len(machines.questions)) if _matters(found, i)]
    machine = machines.machine(cases[0][1])
    words, ours = found[0]
    return Answer(
        access,
        machine,
        ours,
        tuple(words[i] for i in matters),
        tuple(_branches(found, matters)) if matters else (),
        tuple(advise(machines.known, machine, access, ours)),
        later(machines.known, machine, access) if ours.outcome == "ok" else None,
        tuple(question.what for question in machines.questions),
        tuple(_notes(machines.known)),
    )


def _matters(found: Found, at: int) -> bool:
    """Whether two cases that differ in one answer alone have different verdicts."""
    seen: dict[tuple[str, ...], tuple[object, ...]] = {}
    for words, one in found:
        rest = words[:at] + words[at + 1 :]
        if seen.setdefault(rest, one.key) != one.key:
            return True
    return False


def _branches(found: Found, matters: Sequence[int]) -> Iterator[Branch]:
    """The smallest decision tree over the questions that matter, one branch for each leaf."""
    if len({one.key for _, one in found}) == 1:
        yield Branch((), found[0][1])
        return
    open_questions = [at for at in matters if len({words[at] for words, _ in found}) > 1]
    splits = [_split(found, matters, at) for at in open_questions]
    for answers, below in min(splits, key=lambda split: sum(len(below) for _, below in split)):
        for branch in below:
            yield Branch((_joined(answers), *branch.conditions), branch.verdict)


def _split(found: Found, matters: Sequence[int], at: int) -> list[tuple[list[str], list[Branch]]]:
    """The answers to one question, and the branches below them; equal branches share an entry."""
    parts: dict[object, tuple[list[str], list[Branch]]] = {}
    for answer in dict.fromkeys(words[at] for words, _ in found):
        group = [(words, one) for words, one in found if words[at] == answer]
        below = list(_branches(group, [i for i in matters if i != at]))
        key = tuple((branch.conditions, branch.verdict.key) for branch in below)
        parts.setdefault(key, ([], below))[0].append(answer)
    return list(parts.values())


def _joined(answers: list[str]) -> str:
    """Several answers to one question, in words; kernels become a range."""
    if len(answers) > 2 and all(answer.startswith("Linux ") for answer in answers):
        return f"{answers[-1]} to {answers[0].removeprefix('Linux ')}"
    return " or ".join(answers)


def _notes(known: Description) -> Iterator[str]:
    if not known.x86:
        yield (
            "this machine is not an x86: the answer follows the rules of x86, and others have "
            "no exemption below 1 MiB and other tests of the range"
        )
    if known.iomem is not None and known.iomem.max_level is not None:
        yield "the dump was cut at its deepest level: a claim may hide below what it shows"
    if known.iomem is not None and known.iomem.repairs:
        yield f"the dump was read with {len(known.iomem.repairs)} repairs"
