"""The overview explorer: choose a release or a policy; see what connects the actors."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from devmemkit.figures.actors import actors, arrows
from devmemkit.figures.history import history, milestones
from devmemkit.figures.marks import Picture
from devmemkit.model.kernel import VERSIONS, KernelProfile
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown
from devmemkit.widgets.pane import BokehPane


class OverviewExplorer(Explorer):
    """Shows the actors under one kernel, `profile`, beside the history."""

    def __init__(self, kernel: str, policy: str = AS_RELEASED) -> None:
        self.kernel = w.SelectionSlider(
            description="kernel", options=list(VERSIONS), value=kernel, style=WIDE,
            layout=w.Layout(flex="1 1 320px"),
        )  # fmt: skip
        self.policy = dropdown("policy", [AS_RELEASED, *POLICIES], policy)
        self.status = w.HTML(self._sentence())
        self.actors, self.history = map(BokehPane, self.pictures())
        for control in (self.kernel, self.policy):
            control.observe(self._draw, "value")
        wrap = w.Layout(flex_flow="row wrap")
        super().__init__(
            [
                w.HBox([self.kernel, self.policy], layout=wrap),
                self.status,
                self.actors,
                self.history,
            ],
            summary=self.summary,
            pictures=self.pictures,
        )

    @property
    def profile(self) -> KernelProfile:
        """The kernel that is shown."""
        policy = None if self.policy.value == AS_RELEASED else self.policy.value
        return KernelProfile(self.kernel.value, policy_name=policy)

    def pictures(self) -> tuple[Picture, Picture]:
        return actors(self.profile), history(milestones(), self.kernel.value)

    def _draw(self, _: Any) -> None:
        for pane, picture in zip((self.actors, self.history), self.pictures(), strict=True):
            pane.draw(picture)
        self.status.value = self._sentence()

    def _sentence(self) -> str:
        profile = self.profile
        return f"<b>{profile.policy.name}</b>: {profile.policy.what} ({profile.evidence})"

    def summary(self) -> str:
        return f"{self.profile}, {len(arrows(self.profile))} connections"
