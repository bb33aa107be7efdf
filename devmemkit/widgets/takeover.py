"""The driver-takeover explorer: choose kernel, policy and claim; step through the story."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets as w

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.widgets.explorer import WIDE, kernels, policies
from devmemkit.widgets.story import StoryExplorer

HALF_PAGE = 0x800


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
