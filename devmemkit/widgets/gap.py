"""The gap explorer: how long a driver takes, who writes meanwhile, and what stops them."""

from __future__ import annotations

import html

from devmemkit.figures.exposure import exposure
from devmemkit.figures.marks import Picture
from devmemkit.scenarios.stories.defences import ATTEMPTS, DEFENCES, ended
from devmemkit.scenarios.stories.exposure import Exposure, Share, simulate
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown, kernels

DELAYS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


def _slider(label: str, value: float, low: int, high: int, digits: int) -> w.FloatLogSlider:
    """Make a slider from 10^low to 10^high."""
    return w.FloatLogSlider(
        description=label,
        value=value,
        min=low,
        max=high,
        step=0.1,
        style=WIDE,
        readout_format=f".{digits}g",
    )


class GapExplorer(Explorer):
    """Simulates the gap for each choice; `series` is drawn, with `now` marked.

    `ended` is how one attempt to write ends in the model.
    """

    def __init__(
        self, kernel: str, rate: float = 0.01, trials: int = 1000, seed: int = 2020
    ) -> None:
        self.trials, self.seed = trials, seed
        self.kernel = kernels(kernel)
        self.defence = dropdown("defence", DEFENCES, next(iter(DEFENCES)))
        self.way = dropdown("a process", ATTEMPTS, next(iter(ATTEMPTS)))
        self.delay = _slider("delay, s", 10, -1, 3, 3)
        self.rate = _slider("writes a s", rate, -4, 1, 2)
        self.writers = w.IntSlider(description="processes", value=2, min=0, max=20, style=WIDE)
        choices = (self.kernel, self.defence, self.way)
        super().__init__(choices, (self.delay, self.writers, self.rate))

    def update(self, control: w.Widget | None) -> None:
        self.ended = ended(self.kernel.value, self.defence.value, self.way.value)

        def point(delay: float, writers: int) -> tuple[Exposure, Share]:
            made = Exposure(delay, writers * (self.ended == "written"), self.rate.value)
            return made, simulate(made, self.trials, self.seed)

        counts = sorted({1, 10, self.writers.value})
        self.series = {
            f"{count} process{'es' * (count != 1)}": [point(delay, count) for delay in DELAYS]
            for count in counts
        }
        self.now = point(self.delay.value, self.writers.value)

    def pictures(self) -> tuple[Picture]:
        return (exposure(self.series, self.now),)

    def sentence(self) -> str:
        share = self.now[1]
        return (
            f"One attempt: <b>{html.escape(self.ended)}</b> (model). Written to before the "
            f"driver came: <b>{100 * share.value:.1f} %</b> of {share.trials} trials, 95 %: "
            f"{100 * share.low:.1f} to {100 * share.high:.1f} % (simulated; the rates are assumed)."
        )

    def summary(self) -> str:
        share = self.now[1]
        return (
            f"Linux {self.kernel.value}, {self.defence.value}, {self.way.value}: "
            f"{share.hits} of {share.trials} trials"
        )
