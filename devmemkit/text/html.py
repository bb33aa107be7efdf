"""Text and tables as HTML: nothing from a dump can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from devmemkit.model.printable import printable


def safe(text: str) -> str:
    """Text from anywhere as HTML."""
    return escape(printable(text))


def html_table(
    columns: Iterable[str], rows: Iterable[Iterable[str]], style: str = "text-align:left"
) -> str:
    """A table whose cells are HTML already; a table that is too wide scrolls."""
    head = "".join(f'<th style="text-align:left">{cell}</th>' for cell in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div style="overflow-x:auto"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
