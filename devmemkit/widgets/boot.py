"""The boot explorer: give an initcall another level, and see which races that opens."""

from __future__ import annotations

from devmemkit.explore.check import Result, explore_each
from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.figures.text import answers
from devmemkit.model.boot import INITCALLS, LEVELS
from devmemkit.scenarios.races.initcall_order import Boot
from devmemkit.scenarios.races.scenario import Concurrent
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown, kernels

ROOM = 20
"""Rows for steps: enough for most schedules, so that the page keeps its place."""
FILES = {AS_RELEASED: None, "static": True, "dynamic": False}
MAPPING = {AS_RELEASED: None, "at open": True, "at creation": False}
NOTHING = "–"


class BootExplorer(Explorer):
    """Searches every order of a boot anew for each choice.

    `results` has each scenario and what was found, by the scenario's name and the question.
    """

    def __init__(self, kernel: str) -> None:
        self.kernel = kernels(kernel)
        self.files = dropdown("files", FILES, AS_RELEASED)
        self.mapping = dropdown("mapping", MAPPING, AS_RELEASED)
        self.levels = {
            name: w.SelectionSlider(
                description=name,
                options=LEVELS,
                value=level,
                style={"description_width": "9rem"},
                layout=w.Layout(width="24rem"),
            )
            for name, level in INITCALLS.items()
        }
        self.back = w.Button(description="as in Linux", layout=w.Layout(width="10rem"))
        self.back.on_click(lambda _: self._reset())
        self.shown = w.Dropdown(
            description="show", options=[NOTHING], style=WIDE, layout=w.Layout(width="auto")
        )
        choices = (self.kernel, self.files, self.mapping)
        super().__init__(choices, (*self.levels.values(), self.back))
        self.shown.observe(self.redraw, "value")

    def arranged(self, rows: list[w.Widget]) -> list[w.Widget]:
        chart, steps = self.panes
        return [*rows, chart, self.status, self.shown, steps]

    @property
    def boot(self) -> Boot:
        """The boot that is shown."""
        levels = {name: slider.value for name, slider in self.levels.items()}
        moved = {name: level for name, level in levels.items() if level != INITCALLS[name]}
        files, mapping = FILES[self.files.value], MAPPING[self.mapping.value]
        return Boot(self.kernel.value, moved, files, mapping)

    def update(self, control: w.Widget | None) -> None:
        self.results: dict[str, tuple[Concurrent, Result]] = {
            f"{scenario.name}: {name}": (scenario, result)
            for scenario in self.boot.scenarios()
            for name, result in explore_each(scenario).items()
        }
        found = [question for question, (_, one) in self.results.items() if one.counterexample]
        if (options := tuple(found or [NOTHING])) != self.shown.options:
            self.shown.options = options

    def _reset(self) -> None:
        for name, slider in self.levels.items():
            slider.value = INITCALLS[name]
        self.files.value = self.mapping.value = AS_RELEASED

    def pictures(self) -> tuple[Picture, Picture]:
        first = next(iter(self.results.values()))
        scenario, result = self.results.get(self.shown.value, first)
        steps = lanes(tuple(scenario.programs), result.counterexample, room=ROOM)
        return boot_order(self.boot.order), steps

    def _verdict(self, one: Result) -> str:
        if one.counterexample:
            return f"violated after {len(one.counterexample.steps)} steps"
        return one.words

    def sentence(self) -> str:
        found = self.results.items()
        rows = answers((question, self._verdict(one)) for question, (_, one) in found)
        return f"<table>{rows}</table>"

    def summary(self) -> str:
        order = " ".join(f"{name}@{level}" for name, level in self.boot.order)
        broken = sum(one.verdict == "found" for _, one in self.results.values())
        return f"{self.boot.profile}, {order}: {broken} of {len(self.results)} violated"
