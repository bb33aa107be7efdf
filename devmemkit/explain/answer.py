"""The answer for an access, and its forms: text for a terminal, HTML for a notebook, JSON.

Names from dumps can neither control the terminal nor become markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice, advice_html, advice_lines
from devmemkit.explain.verdict import Check, Later, Verdict
from devmemkit.model.machine import Machine
from devmemkit.model.printable import printable
from devmemkit.text.html import html_table, safe

MEANS = {
    "ok": "it succeeds",
    "SIGBUS": "the process gets SIGBUS",
    "SIGSEGV": "the process gets SIGSEGV",
}

_CELLS = "text-align:left;vertical-align:top"


T = TypeVar("T", bound=Verdict | Later)


@dataclass(frozen=True)
class Branch(Generic[T]):
    """A verdict, or what a later claim does, and the conditions for it, in words."""

    conditions: tuple[str, ...]
    verdict: T


@dataclass(frozen=True)
class Answer:
    """How an access ends, why, and what to do; a notebook displays it as HTML.

    `release` is the kernel's, as the user names it. `verdict`, `advice` and `later` are those of
    the likeliest case, which takes `assumed` for granted. `branches` and `laters` cover the other
    cases if they differ, `unknown` lists the facts that the description lacks, `notes` its limits.
    """

    access: Access
    machine: Machine
    release: str
    verdict: Verdict
    assumed: tuple[str, ...]
    branches: tuple[Branch[Verdict], ...]
    advice: tuple[Advice, ...]
    later: Later | None
    laters: tuple[Branch[Later], ...]
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
        return self.verdict.deciding_check

    def _repr_html_(self) -> str:
        return as_html(self)


def format_verdict(v: Verdict) -> str:
    """The outcome in a few words, with the address of the page that decided."""
    said = MEANS.get(v.outcome, f"it fails with {v.outcome}")
    if v.contents:
        said += f", but reads give {v.contents} and writes are dropped"
    return said if v.page is None else f"{said}, at {v.page << v.page_shift:#x}"


def format_owner(v: Verdict) -> str:
    """The resource that decided, and those around it."""
    if v.owner is None:
        return "none that the description has"
    name, start, end = v.owner
    state = "claimed" if v.claimed else "not claimed"
    if v.claimed and v.shared:
        state += f" but not exclusive ({v.shared})"
    if v.beside:
        state += f", in a page with claims of {' and '.join(v.beside)}"
    inside = f", inside {' > '.join(v.path)}" if v.path else ""
    return f"{name or '(no name)'} {start:#x}-{end:#x}, {state}{inside}"


def format_later(later: Later) -> str:
    """What a claim does to the mapping."""
    return "the mapping stays" if later.then == "ok" else f"its next touch gives {later.then}"


def _laters(answer: Answer) -> Iterator[str]:
    if answer.later is None:
        return
    if not answer.laters:
        yield f"later: when {answer.later.when}, {format_later(answer.later)}"
        return
    yield f"later, when {answer.later.when}:"
    for one in answer.laters:
        yield f"  if {', and '.join(one.conditions)}:"
        yield f"      {format_later(one.verdict)}"


def as_text(answer: Answer) -> str:
    """The whole answer as text."""
    return "\n".join(printable(line) for line in _lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    v = answer.verdict
    yield f"{answer.access}, Linux {answer.release}:"
    yield f"  {format_verdict(v)}" + (f" ({v.why})" if v.why else "")
    for words in answer.assumed:
        yield f"    if {words}"
    yield ""
    yield f"resource: {format_owner(v)}"
    yield ""
    yield "checks, in the kernel's order:"
    for index, check in enumerate(v.checks):
        mark = ">" if index == v.decided and check.result != "passed" else " "
        file = f" ({check.file})" if check.file else ""
        yield f" {mark} {check.result:<11}  {check.function}{file}"
        if index == v.decided:
            yield f"                {check.says}"
    if answer.branches:
        yield ""
        yield "it depends on what is not known:"
        for branch in answer.branches:
            function = branch.verdict.deciding_check.function
            yield f"  if {', and '.join(branch.conditions)}:"
            yield f"      {format_verdict(branch.verdict)} ({function})"
    yield from advice_lines(answer.advice, "what would change it")
    if answer.later is not None:
        yield ""
        yield from _laters(answer)
    if answer.unknown:
        yield ""
        yield f"not known: {'; '.join(answer.unknown)}"
    for note in answer.notes:
        yield f"note: {note}"


def as_html(answer: Answer) -> str:
    """The whole answer as HTML, with its checks and cases as tables."""
    return f'<div class="devmemkit-answer">{"".join(_parts(answer))}</div>'


def _parts(answer: Answer) -> Iterator[str]:
    v = answer.verdict
    yield f"<p>{safe(f'{answer.access}, Linux {answer.release}')}:<br>"
    yield f"<b>{safe(format_verdict(v))}</b>" + (f" ({safe(v.why)})" if v.why else "")
    yield "".join(f"<br>{safe(words)}" for words in answer.assumed) + "</p>"
    yield f"<p>Resource: {safe(format_owner(v))}</p>"
    yield html_table(
        ("result", "check", "what it tests"),
        (
            (
                f"<b>{safe(check.result)}</b>" if index == v.decided else safe(check.result),
                f"<code>{safe(check.function)}</code>",
                safe(check.says) if index == v.decided else "",
            )
            for index, check in enumerate(v.checks)
        ),
        _CELLS,
    )
    if answer.branches:
        yield "<p>It depends on what is not known:</p>"
        yield html_table(
            ("if", "then"),
            (
                (safe(", and ".join(branch.conditions)), safe(format_verdict(branch.verdict)))
                for branch in answer.branches
            ),
            _CELLS,
        )
    yield advice_html(answer.advice, "What would change it")
    yield f"<p>{'<br>'.join(safe(line.strip()) for line in _laters(answer))}</p>"
    if answer.unknown:
        yield f"<p>Not known: {safe('; '.join(answer.unknown))}</p>"
    yield "".join(f"<p>Note: {safe(note)}</p>" for note in answer.notes)


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer as a JSON object, described by schema.json beside this file."""
    v = answer.verdict
    owner = None
    if v.owner is not None:
        name, start, end = v.owner
        owner = {"name": name, "start": start, "end": end, "busy": v.claimed, "inside": [*v.path]}
        owner["exclusive"] = v.claimed and not v.shared
    return {
        "access": str(answer.access),
        "kernel": f"Linux {answer.release}, {answer.machine.kernel.policy.name}",
        "outcome": v.outcome,
        "page": v.page,
        "contents": v.contents or None,
        "why": v.why,
        "certain": not (answer.branches or answer.assumed),
        "assumed": [*answer.assumed],
        "unknown": [*answer.unknown],
        "checks": [asdict(check) for check in v.checks],
        "decided": v.decided,
        "owner": owner,
        "advice": [
            {"do": a.do, "gives": a.gives, "risk": a.risk or None} for a in answer.advice
        ],
        "later": answer.later and asdict(answer.later),
        "laters": [{"if": [*b.conditions], **asdict(b.verdict)} for b in answer.laters],
        "cases": [
            {"if": [*b.conditions], "outcome": b.verdict.outcome, "page": b.verdict.page,
             "function": b.verdict.deciding_check.function}
            for b in answer.branches
        ],
        "notes": [*answer.notes],
    }  # fmt: skip
