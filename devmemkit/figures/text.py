"""Words in a notebook: predictions whose answers open on demand, tables, and named values."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from devmemkit.text.html import html_table

VALUES = "application/vnd.devmemkit.values+json"
"""The mime type under which a notebook stores named values."""


def reveal(question: str, rows: Sequence[tuple[str, str]]) -> None:
    """Display a question whose answer, rows of (case, answer), opens on demand."""
    plain = "\n".join(f"{case}: {answer}" for case, answer in rows)
    rich = (
        f"<details><summary><b>Predict:</b> {html.escape(question)}</summary>"
        f"<table><tbody>{answers(rows)}</tbody></table></details>"
    )
    output({"text/html": rich, "text/plain": f"{question}\n{plain}"})


def answers(rows: Iterable[tuple[str, str]]) -> str:
    """The rows of an HTML table of (case, answer)."""
    return "".join(
        f'<tr><td style="text-align:left">{html.escape(case)}</td>'
        f'<td style="text-align:left"><b>{html.escape(answer)}</b></td></tr>'
        for case, answer in rows
    )


class Link(NamedTuple):
    """A cell with a link to another notebook, by its file name."""

    text: str
    to: str


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Link]]) -> None:
    """Display a table of plain text and links."""
    plain = "\n".join("  ".join(c.text if isinstance(c, Link) else c for c in r) for r in rows)
    rich = html_table(map(html.escape, columns), (map(_cell, row) for row in rows))
    output({"text/html": rich, "text/plain": plain})


def _cell(cell: str | Link) -> str:
    if isinstance(cell, Link):
        return f'<a href="{html.escape(cell.to)}">{html.escape(cell.text)}</a>'
    return html.escape(cell)


def values(**named: Any) -> None:
    """Display and store results by name, so that nobody has to parse prose or pixels.

    They are folded away, as they would give away answers. A value is anything that JSON can hold,
    or a dataclass of it.
    """
    stored = json.loads(json.dumps(named, default=asdict))
    plain = "\n".join(f"{name} = {json.dumps(value)}" for name, value in stored.items())
    rich = (
        f"<details><summary>named values: {', '.join(named)}</summary>"
        f'<pre style="white-space:pre-wrap">{html.escape(plain)}</pre></details>'
    )
    output({VALUES: stored, "text/html": rich, "text/plain": plain})


def output(data: dict[str, Any]) -> None:
    """Display data, by mime type, as one output of the running cell."""
    from IPython.display import display  # here: a web page has none

    display(data, raw=True)  # type: ignore[no-untyped-call]
