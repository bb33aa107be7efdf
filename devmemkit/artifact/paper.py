"""The paper's numbered figures and tables with captions, and its references."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from html import escape

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import image
from devmemkit.figures.svg import to_svg
from devmemkit.figures.text import output
from devmemkit.scenarios.machines import data_dir


class Paper:
    """Counts the figures and tables of one paper, and knows its references."""

    def __init__(self) -> None:
        told = tomllib.loads((data_dir() / "references.toml").read_text("utf-8"))
        self.references: Mapping[str, str] = told["references"]
        self.count = {"Figure": 0, "Table": 0}

    def figure(self, picture: Picture, caption: str) -> None:
        """Display a picture with its number and caption; without script, for printing."""
        self._display("Figure", image(picture), caption, {"image/svg+xml": to_svg(picture)})

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
        """Display a table with its number and caption."""
        head = "".join(f'<th scope="col">{escape(one)}</th>' for one in columns)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        self._display("Table", html, caption, {})

    def _display(self, kind: str, html: str, caption: str, more: Mapping[str, str]) -> None:
        self.count[kind] += 1
        number = f"{kind} {self.count[kind]}"
        figure = (
            f'<figure id="{kind.lower()}-{self.count[kind]}">{html}<figcaption>'
            f"<b>{number}.</b> {escape(caption)}</figcaption></figure>"
        )
        output({"text/html": figure, "text/plain": f"{number}. {caption}", **more})

    def bibliography(self) -> None:
        """Display all references, in the order of their keys' names."""
        items = "".join(
            f'<li id="ref-{escape(key)}">{escape(text)}</li>'
            for key, text in self.references.items()
        )
        plain = "\n".join(self.references.values())
        output({"text/html": f'<ol class="references">{items}</ol>', "text/plain": plain})
