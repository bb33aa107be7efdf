"""Shrinking a sequence that shows a difference: fewer acts, smaller numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from devmemkit.lab.fuzz.places import WINDOW_PAGES
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import Act, Ref, without

Acts = tuple[Act, ...]
Judge = Callable[[Acts], bool]

PLACES = ("offset", "start")
"""Arguments that name a place: they stay in their window, where stores are harmless."""


def shrink(acts: Acts, shows: Judge) -> Acts:
    """A smaller sequence that still `shows` the difference; no single act can be left out of it.

    ValueError when `acts` themselves do not show it.
    """
    if not shows(acts):
        raise ValueError(f"acts: expected {len(acts)} that show it, got some that do not")
    before: Acts = ()
    while acts != before:
        before = acts
        acts = _fewer(acts, shows)
        acts = _smaller(acts, shows)
    return acts


def _fewer(acts: Acts, shows: Judge) -> Acts:
    size = max(1, len(acts) // 2)
    while size:
        at = len(acts)
        while at > 0:
            keys = {act.key for act in acts[max(0, at - size) : at]}
            fewer = without(acts, keys)
            if fewer and shows(fewer):
                acts = fewer
            at = min(at - size, len(acts))
        size //= 2
    return acts


def _smaller(acts: Acts, shows: Judge) -> Acts:
    for at in range(len(acts)):
        for name in acts[at].arguments:
            for value in _candidates(acts[at], name):
                act = replace(acts[at], arguments={**acts[at].arguments, name: value})
                simpler = (*acts[:at], act, *acts[at + 1 :])
                if shows(simpler):
                    acts = simpler
                    break
    return acts


def _candidates(act: Act, name: str) -> Iterator[Any]:
    """Simpler values of an argument, the simplest first."""
    numbers: tuple[int, ...] = (1, 8, 16, PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE)
    match act.arguments[name]:
        case _ if name in ("bar", "to", "fd"):
            pass
        case Ref(key, plus):
            yield from (Ref(key, less) for less in (0, plus & -PAGE_SIZE) if less < plus)
        case bytes(data):
            yield from (data[:size] for size in (1, 8) if size < len(data))
        case int(value) if not isinstance(value, bool):
            if name in PLACES:
                numbers = (value & -WINDOW_PAGES * PAGE_SIZE, value & -PAGE_SIZE)
            elif name == "size" and act.operation in ("load", "store"):
                numbers = (1,)
            yield from (less for less in numbers if less < value)
