"""One thing that a user can do about a failed access, and a list of them as text and HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devmemkit.text.html import safe


@dataclass(frozen=True)
class Advice:
    """One thing to `do`; `gives` is the outcome that the model then finds, None if it cannot tell.

    `risk` says what the change exposes, `command` is the part of `do` for a shell.
    """

    do: str
    gives: str | None
    risk: str = ""
    command: str = ""

    def __str__(self) -> str:
        return f"{self.do} [the model then: {self.gives}]" if self.gives else self.do


def advice_lines(advice: Sequence[Advice], title: str) -> Iterator[str]:
    """Advice as lines of text, below a title."""
    if advice:
        yield ""
        yield f"{title}, safest first:"
    for number, one in enumerate(advice, 1):
        yield f"  {number}. {one}"
        if one.risk:
            yield f"     risk: {one.risk}"


def advice_html(advice: Sequence[Advice], title: str) -> str:
    """Advice as a list in HTML, below a title; "" for none."""
    items = "".join(
        f"<li>{safe(str(one))}{f'<br>risk: {safe(one.risk)}' if one.risk else ''}</li>"
        for one in advice
    )
    return f"<p>{title}, safest first:</p><ol>{items}</ol>" if items else ""
