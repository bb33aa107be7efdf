"""The explorers of the notebooks, as the page's scripts see them: trees of numbered widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

from devmemkit.explain.machines import described, known_machines
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.site.live.catalogue import EXPLORERS
from devmemkit.widgets import standin as w
from devmemkit.widgets.boot import BootExplorer
from devmemkit.widgets.explorer import Explorer
from devmemkit.widgets.gap import GapExplorer
from devmemkit.widgets.machine import MachineExplorer
from devmemkit.widgets.orders import OrderExplorer
from devmemkit.widgets.overview import OverviewExplorer
from devmemkit.widgets.story import BarExplorer, TakeoverExplorer


class Made(NamedTuple):
    """An explorer, and its widgets: the place of each is its number in the page."""

    explorer: Explorer
    widgets: Sequence[w.Widget]


MADE: dict[str, Made] = {}
"""The explorers that the page shows."""


def _of(kind: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """One of the kind, made of those that are given of its arguments."""
    return kind(**{name: given[name] for name in signature(kind).parameters if name in given})


def _gap(given: Mapping[str, Any]) -> Any:
    trials = min(given.get("trials", 1000), 1000)  # an answer must not take longer
    return _of(GapExplorer, {**given, "trials": trials})


def _machines(given: Mapping[str, Any]) -> Any:
    name = given["machine"]
    others = {other: one for other, one in known_machines().items() if other != name}
    machines = {name: described(name, given.get("kernel", "")), **others}
    return _of(MachineExplorer, {**given, "machines": machines})


MAKERS: dict[str, Callable[[Mapping[str, Any]], Explorer]] = {
    "overview": lambda given: _of(OverviewExplorer, given),
    "takeover": lambda given: TakeoverExplorer(_of(Takeover, given)),
    "bars": lambda given: BarExplorer(_of(BarStory, given)),
    "boot": lambda given: _of(BootExplorer, given),
    "gap": _gap,
    "orders": lambda given: _of(OrderExplorer, given),
    "machine": _machines,
}


def explorer(
    name: str, given: Mapping[str, Any] | None = None, path: Sequence[Sequence[Any]] = ()
) -> dict[str, Any]:
    """Make an explorer; its tree of widgets and its summary.

    `given` are parameters of its notebook, in place of those of the catalogue; `path` are changes
    that a visitor made before, each the number, the field and the value of `change`.
    """
    made = MAKERS[name]({**EXPLORERS[name].given, **(given or {})})
    MADE[name] = Made(made, [*_below(made)])
    for step in path:
        change(name, *step)
    w.CHANGED.clear()
    number = {id(one): at for at, one in enumerate(MADE[name].widgets)}
    return {"tree": _tree(made, number), "summary": made.summary()}


def _below(widget: w.Widget) -> Iterator[w.Widget]:
    yield widget
    if isinstance(widget, w.Box):
        for child in widget.children:
            yield from _below(child)


def _tree(widget: w.Widget, number: Mapping[int, int]) -> dict[str, Any]:
    # the stand-in's class: that of an explorer is of the notebooks
    kinds = (one.__name__ for one in type(widget).__mro__ if one.__module__.startswith(w.__name__))
    found = {"number": number[id(widget)], "kind": next(kinds)}
    if isinstance(widget, w.Box):
        return found | {"children": [_tree(one, number) for one in widget.children]}
    return found | {"state": widget.get_state()}


def change(name: str, number: int, field: str, value: Any) -> dict[str, Any]:
    """Do what a visitor did to a widget: "click" a button, or set another field."""
    made = MADE[name]
    widget: Any = made.widgets[number]
    if field == "click":
        widget.click()
    elif isinstance(widget, w.FileUpload):
        widget.value = [{"name": one["name"], "content": one["text"].encode()} for one in value]
    else:
        setattr(widget, field, value)
    changed = {at: one for at, one in enumerate(made.widgets) if one.number in w.CHANGED}
    w.CHANGED.clear()
    changes = {at: one.get_state() for at, one in changed.items()}
    return {"changes": changes, "summary": made.explorer.summary()}
