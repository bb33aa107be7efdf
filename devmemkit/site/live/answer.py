"""What is told about a question, as HTML without styles: the page's style sheet has them.

Every text goes through `safe`: names from pasted texts cannot become markup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from devmemkit.explain.access import OPS
from devmemkit.explain.advice import Advice
from devmemkit.explain.answer import Answer, format_later, format_owner, format_verdict
from devmemkit.explain.cause import Cause
from devmemkit.explain.explanation import explain
from devmemkit.explain.symptom import NOTHING, likeliest
from devmemkit.explain.told import Told
from devmemkit.explain.verdict import Verdict
from devmemkit.text.html import safe


def as_page(told: Told, elsewhere: Collection[str] = ()) -> str:
    """The answer, or the causes and the checks that lead to the symptom.

    Notes that the page has `elsewhere` are left out.
    """
    notes = [f"note: {note}" for note in told.notes if note not in elsewhere]
    said = _answer(told.answer) if told.answer is not None else _causes(told)
    return "".join(said) + (_list(notes, "notes") if notes else "")


def _answer(answer: Answer) -> Iterator[str]:
    v = answer.verdict
    yield f"<h3>{safe(f'{answer.access}, Linux {answer.release}')}</h3>"
    good = "good" if v.outcome == "ok" and not v.contents else "bad"
    why = f" ({safe(v.why)})" if v.why else ""
    yield f'<p class="verdict {good}"><strong>{safe(format_verdict(v))}</strong>{why}</p>'
    if answer.assumed:
        yield _list(f"if {words}" for words in answer.assumed)
    yield from _checks(v)
    if answer.branches:
        yield "<h4>It depends on what is not known</h4><dl>"
        for one in answer.branches:
            function = one.verdict.deciding_check.function
            yield f"<dt>if {safe(', and '.join(one.conditions))}</dt>"
            yield f"<dd>{safe(format_verdict(one.verdict))} <code>{safe(function)}</code></dd>"
        yield "</dl>"
    yield _advice(answer.advice, "What would change it")
    if answer.later is not None and not answer.laters:
        yield f"<p>Later: when {safe(f'{answer.later.when}, {format_later(answer.later)}')}</p>"
    elif answer.later is not None:
        yield f"<h4>Later, when {safe(answer.later.when)}</h4><dl>"
        for then in answer.laters:
            yield f"<dt>if {safe(', and '.join(then.conditions))}</dt>"
            yield f"<dd>{safe(format_later(then.verdict))}</dd>"
        yield "</dl>"
    if answer.unknown:
        yield f"<p>Not known: {safe('; '.join(answer.unknown))}</p>"


def _checks(v: Verdict) -> Iterator[str]:
    """The resource, and each check of the kernel in order, the deciding one marked."""
    yield f"<p>Resource: {safe(format_owner(v))}</p>"
    yield '<h4>Checks, in the kernel\'s order</h4><ol class="checks">'
    for index, check in enumerate(v.checks):
        decides = index == v.decided
        ending = "decides good" if v.outcome == "ok" else "decides"
        kind = ending if decides else check.result.replace(" ", "-")
        file = f" <small>{safe(check.file)}</small>" if check.file else ""
        says = f"<p>{safe(check.says)}</p>" if decides else ""
        mark = ' aria-current="true"' if decides else ""
        result = f'<span class="result">{safe(check.result)}</span>'
        yield f'<li class="{safe(kind)}"{mark}>{result} <code>{safe(check.function)}</code>'
        yield f"{file}{says}</li>"
    yield "</ol>"


def _causes(told: Told) -> Iterator[str]:
    got = told.got or "a line of dmesg"
    yield f"<h3>{safe(f'{told.access} gave {got}')}</h3>"
    yield "<p>What can be behind it, the likeliest first:</p>"
    shown, more = likeliest(told.got, told.causes)
    if shown:
        yield f'<ol class="causes">{"".join(map(_cause, shown))}</ol>'
    if more or not shown:
        yield f"<p>{safe(more or NOTHING)}</p>"
    yield _advice(told.causes[0].advice if told.causes else (), "What would change the first cause")
    if told.access.op in OPS and not told.access.other:  # the model can play it by itself
        answer = explain(told.machines, told.access)
        if answer.outcome == told.got:
            yield from _checks(answer.verdict)


def _cause(cause: Cause) -> str:
    found = "found by" if cause.played else "not played by the model; given by"
    return (
        f"<li><strong>{safe(cause.what)}</strong><br>{found} <code>{safe(cause.function)}</code>"
        f"<br>how to tell: {safe(cause.tell)}</li>"
    )


def _advice(advice: Sequence[Advice], title: str) -> str:
    items = "".join(
        f"<li>{safe(one.do)}"
        + (f" <small>the model then: {safe(one.gives)}</small>" if one.gives else "")
        + (f'<p class="risk">risk: {safe(one.risk)}</p>' if one.risk else "")
        + "</li>"
        for one in advice
    )
    return f"<h4>{title}, safest first</h4><ol>{items}</ol>" if items else ""


def _list(lines: Iterable[str], kind: str = "") -> str:
    items = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if kind else f"<ul>{items}</ul>"
