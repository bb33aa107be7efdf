"""The explorer of orders: choose kernel, policy and repair; step through what was found."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w

from devmemkit.explore.check import Result, explore
from devmemkit.explore.system import started
from devmemkit.figures.address_map import address_map
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.model.kernel import VERSIONS, KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.policy import POLICIES, REPAIRS
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.one_bar import PAGES, VIAS
from devmemkit.scenarios.races.scenario import Concurrent
from devmemkit.widgets.explorer import Explorer, dropdown, stepper
from devmemkit.widgets.pane import BokehPane

RELEASED, NONE = "as released", "none"
ROOM = 16
"""Rows for steps: as many as most findings have, so that the page stays where it is."""


class OrderExplorer(Explorer):
    """Searches mmap-vs-claim anew for each choice; `result` is what it found.

    `now` is how many steps of what was found are taken; 0 when nothing was.
    """

    def __init__(self, kernel: str, via: str = "devmem", tasks: int = 1) -> None:
        self.tasks = tasks
        self.kernel = dropdown("kernel", list(VERSIONS), kernel)
        self.policy = dropdown("policy", [RELEASED, *POLICIES], RELEASED)
        self.repair = dropdown("repair", [NONE, *REPAIRS], NONE)
        self.via = dropdown("through", list(VIAS), via)
        self.step, row = stepper()
        bad = w.Button(description="to what is wrong", layout=w.Layout(width="10rem"))
        bad.on_click(lambda _: setattr(self.step, "value", self.step.max))
        row.children = (*row.children, bad)
        self.status = w.HTML()
        self._search()
        self._move_slider()
        self.lanes, self.map = map(BokehPane, self.pictures())
        self.status.value = self._sentence()
        controls = (self.kernel, self.policy, self.repair, self.via)
        for control in controls:
            control.observe(self._choose, "value")
        self.step.observe(self._step, "value")
        choices = w.HBox(list(controls), layout=w.Layout(flex_flow="row wrap"))
        super().__init__(
            [choices, row, self.status, self.lanes, self.map],
            summary=self.summary,
            pictures=self.pictures,
        )

    def _search(self) -> None:
        policy = None if self.policy.value == RELEASED else self.policy.value
        repair = "" if self.repair.value == NONE else self.repair.value
        profile = KernelProfile(self.kernel.value, policy_name=policy, repair=repair)
        self.scenario: Concurrent = mmap_vs_claim(profile, via=self.via.value, users=self.tasks)
        # one search: what is found is then the shortest at once
        self.result: Result = explore(self.scenario, partial_order=False)
        example = self.result.counterexample
        self.now = len(example.steps) if example else 0

    def _move_slider(self) -> None:
        # after the pictures, and only if there are steps: a page takes longer for it than to draw
        self.step.disabled = self.result.counterexample is None
        if self.now:
            self.step.place(self.now, last=self.now)

    def _step(self, _: Any) -> None:
        if self.now != self.step.value and self.result.counterexample:
            self.now = int(self.step.value)
            self._draw()

    @property
    def machine(self) -> Machine:
        """The model's state after those steps."""
        example = self.result.counterexample
        return example.steps[self.now - 1].machine if example and self.now else self._start

    @property
    def _start(self) -> Machine:
        return started(self.scenario)

    def _choose(self, _: Any) -> None:
        self._search()
        self._draw()
        self._move_slider()

    def pictures(self) -> tuple[Picture, Picture]:
        region = self.machine["iomem"].children[0]
        return (
            lanes(tuple(self.scenario.programs), self.result.counterexample, self.now, room=ROOM),
            address_map(self.machine, region, PAGES, columns=max(2, self.tasks)),
        )

    def _draw(self) -> None:
        for pane, picture in zip((self.lanes, self.map), self.pictures(), strict=True):
            pane.draw(picture)
        self.status.value = self._sentence()

    def summary(self) -> str:
        kernel = self.scenario.machine.kernel
        steps = len(self.result.counterexample.steps) if self.result.counterexample else 0
        return f"{kernel}, {self.via.value}: {self._found()}, step {self.now} of {steps}"

    def _found(self) -> str:
        example = self.result.counterexample
        if example:
            return f"found: it does not hold that {example.broken}"
        return f"all {self.result.states} states explored, none bad"

    def _sentence(self) -> str:
        example = self.result.counterexample
        if example is None or not self.now:
            return f"<b>{html.escape(self._found())}</b>"
        step = example.steps[self.now - 1]
        end = f" = {html.escape(str(step.outcome))}" if step.outcome else ""
        return (
            f"<b>{html.escape(self._found())}</b>; step {self.now}: {html.escape(step.task)} "
            f"<code>{html.escape(step.operation)}: {html.escape(step.step)}</code>{end}"
        )
