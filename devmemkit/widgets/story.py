"""The explorer of a story: a step slider over its moments, address map and timeline."""

from __future__ import annotations

import html
from typing import Any, Protocol

import ipywidgets as w

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import Picture
from devmemkit.figures.timeline import timeline
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import Moment, Played
from devmemkit.scenarios.words import format_outcome
from devmemkit.widgets.explorer import Explorer, observe, row, stepper


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
    """Shows one `story` at one moment, with index `now`; it opens at the claim.

    On a change of its `controls`, `chosen` makes the next story.
    """

    def __init__(self, story: Playable, *controls: w.Widget) -> None:
        self.story: Any = story
        self.step, steps = stepper()
        self.now = self._moment_of("claim")
        self._move_slider()
        super().__init__(row(*controls), steps)
        observe(self._step, self.step)
        observe(self._choose, *controls)

    def chosen(self, control: w.Widget) -> Playable | None:
        """The story of the choices after one in `control`, or None for no change."""
        raise NotImplementedError  # each explorer has its own; ipywidgets allow no ABC

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
            f"{self.story.profile}, claim +{first:#x}..+{last:#x}, "
            f"step {self.now} of {len(self.story.played.moments) - 1}"
        )

    def _moment_of(self, key: str) -> int:
        """The last moment of an act, or of the whole story if the act was not played."""
        played: Played = self.story.played
        there = any(act.key == key for act in played.acts)
        return ((played.moments_of(key) if there else []) or [len(played.moments) - 1])[-1]

    def _choose(self, change: Any) -> None:
        """Show the chosen story, at the same act."""
        if story := self.chosen(change.owner):
            act = self.story.played.acts[self.moment.act].key
            self.story = story
            self.now = self._moment_of(act)
            self.redraw()
            self._move_slider()

    def pictures(self) -> tuple[Picture, Picture]:
        story = self.story
        return (
            address_map(self.machine, story.node, story.pages),
            timeline(story.played, self.now),
        )

    def _move_slider(self) -> None:
        # After the pictures: a page takes longer to set a slider's ends than to draw.
        self.step.place(self.now, last=len(self.story.played.moments) - 1)

    def _step(self, _: Any) -> None:
        if self.now != self.step.value:
            self.now = int(self.step.value)
            self.redraw()

    def sentence(self) -> str:
        act, event = self.story.played.acts[self.moment.act], self.moment.event
        outcome = event.outcome
        end = f" → <b>{html.escape(format_outcome(act, outcome))}</b>" if outcome else ""
        return (
            f"{html.escape(event.actor)} {html.escape(act.says or 'waits')}, "
            f"step <code>{html.escape(event.step)}</code>{end}"
        )
