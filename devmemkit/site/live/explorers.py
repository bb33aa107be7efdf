"""The explorers of the notebooks, as the page's scripts see them: trees of numbered widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from devmemkit.explain.machines import known_machines
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

MADE: dict[str, Explorer] = {}
"""The explorers that the page shows."""


def _machines() -> Explorer:
    given = EXPLORERS["machine"].given
    known = known_machines()
    first = known.pop(given["machine"])
    at = given["address"], given["via"], given["op"]
    return MachineExplorer({given["machine"]: first, **known}, *at)


MAKERS: dict[str, Callable[[], Explorer]] = {
    "overview": lambda: OverviewExplorer(**EXPLORERS["overview"].given),
    "takeover": lambda: TakeoverExplorer(Takeover(**EXPLORERS["takeover"].given)),
    "bars": lambda: BarExplorer(BarStory(**EXPLORERS["bars"].given)),
    "boot": lambda: BootExplorer(**EXPLORERS["boot"].given),
    "gap": lambda: GapExplorer(**EXPLORERS["gap"].given),
    "orders": lambda: OrderExplorer(**EXPLORERS["orders"].given),
    "machine": _machines,
}


def explorer(name: str) -> dict[str, Any]:
    """Make an explorer, or find the one made before; its tree of widgets and its summary."""
    if name not in MADE:
        MADE[name] = MAKERS[name]()
    w.CHANGED.clear()
    return {"tree": _tree(MADE[name]), "summary": MADE[name].summary()}


def _tree(widget: Any) -> dict[str, Any]:
    found = {"number": widget.number, "kind": kind_of(widget)}
    if isinstance(widget, w.Box):
        return found | {"children": [_tree(one) for one in widget.children]}
    return found | {"state": widget.get_state()}


def kind_of(widget: Any) -> str:
    """The name of the stand-in's class that a widget is of."""
    return next(one.__name__ for one in type(widget).__mro__ if one.__module__ == w.__name__)


def change(name: str, number: int, field: str, value: Any) -> dict[str, Any]:
    """Do what a visitor did to a widget: "click" a button, or set another field."""
    widget: Any = w.WIDGETS[number]
    if field == "click":
        widget.click()
    elif isinstance(widget, w.FileUpload):
        widget.value = [{"name": one["name"], "content": one["text"].encode()} for one in value]
    else:
        setattr(widget, field, value)
    changes = dict(_changes())
    return {"changes": changes, "summary": MADE[name].summary()}


def _changes() -> Iterator[tuple[int, dict[str, Any]]]:
    for number, widget in w.CHANGED.items():
        yield number, widget.get_state()
    w.CHANGED.clear()
