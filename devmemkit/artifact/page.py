"""What notebooks display: computed sentences and their evidence; the paper's numbered figures."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import image
from devmemkit.figures.svg import to_svg
from devmemkit.figures.text import output
from devmemkit.scenarios.machines import data_dir

if TYPE_CHECKING:
    from devmemkit.explore.check import Result
    from devmemkit.lab.recordings.recording import Recording


def expect(name: str, given: object, allowed: Collection[object]) -> None:
    """ValueError unless `given` is one of the allowed values of the parameter `name`."""
    if given not in allowed:
        known = ", ".join(map(str, allowed))
        raise ValueError(f"{name}: expected one of {known}; got {given!r}")


def number(name: str, given: object, low: float, high: float) -> None:
    """ValueError unless `given`, the value of parameter `name`, is from `low` to `high`."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not (is_number and low <= given <= high):  # type: ignore[operator]
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {given!r}")


def tell(line: str, mark: str = "") -> None:
    """Display a computed sentence, set as text."""
    output({"text/markdown": f"{mark}{line}{mark}", "text/plain": line})


def evidence(
    *,
    explored: Iterable[Result] = (),
    recorded: Iterable[Recording] = (),
    live: Iterable[Recording] = (),
    model: bool = False,
) -> None:
    """Display a line on what the figure or table above rests on."""
    kinds = [f"live (Linux {one.version}, {one.scenario})" for one in live]
    if old := list(recorded):
        names = ", ".join(dict.fromkeys(one.label for one in old))
        kinds.append(f"recorded (Linux {names}; {days(old)})")
    if results := list(explored):
        states = sum(result.states for result in results)
        bounds = sorted({result.bound for result in results if result.bound})
        how = f"up to a bound of {', '.join(bounds)}" if bounds else "complete"
        searches = "1 search" if len(results) == 1 else f"{len(results)} searches"
        kinds.append(f"explored ({searches}, {states:,} states, {how})")
    tell(f"Evidence: {', '.join(kinds + ['model'] * model)}.", "*")


def days(found: Iterable[Recording]) -> str:
    """The day, or the first and the last, on which recordings were taken."""
    taken = sorted(one.about["taken"] for one in found)
    return " to ".join(dict.fromkeys((taken[0], taken[-1])))


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
