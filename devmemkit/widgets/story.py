"""The explorers of stories: a step slider over the moments, address map and timeline."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import size_of
from devmemkit.figures.timeline import timeline
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import Moment
from devmemkit.scenarios.stories.bar_story import VIAS, BarStory, memory_bars
from devmemkit.scenarios.stories.parameters import ParameterStory
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.scenarios.words import format_outcome
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import WIDE, StepExplorer, dropdown, kernels, policies

HALF_PAGE = PAGE_SIZE // 2
CLAIMS = {
    "all of it": (0, 0),
    "its first page": (0, PAGE_SIZE),
    "its second page": (PAGE_SIZE, PAGE_SIZE),
    "a page's worth at +0x800": (0x800, PAGE_SIZE),
    "its first 16 bytes": (0, 16),
}
"""Offset and size of the driver's claim; where a BAR is too small for it, the whole BAR."""


class StoryExplorer(StepExplorer):
    """Shows one `story` at one moment, with index `now`; it opens at the claim.

    After a choice in one of its `controls`, `chosen` makes the next story.
    """

    def __init__(self, story: ParameterStory, *controls: w.Widget) -> None:
        self.story: Any = story
        super().__init__(controls)

    def chosen(self, control: w.Widget) -> ParameterStory:
        """The story of the choices after one in `control`."""
        raise NotImplementedError  # each explorer has its own; ipywidgets allow no ABC

    def update(self, control: w.Widget | None) -> None:
        act = "claim"
        if control:
            act = self.story.played.acts[self.moment.act].key
            self.story = self.chosen(control)
        played = self.story.played
        self.last = len(played.moments) - 1
        known = any(one.key == act for one in played.acts)
        self.now = ((played.moments_of(act) if known else []) or [self.last])[-1]

    @property
    def moment(self) -> Moment:
        """The moment shown."""
        moment: Moment = self.story.played.moments[self.now]
        return moment

    @property
    def machine(self) -> Machine:
        """The model's state at the moment shown."""
        return self.moment.machine

    def summary(self) -> str:
        first, last = (byte - self.story.node.start for byte in self.story.claim)
        return (
            f"{self.story.profile}, claim +{first:#x}..+{last:#x}, step {self.now} of {self.last}"
        )

    def pictures(self) -> tuple[Picture, Picture]:
        story = self.story
        return (
            address_map(self.machine, story.node, story.pages, columns=7),
            timeline(story.played, self.now),
        )

    def sentence(self) -> str:
        act, event = self.story.played.acts[self.moment.act], self.moment.event
        outcome = event.outcome
        end = f" → <b>{html.escape(format_outcome(act, outcome))}</b>" if outcome else ""
        return (
            f"{html.escape(event.actor)} {html.escape(act.says or 'waits')}, "
            f"step <code>{html.escape(event.step)}</code>{end}"
        )


class TakeoverExplorer(StoryExplorer):
    """Shows one Takeover at one moment."""

    def __init__(self, takeover: Takeover) -> None:
        self.kernel, self.policy = kernels(takeover.kernel), policies(takeover.policy)
        mapped = takeover.pages << PAGE_SHIFT
        edges = [(f"+{edge:#x}", edge) for edge in range(0, mapped + 1, HALF_PAGE)]
        first = takeover.claim_offset
        last = min(first + takeover.claim_size, mapped)
        marked = first // HALF_PAGE, max(last // HALF_PAGE, first // HALF_PAGE + 1)
        self.claim = w.SelectionRangeSlider(
            description="claim",
            options=edges,
            index=marked,
            style=WIDE,
            layout=w.Layout(flex="1 1 320px"),
        )
        super().__init__(takeover, self.kernel, self.policy, self.claim)

    def chosen(self, control: w.Widget) -> Takeover:
        story: Takeover = self.story
        if control is not self.claim:
            return story.on(self.kernel.value, self.policy.value)
        low, high = self.claim.value
        if low == high:  # a claim has at least one byte
            low = min(low, self.claim.options[-2][1])
            high = low + HALF_PAGE
            self.claim.value = (low, high)
        return replace(story, claim_offset=low, claim_size=high - low)


class BarExplorer(StoryExplorer):
    """Shows one BarStory at one moment."""

    def __init__(self, story: BarStory) -> None:
        self.bars = {
            f"{printable(bdf)} BAR {bar.index}, {size_of(bar.length)}": (bdf, bar.index)
            for bdf, bars in memory_bars(story.before).items()
            for bar in bars
        }
        here = next(n for n, where in self.bars.items() if where == (story.device, story.bar))
        self.kernel, self.policy = kernels(story.kernel), policies(story.policy)
        self.bar = dropdown("BAR", self.bars, here)
        self.via = dropdown("mapped via", VIAS, story.via)
        asked = (story.claim_offset, story.claim_size)
        self._places = CLAIMS | ({} if asked in CLAIMS.values() else {"as asked": asked})
        claim = next(name for name, place in self._places.items() if place == asked)
        self.claim = dropdown("claim", self._places, claim)
        self._note = ""
        super().__init__(story, self.kernel, self.policy, self.bar, self.via, self.claim)

    def sentence(self) -> str:
        return self._note + super().sentence()

    def chosen(self, control: w.Widget) -> BarStory:
        device, bar = self.bars[self.bar.value]
        offset, size = self._places[self.claim.value]
        whole: BarStory = self.story.on(
            self.kernel.value,
            policy=self.policy.value,
            device=device,
            bar=bar,
            via=self.via.value,
            claim_offset=0,
            claim_size=0,
        )
        fits = offset + max(size, 1) <= whole.range.length
        self._note = "" if fits else "The BAR is too small for that: all of it is claimed. "
        return whole.on(whole.kernel, claim_offset=offset, claim_size=size) if fits else whole
