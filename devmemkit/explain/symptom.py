"""The causes of a symptom, in order, as text and as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from devmemkit.explain.access import Access
from devmemkit.explain.candidates import Cause, cache_errno, candidates
from devmemkit.explain.cases import Machines
from devmemkit.model.printable import printable
from devmemkit.text.html import safe
from devmemkit.text.symptom import MESSAGES, WORDS, Symptom, parse_symptom

SYMPTOMS = (*MESSAGES, *WORDS)

CERTAIN = ("lockdown", "page refused", "other cache type", "fork's cache type")
"""Causes whose line of dmesg nothing else prints."""


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
    symptom = symptom_of(got)
    return symptom if symptom.name else symptom._replace(name=cache_errno(machines, access))


def causes(machines: Machines, access: Access, got: str) -> tuple[Cause, ...]:
    """The causes of `got` on that machine, the likeliest first.

    First what a line of dmesg names, then the machine as described, the other cases of the unknown
    facts, the hypotheses, the hardware. ValueError for a text that is no symptom.
    """
    symptom = symptom_on(machines, access, got)
    found = sorted(candidates(machines, access, symptom), key=lambda pair: not pair[0])
    if symptom.cause in CERTAIN and found and found[0][0]:
        found = [(named, cause) for named, cause in found if named]
    return tuple(_distinct(cause for _, cause in found))


def _distinct(found: Iterable[Cause]) -> Iterator[Cause]:
    """The causes without those that differ from an earlier one only in their conditions."""
    seen: set[tuple[str, str]] = set()
    for cause in found:
        key = (cause.what.partition(", if ")[0], cause.function)
        if key not in seen:
            seen.add(key)
            yield cause


def causes_text(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as text."""
    lines = [f"{_subject(access, got)}; what can be behind it, the likeliest first:"]
    for number, cause in enumerate(causes, 1):
        found = "found by" if cause.played else "not played by the model; given by"
        lines += [f"  {number}. {cause.what}", f"     {found}: {cause.function}"]
        lines.append(f"     how to tell: {cause.tell}")
    if not causes:
        lines.append("  nothing that the model knows gives this here")
    return "\n".join(printable(line) for line in lines)


def causes_html(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as HTML."""
    items = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>"
        f"{'' if cause.played else ', not played by the model'})"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in causes
    )
    items = (
        f"<ol>{items}</ol>" if causes else "<p>Nothing that the model knows gives this here.</p>"
    )
    return f"<div><p>{safe(_subject(access, got))}; the likeliest first:</p>{items}</div>"


def _subject(access: object, got: str) -> str:
    """What gave the symptom: the access, or a driver's claim of its range."""
    if got == "EBUSY" and isinstance(access, Access):
        return f"a claim of {access.length:#x} bytes at {access.start:#x} gave EBUSY"
    return f"{access} gave {got or 'a line of dmesg'}"
