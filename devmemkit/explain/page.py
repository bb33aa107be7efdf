"""An answer as HTML for a notebook: nothing from a dump can become markup."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from devmemkit.explain.answer import Answer
from devmemkit.explain.symptom import Cause
from devmemkit.explain.text import headline, later_line, owner_line
from devmemkit.figures.text import markup
from devmemkit.model.printable import printable

_CELLS = "text-align:left;vertical-align:top"


def as_html(answer: Answer) -> str:
    """The answer as in the terminal, its checks as a table."""
    return f'<div class="devmemkit-answer">{"".join(_parts(answer))}</div>'


def _parts(answer: Answer) -> Iterator[str]:
    v = answer.verdict
    yield f"<p>{safe(f'{answer.access}, Linux {answer.machine.kernel.version}')}:<br>"
    yield f"<b>{safe(headline(v))}</b>" + (f" ({safe(v.why)})" if v.why else "")
    yield "".join(f"<br>{safe(words)}" for words in answer.assumed) + "</p>"
    yield f"<p>Resource: {safe(owner_line(v))}</p>"
    yield markup(
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
        yield markup(
            ("if", "then"),
            (
                (safe(", and ".join(branch.conditions)), safe(headline(branch.verdict)))
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
        yield f"<p>{safe(later_line(answer.later))}</p>"
    if answer.unknown:
        yield f"<p>Not known: {safe('; '.join(answer.unknown))}</p>"
    yield "".join(f"<p>Note: {safe(note)}</p>" for note in answer.notes)


def causes_html(access: object, got: str, causes: tuple[Cause, ...]) -> str:
    """The causes of a symptom, the likeliest first."""
    told = "".join(
        f"<li>{safe(cause.what)} (<code>{safe(cause.function)}</code>)"
        f"<br>how to tell: {safe(cause.tell)}</li>"
        for cause in causes
    )
    told = f"<ol>{told}</ol>" if causes else "<p>Nothing that the model knows gives this here.</p>"
    return f"<div><p>{safe(f'{access} gave {got}')}; the likeliest first:</p>{told}</div>"


def safe(text: str) -> str:
    """Text from anywhere as HTML."""
    return escape(printable(text))
