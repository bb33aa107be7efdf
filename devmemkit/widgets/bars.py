"""The BAR explorer: choose kernel, device and claim; step through the story."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from devmemkit.figures.space_map import size_of
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.model.printable import printable
from devmemkit.scenarios.stories.bar_story import VIAS, BarStory, memory_bars
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets.explorer import WIDE, dropdown
from devmemkit.widgets.story import StoryExplorer

CLAIMS = {
    "all of it": (0, 0),
    "its first page": (0, PAGE_SIZE),
    "its second page": (PAGE_SIZE, PAGE_SIZE),
    "a page's worth at +0x800": (0x800, PAGE_SIZE),
    "its first 16 bytes": (0, 16),
}
"""Offset and size of what the driver claims; where a BAR is too small for it, all there is."""


class BarExplorer(StoryExplorer):
    """Shows one BarStory at one moment."""

    def __init__(self, story: BarStory) -> None:
        self.bars = {
            f"{printable(bdf)} BAR {bar.index}, {size_of(bar.length)}": (bdf, bar.index)
            for bdf, bars in memory_bars(story.before).items()
            for bar in bars
        }
        here = next(n for n, where in self.bars.items() if where == (story.device, story.bar))
        self.kernel = dropdown("kernel", list(VERSIONS), story.kernel)
        self.policy = dropdown("policy", [AS_RELEASED, *POLICIES], story.policy)
        self.bar = dropdown("BAR", list(self.bars), here)
        self.via = dropdown("mapped via", list(VIAS), story.via)
        asked = (story.claim_offset, story.claim_size)
        known = {place: name for name, place in CLAIMS.items()}
        options = [*CLAIMS, *(["as asked"] if asked not in known else [])]
        self._places = CLAIMS | {"as asked": asked}
        self.claim = w.Dropdown(
            description="claim", options=options, value=known.get(asked, "as asked"), style=WIDE
        )
        self._note = ""
        controls = [self.kernel, self.policy, self.bar, self.via, self.claim]
        super().__init__(story, controls)
        for control in controls:
            control.observe(self._choose, "value")

    def _sentence(self) -> str:
        return self._note + super()._sentence()

    def _choose(self, _: Any) -> None:
        device, bar = self.bars[self.bar.value]
        offset, size = self._places[self.claim.value]
        chosen = {
            "policy": self.policy.value, "device": device, "bar": bar, "via": self.via.value
        }  # fmt: skip
        whole = self.story.on(self.kernel.value, **chosen, claim_offset=0, claim_size=0)
        fits = offset + max(size, 1) <= whole.range.length
        self._note = "" if fits else "The BAR is too small for that: all of it is claimed. "
        self.show(whole.on(whole.kernel, claim_offset=offset, claim_size=size) if fits else whole)
