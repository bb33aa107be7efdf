"""The causes that a symptom may have: what is described, what may be, and the hardware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from devmemkit.explain.as_described import described
from devmemkit.explain.cause import EXPECTED, UNKNOWN, USUAL, Candidate, Cause
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.silence import silence
from devmemkit.explain.supposed import excluded, supposed
from devmemkit.explain.trials import Trials, Words
from devmemkit.explain.verdict import verdict_of
from devmemkit.text.symptom import SIGNALS, Symptom

CACHE_CHECKS = (
    *("mmap_mem", "mmap_mem_prepare"),
    *("pci_mmap_page_range", "pci_mmap_resource_range"),
)
"""The functions that fail where cache types conflict, which x86/PAT prints."""


def candidates(trials: Trials, symptom: Symptom) -> Iterator[Candidate]:
    """The causes by the description, its open facts, the hypotheses, the hardware."""
    access, known = trials.access, trials.known
    if not access.other:  # the model has no such file
        yield from described(trials, symptom)
    for hypothesis in HYPOTHESES:
        if excluded(known, access, symptom, hypothesis):
            continue
        for condition, words in _cases(trials):
            found = list(supposed(trials, symptom, hypothesis, words))
            for one in found:
                yield one._replace(cause=replace(one.cause, what=one.cause.what + condition))
            if found:
                break
    if access.via == "driver":
        what = f"a rule of the driver behind {access.file}, not of /dev/mem: its own mmap decides"
        yield Candidate(USUAL, Cause(what, "the driver's source", "(its mmap)", played=False))
    yield from _refusals(trials, symptom)
    yield from silence(trials, symptom.name)
    if known.rules == "other":
        what = (
            f"a rule of {known.this_architecture}'s own: the model has what all architectures share"
        )
        tell = "the kernel's source, below arch/"
        yield Candidate(USUAL, Cause(what, tell, UNKNOWN, played=False))


def _cases(trials: Trials) -> Iterator[tuple[str, Words]]:
    """The likeliest case, then those with another kernel or configuration, with the condition."""
    yield "", trials.usual
    for at, question in enumerate(trials.machines.questions):
        if question.name in ("kernel", "config"):
            for answer in list(question.answers)[1:]:
                yield f", if {answer}", trials.but(at, answer)


def _refusals(trials: Trials, symptom: Symptom) -> Iterator[Candidate]:
    """Why mmap was refused, if the program touched what it returned or the description says so."""
    access = trials.access
    if not access.maps or access.op == "mmap" or symptom.name not in SIGNALS:
        return
    asks = Trials(trials.machines, replace(access, op="mmap", failed="mmap", traced=False))
    if symptom.cause != "map failed" and (
        symptom.name != "SIGSEGV" or asks.plain(asks.usual).found.outcome == "ok"
    ):
        return
    for name in ("EPERM", "EINVAL", "EAGAIN"):
        for one in candidates(asks, Symptom(name)):
            what = f"mmap was refused with {name}: {one.cause.what}"
            yield one._replace(rank=EXPECTED, cause=replace(one.cause, what=what), do="")


def cache_errno(trials: Trials) -> str:
    """The errno of an access whose cache type conflicts with another's; "" if it cannot."""
    for hypothesis in HYPOTHESES:
        if not hypothesis.name.startswith("other cache type"):
            continue
        for number in range(len(trials.before(trials.usual))):
            if trials.changed(hypothesis, trials.usual, number):
                played = trials.played(hypothesis, trials.usual, number)
                found = verdict_of(played, trials.access)
                if found.outcome != "ok" and found.deciding_check.function in CACHE_CHECKS:
                    return found.outcome
    return ""
