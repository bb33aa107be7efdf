"""The stories with what a reader asks of them: outcomes, steps, and the state after a call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from devmemkit.api.pictures import Figure, figure_of
from devmemkit.figures.address_map import address_map
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.stories import bar_story, takeover
from devmemkit.scenarios.stories.parameters import AS_RELEASED, ParameterStory
from devmemkit.scenarios.words import format_act


@dataclass(frozen=True)
class State:
    """The machine after a call, and the `pages` of `region` that the story is about."""

    machine: Machine
    region: Resource
    pages: int

    def figure(self) -> Figure:
        """Draw the region: who owns its bytes, and which of its pages each process still reaches.

        >>> Takeover(kernel="6.12").after("claim").figure().alt.partition("; ")[2]
        '4 mappings with 48 present and 16 zapped pages. 0 of 4 claimed pages can still be reached.'
        """
        return figure_of(address_map(self.machine, self.region, self.pages))


class _Story(ParameterStory):
    """What every story can be asked; ValueError names the calls for a key that it does not have."""

    def _call(self, key: str) -> str:
        known = [one.key for one in self.played.acts]
        if key not in known:
            raise ValueError(f"call: expected one of {', '.join(known)}; got {key!r}")
        return key

    def outcome(self, key: str) -> str:
        """How a call ended: a value, "claimed" and the like, an errno, or signal and si_code."""
        return format_act(self.played, self._call(key))

    def outcomes(self) -> dict[str, str]:
        """How each call that was made ended, by its key, in the order of the story."""
        made = [one.key for one in self.played.acts if one.key in self.played.outcomes]
        return {key: format_act(self.played, key) for key in made}

    def steps(self, key: str) -> list[str]:
        """The atomic steps of a call, in order."""
        return self.played.steps(self._call(key))

    def on(self, kernel: str, policy: str = AS_RELEASED, **changes: Any) -> Self:
        """The same story on another kernel, with that kernel's policy unless you name one."""
        return replace(self, kernel=kernel, policy=policy, **changes)

    def after(self, key: str) -> State:
        """The state after the last step of a call."""
        return State(self.played.after(self._call(key)), self.node, self.pages)


class Takeover(_Story, takeover.Takeover):
    """A process maps an idle region through /dev/mem; then a driver claims a part of the region.

    `kernel` and `policy` say by which rules. `machine` is a recorded machine or the path of a dump
    of /proc/iomem, `region` the name of an idle range or an address in it, `pages` (1 to 64) how
    much of it the process maps, with O_SYNC if `sync`. The driver claims `claim_size` bytes at
    `claim_offset`. ValueError for a parameter that does not fit names what would.

    >>> story = Takeover(kernel="6.12", claim_offset=0x1800, claim_size=0x1000)
    >>> story.steps("claim"), story.outcome("load_after")
    (['insert', 'both_ends', 'zap_begin', 'zap'], 'SIGBUS, BUS_ADRERR')
    >>> story.on("6.12", policy="RefuseClaim").outcome("claim")
    'EBUSY'
    """


class BarStory(_Story, bar_story.BarStory):
    """Processes map a PCI BAR through resourceN and /dev/mem; a driver claims it; the device goes.

    `device` and `bar` name the BAR, `via` ("both", "resource" or "devmem") who maps it: process P
    through resourceN, process Q through /dev/mem. The driver claims `claim_size` bytes (0: all that
    follow) at `claim_offset`. ValueError for a parameter that does not fit names what would.

    >>> story = BarStory(kernel="5.10", device="0000:00:05.0", bar=2)
    >>> story.outcome("load_p"), story.outcome("load_q")
    ('0x0000000000005151', 'SIGBUS, BUS_ADRERR')
    >>> story.on("5.12").outcome("load_p")
    'SIGBUS, BUS_ADRERR'
    """
