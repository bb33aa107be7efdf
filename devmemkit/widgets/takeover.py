"""The driver-takeover explorer: choose kernel, policy and claim; step through the story."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as w

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.widgets.explorer import WIDE, dropdown
from devmemkit.widgets.story import StoryExplorer

HALF_PAGE = 0x800


class TakeoverExplorer(StoryExplorer):
    """Shows one Takeover at one moment."""

    def __init__(self, takeover: Takeover) -> None:
        self.kernel = dropdown("kernel", list(VERSIONS), takeover.kernel)
        self.policy = dropdown("policy", [AS_RELEASED, *POLICIES], takeover.policy)
        mapped = takeover.pages << PAGE_SHIFT
        edges = [(f"+{edge:#x}", edge) for edge in range(0, mapped + 1, HALF_PAGE)]
        first = takeover.claim_offset
        last = min(first + takeover.claim_size, mapped)
        marked = first // HALF_PAGE, max(last // HALF_PAGE, first // HALF_PAGE + 1)
        self.claim = w.SelectionRangeSlider(
            description="claim", options=edges, index=marked, style=WIDE,
            layout=w.Layout(flex="1 1 320px"),
        )  # fmt: skip
        controls = [self.kernel, self.policy, self.claim]
        super().__init__(takeover, controls)
        for control in controls:
            control.observe(self._choose, "value")

    @property
    def takeover(self) -> Takeover:
        """The story that is shown."""
        shown: Takeover = self.story
        return shown

    def _choose(self, change: Any) -> None:
        if change.owner is self.claim:
            low, high = self.claim.value
            if low == high:  # a claim has at least one byte
                last = self.claim.options[-1][1]
                self.claim.value = (low, low + HALF_PAGE) if low < last else (low - HALF_PAGE, low)
                return
            self.show(replace(self.takeover, claim_offset=low, claim_size=high - low))
        else:
            self.show(self.takeover.on(self.kernel.value, self.policy.value))
