"""The gap explorer: how long a driver takes, who writes meanwhile, and what stops them."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w

from devmemkit.figures.exposure import exposure
from devmemkit.figures.marks import Picture
from devmemkit.model.kernel import VERSIONS
from devmemkit.scenarios.stories.defences import ATTEMPTS, DEFENCES, ended
from devmemkit.scenarios.stories.exposure import Exposure, Share, simulate
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown
from devmemkit.widgets.pane import BokehPane

DELAYS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class GapExplorer(Explorer):
    """Simulates the gap for each choice; `now` is what is marked, `series` what is drawn."""

    def __init__(
        self, kernel: str, rate: float = 0.01, trials: int = 1000, seed: int = 2020
    ) -> None:
        self.trials, self.seed = trials, seed
        self.kernel = dropdown("kernel", list(VERSIONS), kernel)
        self.defence = dropdown("defence", list(DEFENCES), next(iter(DEFENCES)))
        self.way = dropdown("a process", list(ATTEMPTS), next(iter(ATTEMPTS)))
        self.delay = w.FloatLogSlider(
            description="delay, s",
            value=10,
            min=-1,
            max=3,
            step=0.1,
            style=WIDE,
            readout_format=".3g",
        )
        self.rate = w.FloatLogSlider(
            description="writes a s", value=rate, min=-4, max=1, step=0.1, style=WIDE,
            readout_format=".2g",
        )  # fmt: skip
        self.writers = w.IntSlider(description="processes", value=2, min=0, max=20, style=WIDE)
        self.status = w.HTML()
        self._simulate()
        self.chart = BokehPane(self.pictures()[0])
        choices = (self.kernel, self.defence, self.way)
        sliders = (self.delay, self.writers, self.rate)
        for control in (*choices, *sliders):
            control.observe(self._choose, "value")
        wrap = w.Layout(flex_flow="row wrap")
        super().__init__(
            [
                w.HBox(list(choices), layout=wrap),
                w.HBox(list(sliders), layout=wrap),
                self.status,
                self.chart,
            ],
            summary=self.summary,
            pictures=self.pictures,
        )

    @property
    def lands(self) -> bool:
        """Whether the model lets a process write at all, this way, under this defence."""
        return ended(self.kernel.value, self.defence.value, self.way.value) == "written"

    def _simulate(self) -> None:
        def point(delay: float, writers: int) -> tuple[Exposure, Share]:
            made = Exposure(delay, writers if self.lands else 0, self.rate.value)
            return made, simulate(made, self.trials, self.seed)

        counts = sorted({1, 10, self.writers.value})
        self.series = {
            f"{count} process{'es' * (count != 1)}": [point(delay, count) for delay in DELAYS]
            for count in counts
        }
        self.now = point(self.delay.value, self.writers.value)
        self.status.value = self._sentence()

    def _choose(self, _: Any) -> None:
        self._simulate()
        self.chart.draw(self.pictures()[0])

    def pictures(self) -> tuple[Picture]:
        return (exposure(self.series, self.now),)

    def _sentence(self) -> str:
        said = ended(self.kernel.value, self.defence.value, self.way.value)
        share = self.now[1]
        return (
            f"One attempt: <b>{html.escape(said)}</b> (model). Written to before the driver came: "
            f"<b>{100 * share.value:.1f} %</b> of {share.trials} trials, 95 %: "
            f"{100 * share.low:.1f} to {100 * share.high:.1f} % (simulated; the rates are assumed)."
        )

    def summary(self) -> str:
        share = self.now[1]
        return (
            f"Linux {self.kernel.value}, {self.defence.value}, {self.way.value}: "
            f"{share.hits} of {share.trials} trials"
        )
