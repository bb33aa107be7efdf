"""The BAR explorer: choose kernel, device and claim; step through the story."""

from __future__ import annotations

import ipywidgets as w

from devmemkit.figures.space_map import size_of
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.printable import printable
from devmemkit.scenarios.stories.bar_story import VIAS, BarStory, memory_bars
from devmemkit.widgets.explorer import dropdown, kernels, policies
from devmemkit.widgets.story import StoryExplorer

CLAIMS = {
    "all of it": (0, 0),
    "its first page": (0, PAGE_SIZE),
    "its second page": (PAGE_SIZE, PAGE_SIZE),
    "a page's worth at +0x800": (0x800, PAGE_SIZE),
    "its first 16 bytes": (0, 16),
}
"""Offset and size of the driver's claim; where a BAR is too small for it, the whole BAR."""


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
