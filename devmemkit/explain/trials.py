"""What an access leads to on each machine that fits, and under each hypothesis; played once."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import NamedTuple

from devmemkit.explain.access import Access
from devmemkit.explain.calls import Calls, calls_of
from devmemkit.explain.cases import Case, Machines
from devmemkit.explain.hypothesis import Changed, Hypothesis
from devmemkit.explain.owner import owner_of, unbound
from devmemkit.explain.verdict import Verdict, last_of, verdict_of
from devmemkit.model.kernel import KernelProfile, Noted
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Played, play

Words = tuple[str, ...]
"""The answers to the open questions that make a case, in words."""


class Plain(NamedTuple):
    """The access as it is, on the machine of one case."""

    played: Played
    found: Verdict

    @property
    def end(self) -> str:
        """The symptom: an errno, a signal, or "zeros" for contents that the kernel hides."""
        return "zeros" if self.found.contents else self.found.outcome


class Trials:
    """The plays that a question about one access needs, whatever symptom it asks about.

    Each machine is made once and each play is made once, for as long as this object lives: of a
    long dump a machine takes long to make, and words without an errno ask about twelve of them.
    Kernels that have the same rules for a play share it.
    """

    def __init__(self, machines: Machines, access: Access) -> None:
        self.machines, self.access, self.known = machines, access, machines.known
        self.cases: dict[Words, Case] = dict(machines.cases())
        self.usual = next(iter(self.cases))
        self._known: dict[object, list[tuple[Noted, Played]]] = {}
        self.machine = cache(self._machine)
        self.plain = cache(self._plain)
        self.before = cache(self._before)
        self.changed = cache(self._changed)
        self.played = cache(self._played)

    def but(self, question: int, answer: str) -> Words:
        """The likeliest case with another answer to a question."""
        return *self.usual[:question], answer, *self.usual[question + 1 :]

    def _machine(self, words: Words) -> Machine:
        return self.machines.machine(self.cases[words])

    def _plain(self, words: Words) -> Plain:
        played = self._play("", words, self.machine(words), calls_of(self.access))
        return Plain(played, verdict_of(played, self.access))

    def _before(self, words: Words) -> tuple[Machine, ...]:
        """The machine of a case, and the one before a driver claimed the access's first page."""
        machine, access = self.machine(words), self.access
        if access.via == "port":
            return (machine,)
        free = unbound(machine, owner_of(machine, access.pages[0], access)[0])
        return (machine,) if free is None else (machine, free)

    def _changed(self, hypothesis: Hypothesis, words: Words, number: int) -> Changed | None:
        """What a hypothesis makes of a machine of `before`, None if it cannot hold there."""
        return hypothesis.apply(self.known, self.before(words)[number], self.access)

    def _played(self, hypothesis: Hypothesis, words: Words, number: int) -> Played:
        changed = self.changed(hypothesis, words, number)
        assert changed is not None
        return self._play((hypothesis.name, number), words, *changed)

    def _play(self, what: object, words: Words, machine: Machine, calls: Calls) -> Played:
        """Play calls, unless they were played on the same machine under the same rules."""
        questions = zip(self.machines.questions, words, strict=True)
        rest = tuple(word for question, word in questions if question.name != "kernel")
        known = self._known.setdefault((what, rest), [])
        for noted, played in known:
            alike = played.acts == calls and played.before.components == machine.components
            if alike and noted.speaks_for(machine.kernel):
                return replace(played, before=machine)
        if type(machine.kernel) is not KernelProfile:  # a release between those of VERSIONS
            return play(machine, calls)
        same = {one.name: getattr(machine.kernel, one.name) for one in fields(KernelProfile)}
        noted = Noted(**same)
        played = play(machine.with_kernel(noted), calls)
        known.append((noted, played))
        return replace(played, before=machine)


def as_traced(access: Access, played: Played) -> bool:
    """Whether the process's calls are those of a trace, and the last one is where it ended."""
    last = last_of(played.acts, played.outcomes).key
    if not access.traced:
        return access.failed in ("", last)
    # a signal: the trace does not show the instruction that got it
    ended = last in ("load", "touch") if access.op == "load" else last == access.op
    return ended and shown(access, played.acts)


def shown(access: Access, calls: Calls) -> bool:
    """Whether a trace shows the calls, as far as it shows them."""
    own = {call.key: call for call in calls_of(access)}
    return not access.traced or all(
        call.arguments == own[call.key].arguments
        for call in calls
        if call.key in own and call.key != "load" and (call.key != "open" or access.mode)
    )
