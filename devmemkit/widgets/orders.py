"""The explorer of orders: choose kernel, policy and repair; step through the schedule found."""

from __future__ import annotations

import html

from devmemkit.explore.check import Result, explore
from devmemkit.explore.system import started
from devmemkit.figures.address_map import address_map
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.repairs import REPAIRS
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.one_bar import PAGES
from devmemkit.scenarios.races.scenario import Concurrent
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import StepExplorer, dropdown, kernels, policies

NONE = "none"
ROOM = 16
"""Rows for steps: enough for most schedules, so that the page keeps its place."""


class OrderExplorer(StepExplorer):
    """Searches mmap-vs-claim anew for each choice; `result` is what it found.

    `now` is how many steps of the schedule found are taken; 0 when none was found.
    """

    def __init__(self, kernel: str, via: str = "devmem", tasks: int = 1) -> None:
        self.tasks = tasks
        self.kernel, self.policy = kernels(kernel), policies()
        self.repair = dropdown("repair", [NONE, *REPAIRS], NONE)
        self.via = dropdown("through", VIAS, via)
        bad = w.Button(description="to what is wrong", layout=w.Layout(width="10rem"))
        bad.on_click(lambda _: setattr(self.step, "value", self.step.max))
        super().__init__((self.kernel, self.policy, self.repair, self.via), bad)

    def update(self, control: w.Widget | None) -> None:
        policy = None if self.policy.value == AS_RELEASED else self.policy.value
        repair = "" if self.repair.value == NONE else self.repair.value
        profile = KernelProfile(self.kernel.value, policy_name=policy, repair=repair)
        self.scenario: Concurrent = mmap_vs_claim(profile, via=self.via.value, users=self.tasks)
        # Without the reduction, the first schedule found is the shortest.
        self.result: Result = explore(self.scenario, partial_order=False)
        example = self.result.counterexample
        self.steps = example.steps if example else ()
        self.now = self.last = len(self.steps)

    @property
    def machine(self) -> Machine:
        """The model's state after the steps taken."""
        return self.steps[self.now - 1].machine if self.now else started(self.scenario)

    def pictures(self) -> tuple[Picture, Picture]:
        region = self.machine["iomem"].children[0]
        return (
            lanes(tuple(self.scenario.programs), self.result.counterexample, self.now, room=ROOM),
            address_map(self.machine, region, PAGES, columns=max(2, self.tasks)),
        )

    def summary(self) -> str:
        kernel = self.scenario.machine.kernel
        return f"{kernel}, {self.via.value}: {self._found()}, step {self.now} of {self.last}"

    def _found(self) -> str:
        if example := self.result.counterexample:
            return f"{self.result.words}: {example.broken}"
        return self.result.words

    def sentence(self) -> str:
        found = f"<b>{html.escape(self._found())}</b>"
        if not self.now:
            return found
        step = self.steps[self.now - 1]
        end = f" = {html.escape(str(step.outcome))}" if step.outcome else ""
        return (
            f"{found}; step {self.now}: {html.escape(step.task)} "
            f"<code>{html.escape(step.operation)}: {html.escape(step.step)}</code>{end}"
        )
