"""What explorers of a story share: a step slider over its moments, address map and timeline."""

from __future__ import annotations

import html
from typing import Any, Protocol

import ipywidgets as w

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import Picture
from devmemkit.figures.timeline import timeline
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import Moment, Played
from devmemkit.scenarios.words import format_outcome
from devmemkit.widgets.explorer import Explorer, stepper
from devmemkit.widgets.pane import BokehPane


class Playable(Protocol):
    """A story of which `pages` of `node` are mapped; `claim` is the claimed range, inclusive."""

    @property
    def profile(self) -> KernelProfile: ...
    @property
    def node(self) -> Resource: ...
    @property
    def pages(self) -> int: ...
    @property
    def claim(self) -> tuple[int, int]: ...
    @property
    def played(self) -> Played: ...


class StoryExplorer(Explorer):
    """Shows one `story` at one moment.

    `now` is the index of the moment shown. It opens at the claim. `controls` choose a story; who
    makes them calls `show`.
    """

    def __init__(self, story: Playable, controls: list[w.Widget]) -> None:
        self.story: Any = story
        self.step, row = stepper()
        self.now = self._moment_of("claim")
        self._move_slider()
        self.status = w.HTML(self._sentence())
        self.map, self.timeline = map(BokehPane, self.pictures())
        self.step.observe(self._step, "value")
        choices = w.HBox(controls, layout=w.Layout(flex_flow="row wrap"))
        super().__init__(
            [choices, row, self.status, self.map, self.timeline],
            summary=self.summary,
            pictures=self.pictures,
        )

    @property
    def moment(self) -> Moment:
        moment: Moment = self.story.played.moments[self.now]
        return moment

    @property
    def machine(self) -> Machine:
        """The model's state at the moment shown."""
        return self.moment.machine

    def summary(self) -> str:
        first, last = (byte - self.story.node.start for byte in self.story.claim)
        return (
            f"{self.story.profile}, claim +{first:#x}..+{last:#x}, "
            f"step {self.now} of {len(self.story.played.moments) - 1}"
        )

    def _moment_of(self, key: str) -> int:
        """The last moment of an act, or of the whole story where it was not played."""
        played: Played = self.story.played
        there = any(act.key == key for act in played.acts)
        return ((played.moments_of(key) if there else []) or [len(played.moments) - 1])[-1]

    def show(self, story: Playable) -> None:
        """Show another story, at the same act."""
        act = self.story.played.acts[self.moment.act].key
        self.story = story
        self.now = self._moment_of(act)
        self._draw()
        self._move_slider()

    def pictures(self) -> tuple[Picture, Picture]:
        story = self.story
        return (
            address_map(self.machine, story.node, story.pages),
            timeline(story.played, self.now),
        )

    def _move_slider(self) -> None:
        # after the pictures: a page takes longer to set a slider's ends than to draw
        self.step.place(self.now, last=len(self.story.played.moments) - 1)

    def _step(self, _: Any) -> None:
        if self.now != self.step.value:
            self.now = int(self.step.value)
            self._draw()

    def _draw(self) -> None:
        for pane, picture in zip((self.map, self.timeline), self.pictures(), strict=True):
            pane.draw(picture)
        self.status.value = self._sentence()

    def _sentence(self) -> str:
        act = self.story.played.acts[self.moment.act]
        outcome: Outcome | None = self.moment.event.outcome
        end = f" → <b>{html.escape(format_outcome(act, outcome))}</b>" if outcome else ""
        return (
            f"{html.escape(self.moment.event.actor)} {html.escape(act.says or 'waits')}, "
            f"step <code>{html.escape(self.moment.event.step)}</code>{end}"
        )
