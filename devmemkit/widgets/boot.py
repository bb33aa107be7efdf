"""The boot explorer: give an initcall another level, and see which races that opens."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w

from devmemkit.explore.check import Result, explore_each
from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.model.boot import INITCALLS, LEVELS
from devmemkit.model.kernel import VERSIONS
from devmemkit.scenarios.races.initcall_order import Boot
from devmemkit.scenarios.races.scenario import Concurrent
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown
from devmemkit.widgets.pane import BokehPane

RELEASED = "as released"
ROOM = 20
"""Rows for steps: as many as most findings have, so that the page stays where it is."""
FILES = {RELEASED: None, "static": True, "dynamic": False}
MAPPING = {RELEASED: None, "at open": True, "at creation": False}


class BootExplorer(Explorer):
    """Searches every order of a boot anew for each choice; `results` by scenario and question."""

    def __init__(self, kernel: str) -> None:
        self.kernel = dropdown("kernel", list(VERSIONS), kernel)
        self.files = dropdown("files", list(FILES), RELEASED)
        self.mapping = dropdown("mapping", list(MAPPING), RELEASED)
        self.levels = {
            name: w.SelectionSlider(
                description=name, options=LEVELS, value=level,
                style={"description_width": "9rem"}, layout=w.Layout(width="24rem"),
            )
            for name, level in INITCALLS.items()
        }  # fmt: skip
        self.back = w.Button(description="as in Linux", layout=w.Layout(width="10rem"))
        self.shown = w.Dropdown(
            description="show", options=[("–", -1)], style=WIDE, layout=w.Layout(width="auto")
        )
        self.status = w.HTML()
        self._search()
        self.chart, self.lanes = map(BokehPane, self.pictures())
        for control in (self.kernel, self.files, self.mapping, *self.levels.values()):
            control.observe(self._choose, "value")
        self.shown.observe(self._draw, "value")
        self.back.on_click(lambda _: self._reset())
        wrap = w.Layout(flex_flow="row wrap")
        super().__init__(
            [
                w.HBox([self.kernel, self.files, self.mapping], layout=wrap),
                w.HBox([*self.levels.values(), self.back], layout=wrap),
                self.chart,
                self.status,
                self.shown,
                self.lanes,
            ],
            summary=self.summary,
            pictures=self.pictures,
        )

    @property
    def boot(self) -> Boot:
        """The boot that is shown."""
        levels = {name: slider.value for name, slider in self.levels.items()}
        moved = {name: level for name, level in levels.items() if level != INITCALLS[name]}
        files, mapping = FILES[self.files.value], MAPPING[self.mapping.value]
        return Boot(self.kernel.value, moved, files, mapping)

    def _search(self) -> None:
        self.asked: list[tuple[Concurrent, str]] = []
        self.results: list[Result] = []
        for scenario in self.boot.scenarios():
            for name, result in explore_each(scenario).items():
                self.asked.append((scenario, name))
                self.results.append(result)
        found = [number for number, one in enumerate(self.results) if one.counterexample]
        options = [(self._question(number), number) for number in found] or [("–", -1)]
        if options != list(self.shown.options):
            self.shown.options = options
        self.status.value = self._table()

    def _question(self, number: int) -> str:
        scenario, name = self.asked[number]
        return f"{scenario.name}: {name}"

    def _reset(self) -> None:
        for name, slider in self.levels.items():
            slider.value = INITCALLS[name]
        self.files.value = self.mapping.value = RELEASED

    def _choose(self, _: Any) -> None:
        self._search()
        self._draw(None)

    def _draw(self, _: Any) -> None:
        for pane, picture in zip((self.chart, self.lanes), self.pictures(), strict=True):
            pane.draw(picture)

    def pictures(self) -> tuple[Picture, Picture]:
        number = self.shown.value
        example = self.results[number].counterexample if number >= 0 else None
        tasks = tuple(self.asked[max(number, 0)][0].programs)
        return boot_order(LEVELS, self.boot.order, INITCALLS), lanes(tasks, example, room=ROOM)

    def _verdict(self, number: int) -> str:
        one = self.results[number]
        if one.counterexample:
            return f"no, after {len(one.counterexample.steps)} steps"
        if one.vacuous:
            return f"nothing to see: never {one.vacuous[0]}"
        return f"yes, in all {one.states} states"

    def _table(self) -> str:
        rows = (
            f'<tr><td style="text-align:left">{html.escape(self._question(number))}</td>'
            f'<td style="text-align:left"><b>{html.escape(self._verdict(number))}</b></td></tr>'
            for number in range(len(self.results))
        )
        return f"<table>{''.join(rows)}</table>"

    def summary(self) -> str:
        order = " ".join(f"{name}@{level}" for name, level in self.boot.order)
        broken = sum(one.verdict == "found" for one in self.results)
        return f"Linux {self.boot.kernel}, {order}: {broken} of {len(self.results)} broken"
