"""Sentences that every notebook uses: computed text, its evidence, errors about parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from devmemkit.figures.text import output

if TYPE_CHECKING:
    from devmemkit.explore.check import Result
    from devmemkit.lab.recordings.recording import Recording


def expect(name: str, given: object, allowed: Sequence[object]) -> None:
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
        names = ", ".join(dict.fromkeys(one.version for one in old))
        kinds.append(f"recorded (Linux {names}; {days(old)})")
    if results := list(explored):
        states = sum(result.states for result in results)
        bounds = sorted({result.bound for result in results if result.bound})
        how = f"up to a bound of {', '.join(bounds)}" if bounds else "complete"
        kinds.append(f"explored ({len(results)} searches, {states:,} states, {how})")
    tell(f"Evidence: {', '.join(kinds + ['model'] * model)}.", "*")


def days(found: Iterable[Recording]) -> str:
    """The day, or the first and the last, on which recordings were taken."""
    taken = sorted(one.about["taken"] for one in found)
    return " to ".join(dict.fromkeys((taken[0], taken[-1])))
