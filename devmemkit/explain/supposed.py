"""Causes by a hypothesis: what it leads to on a machine, or on that before a driver's claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devmemkit.explain.access import Access
from devmemkit.explain.as_described import PAGE_CHECKS
from devmemkit.explain.calls import ACTOR
from devmemkit.explain.cause import EXPECTED, LIKELY, NAMED, UNLIKELY, USUAL, Candidate, Cause
from devmemkit.explain.description import Description
from devmemkit.explain.hypothesis import Asked, Changed, Hypothesis
from devmemkit.explain.kernel_functions import function_of
from devmemkit.explain.owner import claims_of
from devmemkit.explain.trials import Trials, Words, as_traced, shown
from devmemkit.explain.verdict import last_of, verdict_of
from devmemkit.scenarios.play import Played
from devmemkit.scenarios.words import format_ending
from devmemkit.text.iomem_tree import is_driver
from devmemkit.text.symptom import SIGNALS, Symptom

WHY_NO_NODE = ("no node", "no devmem", "no devport")
"""Hypotheses that say why a node is missing, also of one that is known to be."""

ONLY_NAMED = ("SELinux lockdown",)
"""Hypotheses that come with a line of the log alone."""

OTHERWISE = " (the description says otherwise)"
UNSEEN = " (the dump shows no claim there: it may be of another moment)"


def excluded(known: Description, access: Access, symptom: Symptom, hypothesis: Hypothesis) -> bool:
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


def supposed(
    trials: Trials, symptom: Symptom, hypothesis: Hypothesis, words: Words
) -> Iterator[Candidate]:
    """The causes that a hypothesis gives in one case of the open questions."""
    for number in range(len(trials.before(words))):
        if changed := trials.changed(hypothesis, words, number):
            one = Supposed(trials, symptom, hypothesis, words, number, changed)
            if not hypothesis.gives:
                yield from one.played()
            elif one.is_given():
                yield one.outside()
                return


@dataclass(frozen=True)
class Supposed:
    """A hypothesis on a machine of `Trials.before`, and what it `changed`."""

    trials: Trials
    symptom: Symptom
    hypothesis: Hypothesis
    words: Words
    number: int
    changed: Changed

    @property
    def access(self) -> Access:
        return self.trials.access

    @property
    def named(self) -> bool:
        """Whether the symptom names the hypothesis."""
        return self.hypothesis.name == self.symptom.cause

    @property
    def asked(self) -> Asked:
        return Asked(self.trials.known, self.trials.before(self.words)[self.number], self.access)

    def what(self) -> str:
        """What the hypothesis says, about this machine."""
        asked = self.asked
        usual = "/dev/mem is usually 0640, so that group kmem may read and not write"
        if asked.mount != "/dev":
            usual = "only root may open most files of devices there"
        words = {
            "{usual}": usual,
            "{holder}": asked.holder,
            "{driver}": asked.owner if is_driver(asked.owner) else "somebody else",
            "{pages}": asked.pages,
        }
        what = self.hypothesis.what
        for name, word in words.items():
            what = what.replace(name, word)
        what += self._contrary()
        if self.symptom.asker == asked.holder:
            what += ", the one that asks: it claims twice, or the dump is of a later moment"
        return what

    def _contrary(self) -> str:
        """What the description says against the hypothesis."""
        known, name = self.trials.known, self.hypothesis.name
        if known.iomem is not None and name in ("claimed before", "claimed after"):
            return "" if self.number else UNSEEN
        if known.iomem is not None and name == "claim fails":
            return UNSEEN if self.asked.holder == "somebody" else ""
        return "" if self.hypothesis.is_open(known) else OTHERWISE

    def is_given(self) -> bool:
        """Whether a hypothesis that is not played gives the symptom."""
        access, hypothesis = self.access, self.hypothesis
        if hypothesis.gives != self.symptom.name:
            return False
        failed = access.op if access.traced else access.failed
        fits = hypothesis.call != "fork" and (failed == "open") == (hypothesis.call == "open")
        return (fits or self.named or not failed) and shown(access, self.changed[1])

    def outside(self) -> Candidate:
        """The hypothesis as a cause outside of the model."""
        one = self.hypothesis
        cause = Cause(self.what(), one.tell, one.function, played=False)
        return Candidate(self._rank(), cause, do=one.do)

    def played(self) -> Iterator[Candidate]:
        """The cause that is played, if it ends in the symptom."""
        if self.access.other:  # the model has no such file
            if self.named:
                yield self.outside()
            return
        played = self.trials.played(self.hypothesis, self.words, self.number)
        last = last_of(played.acts, played.outcomes)
        ends = format_ending(played.outcomes[last.key]) == self.symptom.name
        if not ends and self.named and not self.number:  # what the kernel has said
            yield self.outside()
        if not ends or not (self.named or _fits(self.access, played)):
            return
        if self.hypothesis.name not in WHY_NO_NODE and not self._is_news(played):
            return
        step = played.steps(last.key)[-1]
        function, _ = function_of(last.operation, step, self.asked.machine.kernel)
        refused = self.symptom.cause == "page refused" and function in PAGE_CHECKS
        rank = NAMED if refused else self._rank()
        cause = Cause(self.what(), self.hypothesis.tell, function)
        yield Candidate(rank, cause, *self.changed, self.hypothesis.do)

    def _is_news(self, played: Played) -> bool:
        """Whether the plain access ends in another outcome, or at another check."""
        plain = self.trials.plain(self.words).found
        if plain.outcome != self.symptom.name:
            return True
        function = verdict_of(played, self.access).deciding_check.function
        return function != plain.deciding_check.function

    def _is_expected(self) -> bool:
        """Whether the place or the operation makes the hypothesis likely."""
        access, name = self.access, self.hypothesis.name
        if name == "unaligned":
            return bool(self.asked.unaligned)
        if name == "alignment":
            return bool(self.asked.inside)
        if name == "external abort":  # no driver has switched the device on
            return not claims_of(self.trials.machine(self.words), access.pages[0], access)
        if name == "ram":  # read(2) reaches little else
            return not access.maps
        refuses = name == "map failed" and access.op != "mmap"
        return refuses and self.trials.plain(self.words).found.outcome not in ("ok", *SIGNALS)

    def _rank(self) -> float:
        """How far up it is, the hypotheses at which words hint in the order of the hints."""
        name, likely = self.hypothesis.name, self.symptom.likely
        if self.named:
            return NAMED
        if name in likely:
            return LIKELY + likely.index(name) / len(likely)
        if self._is_expected():
            return EXPECTED
        if name == "lockdown" and not self.asked.machine.kernel["lockdown"]:
            return UNLIKELY
        return USUAL


def _fits(access: Access, played: Played) -> bool:
    """Whether the calls end in a way that the operation can, and as a trace shows them."""
    last = last_of(played.acts, played.outcomes)
    if last.actor != ACTOR and len(played.acts) > 1:  # a claim that was to come before
        return False
    if access.op == "load" and last.operation == "store" and not access.traced:
        return False
    if access.op == "mmap" and last.operation in ("copy_from_user", "ptrace_peek"):
        return False
    return as_traced(access, played)
