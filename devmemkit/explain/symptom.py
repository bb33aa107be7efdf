"""The causes of a symptom, in order, as text and as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from devmemkit.explain.access import Access
from devmemkit.explain.advice import advice_html, advice_lines
from devmemkit.explain.candidates import cache_errno, candidates
from devmemkit.explain.cases import Machines
from devmemkit.explain.cause import NAMED, Candidate, Cause
from devmemkit.explain.remedies import advise_about
from devmemkit.explain.trials import Trials
from devmemkit.model.printable import printable
from devmemkit.text.html import safe
from devmemkit.text.symptom import MESSAGES, WORDS, Symptom, parse_symptom

SYMPTOMS = (*MESSAGES, *WORDS)

CERTAIN = (
    *("lockdown", "SELinux lockdown", "page refused", "external abort", "alignment"),
    *("only logged", "security module"),
    *("other cache type", "fork's cache type", "RAM's cache type"),
)
"""Causes whose line of dmesg, or whose si_code, nothing else gives."""

UNDECIDED = "an unknown errno"
"""The symptom in words that tell a failure without its errno."""

MISSING = (
    "the words lack the errno, so none of these is decided: strace -f -e "
    "trace=open,openat,mmap,mmap2,pread64,pwrite64,ioperm,iopl PROGRAM shows it (see --strace)"
)

MOST = 12
"""How many causes of words without an errno are shown."""

NOTHING = "nothing that the model knows gives this on the machine that is described"


def symptom_of(got: str) -> Symptom:
    """The symptom in a text: a name, a message, a number, a line of dmesg; ValueError."""
    found = parse_symptom(got)
    if found is None:
        shown = printable(got.strip()[:40])
        names = ", ".join(SYMPTOMS)
        raise ValueError(f"--got: expected one of {names}, or a line of dmesg; got {shown}")
    return found


def symptom_on(machines: Machines, access: Access, got: str) -> Symptom:
    """The symptom; a line of dmesg without an errno has that of the cause that it names."""
    return _with_name(Trials(machines, access), symptom_of(got))


def _with_name(trials: Trials, symptom: Symptom) -> Symptom:
    return symptom if symptom.name else symptom._replace(name=cache_errno(trials))


def causes(machines: Machines, access: Access, got: str) -> tuple[Cause, ...]:
    """The causes of `got` on that machine, the likeliest first.

    First what a line of dmesg names, then the machine as described, the other cases of the unknown
    facts, the hypotheses, the hardware. ValueError for a text that is no symptom.
    """
    return causes_of(Trials(machines, access), symptom_of(got))


def causes_of(trials: Trials, symptom: Symptom, *, advised: bool = True) -> tuple[Cause, ...]:
    """The causes of a symptom of the access that is on trial; the likeliest is first, `advised`."""
    symptom = _with_name(trials, symptom)
    found = sorted(candidates(trials, symptom), key=lambda one: one.rank)
    if symptom.cause in CERTAIN:
        found = [one for one in found if one.rank == NAMED]
    if not found:
        return ()
    likeliest, *others = _distinct(found)
    if not advised:
        return likeliest, *others
    first = found[0]
    advice = advise_about(trials.known, trials.access, first.machine, first.calls, first.do)
    return replace(likeliest, advice=tuple(advice)), *others


def _distinct(found: Iterable[Candidate]) -> Iterator[Cause]:
    """The causes; those that differ only in their conditions are one, under any of them."""
    alike: dict[tuple[str, str], list[Cause]] = {}
    for one in found:
        key = one.cause.what.partition(", if ")[0], one.cause.function
        alike.setdefault(key, []).append(one.cause)
    for (what, _), (first, *more) in alike.items():
        if what == first.what:
            yield first
            continue
        under = {one: frozenset(_conditions(one)) for one in (first, *more)}
        least = [one for one in under if not any(other < under[one] for other in under.values())]
        said = dict.fromkeys(" and ".join(_conditions(one)) for one in least)
        tells = dict.fromkeys(tell for one in least for tell in one.tell.split("; "))
        yield replace(least[0], what=f"{what}, if {', or if '.join(said)}", tell="; ".join(tells))


def _conditions(cause: Cause) -> list[str]:
    return cause.what.partition(", if ")[2].split(" and ")


def likeliest(got: str, causes: Sequence[Cause]) -> tuple[Sequence[Cause], str]:
    """The causes to show, and how to see the others ("": there are none).

    Of words without an errno these are MOST: an errno has one more than the next likely one.
    """
    if got != UNDECIDED or len(causes) <= MOST:
        return causes, ""
    errnos = [cause.what.partition(": ")[0] for cause in causes]
    order = [*dict.fromkeys(errnos)]
    ranks = [order.index(errno) + errnos[:at].count(errno) for at, errno in enumerate(errnos)]
    shown = sorted(sorted(range(len(causes)), key=ranks.__getitem__)[:MOST])
    left = Counter(errno for at, errno in enumerate(errnos) if at not in shown)
    more = ", ".join(f"{count} of {errno}" for errno, count in left.items())
    how = f'add its errno to the words (": {next(iter(left))}") to see all of its causes'
    return [causes[at] for at in shown], f"{left.total()} more: {more}; {how}"


def causes_text(
    access: object, got: str, causes: tuple[Cause, ...], notes: Sequence[str] = ()
) -> str:
    """The causes of a symptom as text, and what to do about the likeliest."""
    lines = [f"{_subject(access, got)}; what can be behind it, the likeliest first:"]
    if got == UNDECIDED:
        lines = [f"{access} gave {got}", MISSING, "what can be behind it, by errno:"]
    shown, more = likeliest(got, causes)
    for number, cause in enumerate(shown, 1):
        found = "found by" if cause.played else "not played by the model; given by"
        lines += [f"  {number}. {cause.what}", f"     {found}: {cause.function}"]
        lines.append(f"     how to tell: {cause.tell}")
    if more or not causes:
        lines.append("  " + (more or NOTHING))
    lines += advice_lines(causes[0].advice if causes else (), "what would change the first cause")
    lines += [f"note: {note}" for note in notes]
    return "\n".join(printable(line) for line in lines)


def causes_html(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as HTML."""
    shown, more = likeliest(got, causes)
    items = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>"
        f"{'' if cause.played else ', not played by the model'})"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in shown
    )
    missing = f"<p>{MISSING}</p>" if got == UNDECIDED else ""
    rest = f"<p>{safe(more)}</p>" if more else ""
    items = f"{missing}<ol>{items}</ol>{rest}" if causes else f"<p>{NOTHING}</p>"
    then = advice_html(causes[0].advice if causes else (), "What would change the first cause")
    return f"<div><p>{safe(_subject(access, got))}; the likeliest first:</p>{items}{then}</div>"


def _subject(access: object, got: str) -> str:
    """What gave the symptom: the access, or a driver's claim of its range."""
    if got == "EBUSY" and isinstance(access, Access):
        return f"a claim of {access.length:#x} bytes at {access.start:#x} gave EBUSY"
    if got == "ok" and isinstance(access, Access) and access.op == "open":
        return f"{access} succeeded with a warning"
    if got == "ok" and isinstance(access, Access) and access.op:
        where = f"{access.length:#x} bytes at {access.start:#x}"
        return f"a mapping of {where} succeeded with a warning"
    return f"{access} gave {got or 'a line of dmesg'}"
