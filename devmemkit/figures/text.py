"""Words in a notebook: predictions, tables, and named values."""

from __future__ import annotations

import html
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from devmemkit.text.html import html_table

VALUES = "application/vnd.devmemkit.values+json"
"""The mime type under which a notebook stores named values."""


BOX = "border:1px solid #80808080;border-radius:6px;margin:.4em 0;padding:.3em .8em;max-width:46rem"
"""The style of one choice of a prediction, wherever a notebook is shown."""


def predict(
    question: str, choices: Sequence[str], answer: str, rows: Sequence[tuple[str, str]] = ()
) -> None:
    """Display a question with its choices; the one that the reader clicks opens the answer.

    `rows` are the cases and answers that the model gives, shown below it. ValueError if the answer
    is not one of the choices. It needs no script and no kernel. Opening one choice closes another
    through `name`, which JupyterLab removes from a notebook that nobody has run.
    """
    if answer not in choices:
        listed = ", ".join(choices)
        raise ValueError(f"answer to {question!r}: expected one of {listed}; got {answer!r}")
    group = f"predict-{zlib.crc32(question.encode()):08x}"
    told = _rows(rows) if rows else ""
    boxes = "".join(
        f'<details name="{group}" style="{BOX}" class="{"right" if choice == answer else "wrong"}">'
        f"<summary>{html.escape(choice)}</summary>"
        f"<p><b>{'Right.' if choice == answer else f'No: {html.escape(answer)}.'}</b></p>"
        f"{told}</details>"
        for choice in choices
    )
    rich = f"<p><b>Predict:</b> {html.escape(question)} <em>Click what you believe.</em></p>{boxes}"
    plain = [question, f"one of: {'; '.join(choices)}", f"answer: {answer}"]
    plain += [f"{case}: {said}" for case, said in rows]
    output({"text/html": rich, "text/plain": "\n".join(plain)})


def fold(summary: str, rows: Sequence[tuple[str, str]]) -> None:
    """Display rows of two texts that open on demand."""
    plain = "\n".join(f"{case}: {said}" for case, said in rows)
    rich = folded(summary, _rows(rows))
    output({"text/html": rich, "text/plain": f"{summary}\n{plain}"})


def folded(summary: str, rich: str) -> str:
    """HTML that opens on demand."""
    return f"<details><summary>{html.escape(summary)}</summary>{rich}</details>"


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return f'<div style="overflow-x:auto"><table><tbody>{answers(rows)}</tbody></table></div>'


def answers(rows: Iterable[tuple[str, str]]) -> str:
    """The rows of an HTML table of (case, answer)."""
    return "".join(
        f'<tr><td style="text-align:left{_wrap(case)}">{html.escape(case)}</td>'
        f'<td style="text-align:left{_wrap(answer)}">{_strong(answer)}</td></tr>'
        for case, answer in rows
    )


def _strong(answer: str) -> str:
    """Bold, unless it is a sentence: where all is bold, nothing is stressed."""
    safe = html.escape(answer)
    return safe if len(answer) > SHORT else f"<b>{safe}</b>"


def _wrap(text: str) -> str:
    return "" if len(text) > SHORT else ";white-space:nowrap"


SHORT = 24
"""Letters of a cell that stays on one line: a size, a range of addresses, a commit."""


class Link(NamedTuple):
    """A cell with a link to another notebook, by its file name."""

    text: str
    to: str


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Link]], behind: str = "") -> None:
    """Display a table of plain text and links; if `behind` has words to click, they open it."""
    plain = "\n".join("  ".join(c.text if isinstance(c, Link) else c for c in r) for r in rows)
    rich = html_table(map(html.escape, columns), (map(_cell, row) for row in rows))
    output({"text/html": folded(behind, rich) if behind else rich, "text/plain": plain})


def _cell(cell: str | Link) -> str:
    if isinstance(cell, Link):
        return f'<a href="{html.escape(cell.to)}">{html.escape(cell.text)}</a>'
    wrap = _wrap(cell)
    return f'<span style="{wrap[1:]}">{html.escape(cell)}</span>' if wrap else html.escape(cell)


def values(**named: Any) -> None:
    """Store results by name in the notebook and show nothing, so that no answer is given away.

    A value is anything that JSON can hold, or a dataclass of it.
    """
    output({VALUES: json.loads(json.dumps(named, default=asdict))})


def output(data: dict[str, Any]) -> None:
    """Display data, by mime type, as one output of the running cell."""
    from IPython.display import display  # here: a web page has none

    display(data, raw=True)  # type: ignore[no-untyped-call]
