"""The overview explorer: choose a release or a policy; see the connections between the actors."""

from __future__ import annotations

from devmemkit.figures.actors import actors, arrows
from devmemkit.figures.history import history
from devmemkit.figures.marks import Picture
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import WIDE, Explorer, policies


class OverviewExplorer(Explorer):
    """Shows the actors under one kernel, `profile`, beside the history."""

    def __init__(self, kernel: str, policy: str = AS_RELEASED) -> None:
        self.kernel = w.SelectionSlider(
            description="kernel",
            options=list(VERSIONS),
            value=kernel,
            style=WIDE,
            layout=w.Layout(flex="1 1 320px"),
        )
        self.policy = policies(policy)
        super().__init__((self.kernel, self.policy))

    @property
    def profile(self) -> KernelProfile:
        """The kernel that is shown."""
        policy = None if self.policy.value == AS_RELEASED else self.policy.value
        return KernelProfile(self.kernel.value, policy_name=policy)

    def pictures(self) -> tuple[Picture, Picture]:
        return actors(self.profile), history(self.kernel.value)

    def sentence(self) -> str:
        profile = self.profile
        return f"<b>{profile.policy.name}</b>: {profile.policy.what} ({profile.evidence})"

    def summary(self) -> str:
        return f"{self.profile}, {len(arrows(self.profile))} connections"
