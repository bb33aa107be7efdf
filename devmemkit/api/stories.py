"""The stories with what a reader asks of them: outcomes, steps, and the state after a call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

from devmemkit.api.pictures import Figure, figure_of
from devmemkit.figures.address_map import address_map
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import Played
from devmemkit.scenarios.stories import bar_story, takeover
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.scenarios.words import format_act


@dataclass(frozen=True)
class State:
    """The machine after a call, and the `pages` of `region` that the story is about."""

    machine: Machine
    region: Resource
    pages: int

    def figure(self) -> Figure:
        """Draw the region: who owns its bytes, and which of its pages each process still reaches.

        >>> Takeover(kernel="6.12").after("claim").figure().alt.partition(": ")[2]
        'claimed by driver; 4 mappings with 48 live and 16 zapped pages.'
        """
        return figure_of(address_map(self.machine, self.region, self.pages))


class _Playable(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def played(self) -> Played: ...
    @property
    def node(self) -> Resource: ...
    @property
    def pages(self) -> int: ...


_S = TypeVar("_S", bound=_Playable)


def _call(story: _Playable, key: str) -> str:
    known = [one.key for one in story.played.acts]
    if key not in known:
        raise ValueError(f"call: expected one of {', '.join(known)}; got {key!r}")
    return key


class _Story:
    """What every story can be asked; ValueError names the calls for a key that it does not have."""

    def outcome(self: _Playable, key: str) -> str:
        """How a call ended: a value, "claimed" and the like, an errno, or signal and si_code."""
        return format_act(self.played, _call(self, key))

    def outcomes(self: _Playable) -> dict[str, str]:
        """How each call that was made ended, by its key, in the order of the story."""
        return {one.key: format_act(self.played, one.key) for one in self.played.acts
                if one.key in self.played.outcomes}  # fmt: skip

    def steps(self: _Playable, key: str) -> list[str]:
        """The atomic steps of a call, in order."""
        return self.played.steps(_call(self, key))

    def on(self: _S, kernel: str, policy: str = AS_RELEASED, **changes: Any) -> _S:
        """The same story on another kernel, with that kernel's policy unless you name one."""
        return replace(self, kernel=kernel, policy=policy, **changes)

    def after(self: _Playable, key: str) -> State:
        """The state behind the last step of a call."""
        return State(self.played.after(_call(self, key)), self.node, self.pages)


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
