"""The driver-takeover explorer: choose kernel, policy and claim; step through the story."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import ipywidgets as w

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import Picture
from devmemkit.figures.timeline import timeline
from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import VERSIONS
from devmemkit.model.machine import Machine
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.story import Moment
from devmemkit.scenarios.takeover import AS_RELEASED, Takeover
from devmemkit.scenarios.words import phrase
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown, stepper
from devmemkit.widgets.pane import BokehPane

HALF_PAGE = 0x800


class TakeoverExplorer(Explorer):
    """Shows one Takeover at one moment; `takeover` and `now` are what it shows."""

    def __init__(self, takeover: Takeover) -> None:
        self.takeover = takeover
        self.kernel = dropdown("kernel", list(VERSIONS), takeover.kernel)
        self.policy = dropdown("policy", [AS_RELEASED, *POLICIES], takeover.policy)
        mapped = takeover.pages << PAGE_SHIFT
        edges = [(f"+{edge:#x}", edge) for edge in range(0, mapped + 1, HALF_PAGE)]
        self.claim = w.SelectionRangeSlider(
            description="claim", options=edges, index=self._edges(mapped), style=WIDE,
            layout=w.Layout(flex="1 1 320px"),
        )  # fmt: skip
        self.step, row = stepper()
        self.step.max = len(takeover.played.moments) - 1
        self.step.value = self._moment_of("claim")
        self.status = w.HTML()
        self.map, self.timeline = map(BokehPane, self.pictures())
        self.status.value = self._sentence()
        for control in (self.kernel, self.policy, self.claim):
            control.observe(self._choose, "value")
        self.step.observe(self._draw, "value")
        choices = w.HBox(
            [self.kernel, self.policy, self.claim], layout=w.Layout(flex_flow="row wrap")
        )
        super().__init__(
            [choices, row, self.status, self.map, self.timeline],
            summary=self.summary,
            pictures=self.pictures,
        )

    def _edges(self, mapped: int) -> tuple[int, int]:
        first = self.takeover.claim_offset
        last = min(first + self.takeover.claim_size, mapped)
        return first // HALF_PAGE, max(last // HALF_PAGE, first // HALF_PAGE + 1)

    @property
    def now(self) -> int:
        """Index of the moment shown."""
        return int(self.step.value)

    @property
    def moment(self) -> Moment:
        return self.takeover.played.moments[self.now]

    @property
    def machine(self) -> Machine:
        """The model's state at the moment shown."""
        return self.moment.machine

    def summary(self) -> str:
        t = self.takeover
        return (
            f"{t.profile}, claim +{t.claim_offset:#x}..+{t.claim_offset + t.claim_size - 1:#x}, "
            f"step {self.now} of {len(t.played.moments) - 1}"
        )

    def _moment_of(self, key: str) -> int:
        """The last moment of an act, or of the whole story where it was not played."""
        played = self.takeover.played
        return (played.moments_of(key) or [len(played.moments) - 1])[-1]

    def _choose(self, change: Any) -> None:
        act = self.takeover.played.acts[self.moment.act].key
        if change.owner is self.claim:
            low, high = self.claim.value
            if low == high:  # a claim has at least one byte
                last = self.claim.options[-1][1]
                self.claim.value = (low, low + HALF_PAGE) if low < last else (low - HALF_PAGE, low)
                return
            changes = {"claim_offset": low, "claim_size": high - low}
        else:
            changes = {"kernel": self.kernel.value, "policy": self.policy.value}
        self.takeover = replace(self.takeover, **changes)
        with self.step.hold_trait_notifications():
            self.step.max = len(self.takeover.played.moments) - 1
            self.step.value = self._moment_of(act)
        self._draw(None)

    def pictures(self) -> tuple[Picture, Picture]:
        story = self.takeover
        return (
            address_map(self.machine, story.node, story.pages),
            timeline(story.played, self.now),
        )

    def _draw(self, _: Any) -> None:
        for pane, picture in zip((self.map, self.timeline), self.pictures(), strict=True):
            pane.draw(picture)
        self.status.value = self._sentence()

    def _sentence(self) -> str:
        act = self.takeover.played.acts[self.moment.act]
        outcome: Outcome | None = self.moment.event.outcome
        end = f" → <b>{html.escape(phrase(act, outcome))}</b>" if outcome else ""
        return (
            f"{html.escape(self.moment.event.actor)} {html.escape(act.says or 'waits')}, "
            f"step <code>{html.escape(self.moment.event.step)}</code>{end}"
        )
