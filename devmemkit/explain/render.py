"""Answers and causes as text for a terminal, and as HTML for a notebook.

Names from dumps can neither control the terminal nor become markup.
"""

from __future__ import annotations

from collections.abc import Iterator

from devmemkit.explain.explanation import Explanation
from devmemkit.explain.symptom import Cause
from devmemkit.explain.verdict import Later, Verdict
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.printable import printable
from devmemkit.text.html import html_table, safe

MEANS = {
    "ok": "it succeeds",
    "SIGBUS": "the process gets SIGBUS",
    "SIGSEGV": "the process gets SIGSEGV",
}

_CELLS = "text-align:left;vertical-align:top"


def format_verdict(v: Verdict) -> str:
    """The outcome in a few words, with the address of the page that decided."""
    said = MEANS.get(v.outcome, f"it fails with {v.outcome}")
    if v.contents:
        said += f", but reads give {v.contents} and writes are dropped"
    return said if v.page is None else f"{said}, at {v.page << PAGE_SHIFT:#x}"


def format_owner(v: Verdict) -> str:
    """The resource that decided, and those around it."""
    if v.owner is None:
        return "no resource is there"
    name, start, end = v.owner
    state = "claimed" if v.claimed else "not claimed"
    inside = f", inside {' > '.join(v.path)}" if v.path else ""
    return f"{name or '(no name)'} {start:#x}-{end:#x}, {state}{inside}"


def format_later(later: Later) -> str:
    """What will end the mapping."""
    end = "the mapping stays" if later.then == "ok" else f"the next touch of it gives {later.then}"
    return f"later: when {later.when}, {end}"


def as_text(answer: Explanation) -> str:
    """The whole answer as text."""
    return "\n".join(printable(line) for line in _lines(answer))


def _lines(answer: Explanation) -> Iterator[str]:
    v = answer.verdict
    yield f"{answer.access}, Linux {answer.machine.kernel.version}:"
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
    if answer.advice:
        yield ""
        yield "what would change it, safest first:"
        for number, advice in enumerate(answer.advice, 1):
            yield f"  {number}. {advice}"
            if advice.risk:
                yield f"     risk: {advice.risk}"
    if answer.later is not None:
        yield ""
        yield format_later(answer.later)
    if answer.unknown:
        yield ""
        yield f"not known: {'; '.join(answer.unknown)}"
    for note in answer.notes:
        yield f"note: {note}"


def causes_text(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as text."""
    lines = [f"{access} gave {got}; what can be behind it, the likeliest first:"]
    for number, cause in enumerate(causes, 1):
        lines += [f"  {number}. {cause.what}", f"     found by: {cause.function}"]
        lines.append(f"     how to tell: {cause.tell}")
    if not causes:
        lines.append("  nothing that the model knows gives this here")
    return "\n".join(printable(line) for line in lines)


def as_html(answer: Explanation) -> str:
    """The whole answer as HTML, with its checks and cases as tables."""
    return f'<div class="devmemkit-answer">{"".join(_parts(answer))}</div>'


def _parts(answer: Explanation) -> Iterator[str]:
    v = answer.verdict
    yield f"<p>{safe(f'{answer.access}, Linux {answer.machine.kernel.version}')}:<br>"
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
    if answer.advice:
        yield "<p>What would change it, safest first:</p><ol>"
        for advice in answer.advice:
            risk = f"<br>risk: {safe(advice.risk)}" if advice.risk else ""
            yield f"<li>{safe(str(advice))}{risk}</li>"
        yield "</ol>"
    if answer.later is not None:
        yield f"<p>{safe(format_later(answer.later))}</p>"
    if answer.unknown:
        yield f"<p>Not known: {safe('; '.join(answer.unknown))}</p>"
    yield "".join(f"<p>Note: {safe(note)}</p>" for note in answer.notes)


def causes_html(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom as HTML."""
    items = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>)"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in causes
    )
    items = (
        f"<ol>{items}</ol>" if causes else "<p>Nothing that the model knows gives this here.</p>"
    )
    return f"<div><p>{safe(f'{access} gave {got}')}; the likeliest first:</p>{items}</div>"
