"""The explorer of a story: a step slider over its moments, address map and timeline."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import Picture
from devmemkit.figures.timeline import timeline
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Moment
from devmemkit.scenarios.stories.parameters import ParameterStory
from devmemkit.scenarios.words import format_outcome
from devmemkit.widgets.explorer import StepExplorer


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
            address_map(self.machine, story.node, story.pages),
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
