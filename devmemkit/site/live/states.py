"""States of an explorer, computed beforehand, through which a page steps without Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

from devmemkit.site.live.catalogue import EXPLORERS
from devmemkit.site.live.explorers import MADE, change, explorer
from devmemkit.widgets import standin as w


def states(name: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An explorer with its states for each of the catalogue's walks; `given` as for `explorer`.

    `nodes` are the states: the summary, then for each of `leaves` (numbers of widgets) its place in
    `pool`, which has the states of single widgets; the first is the opening one. A group has the
    controls of a walk by their numbers, their fields, the values of each, and the `nodes` of all
    combinations, the last control's values varying fastest. `clicks` has by node where the buttons
    lead.
    """
    return _Walker(name, given).found()


class _Walker:
    """Visits the states of one explorer, and numbers what it sees."""

    def __init__(self, name: str, given: Mapping[str, Any] | None) -> None:
        self.name, self.given = name, given
        self.pool: dict[str, int] = {}
        self.nodes: dict[tuple[Any, ...], int] = {}
        self.clicks: dict[int, dict[int, int]] = {}
        self.opened = self._open()

    def _open(self) -> dict[str, Any]:
        return explorer(self.name, self.given)

    def _here(self) -> int:
        """The number of the state that the explorer is in."""
        made = MADE[self.name]
        seen = [
            self.pool.setdefault(json.dumps(one.get_state()), len(self.pool))
            for one in made.widgets
            if not isinstance(one, w.Box)
        ]
        return self.nodes.setdefault((made.explorer.summary(), *seen), len(self.nodes))

    def found(self) -> dict[str, Any]:
        """The states of all walks."""
        self._here()
        walks = [self._walk(labels) for labels in EXPLORERS[self.name].walks]
        known = len(self.nodes)
        for group in walks:
            self._click(group)
        widgets = MADE[self.name].widgets
        return {
            "tree": self.opened["tree"],
            "leaves": [at for at, one in enumerate(widgets) if not isinstance(one, w.Box)],
            "pool": [json.loads(one) for one in self.pool],
            "nodes": [list(one) for one in self.nodes][:known],
            "groups": walks,
            "clicks": [
                {at: to for at, to in self.clicks.get(node, {}).items() if to < known}
                for node in range(known)
            ],
        }

    def _walk(self, labels: tuple[str, ...]) -> dict[str, Any]:
        self._open()
        controls = [_labelled(MADE[self.name].widgets, label) for label in labels]
        widgets = [MADE[self.name].widgets[at] for at in controls]
        values = [_values(one) for one in widgets]
        fields = [field(one) for one in widgets]
        nodes = []
        for chosen in product(*values):
            self._choose(controls, chosen)
            nodes.append(self._here())
        if 0 not in nodes:
            raise RuntimeError(f"{self.name}: {labels} do not lead back to where it opens")
        return {"controls": controls, "fields": fields, "values": values, "nodes": nodes}

    def _choose(self, controls: list[int], chosen: tuple[Any, ...]) -> None:
        widgets: Any = MADE[self.name].widgets
        for at, value in zip(controls, chosen, strict=True):
            if getattr(widgets[at], field(widgets[at])) != value:
                change(self.name, at, field(widgets[at]), value)

    def _click(self, group: Mapping[str, Any]) -> None:
        """Click each button in each state of a group."""
        widgets = MADE[self.name].widgets
        buttons = [at for at, one in enumerate(widgets) if isinstance(one, w.Button)]
        self._open()
        for chosen, node in zip(product(*group["values"]), group["nodes"], strict=True):
            if node in self.clicks:
                continue
            for at in buttons:
                self._choose(group["controls"], chosen)
                if self._here() != node:  # the last click changed other controls
                    self._open()
                    self._choose(group["controls"], chosen)
                change(self.name, at, "click", None)
                self.clicks.setdefault(node, {})[at] = self._here()


def _labelled(widgets: Any, label: str) -> int:
    return next(at for at, one in enumerate(widgets) if getattr(one, "description", None) == label)


def field(widget: Any) -> str:
    """The field of a control that a visitor sets."""
    return "index" if isinstance(widget, w.Selection) else "value"


def _values(control: Any) -> list[Any]:
    """The values of a control, that with which it opens among them."""
    if isinstance(control, w.Selection):
        return [*range(len(control.options))]
    if isinstance(control, w.IntSlider):
        return [*range(control.min, control.max + 1)]
    steps = round((control.max - control.min) / control.step)
    powers = [10 ** (control.min + step * control.step) for step in range(steps + 1)]
    now = control.value
    return [now if abs(one - now) < 1e-9 * now else one for one in powers]
