"""Answers and causes as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from devmemkit.explain.explanation import Explanation
from devmemkit.explain.render_text import format_later, format_owner, format_verdict
from devmemkit.explain.symptom import Cause
from devmemkit.text.html import html_table, safe

_CELLS = "text-align:left;vertical-align:top"


def as_html(answer: Explanation) -> str:
    """The whole answer, with its checks and cases as tables."""
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
    """The causes of a symptom."""
    items = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>)"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in causes
    )
    items = (
        f"<ol>{items}</ol>" if causes else "<p>Nothing that the model knows gives this here.</p>"
    )
    return f"<div><p>{safe(f'{access} gave {got}')}; the likeliest first:</p>{items}</div>"
