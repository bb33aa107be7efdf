"""A guest that plays random sequences: booted when needed, and used to shrink differences."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from devmemkit.lab.compare import Row, compare, shown
from devmemkit.lab.fuzz.generate import LIFE, PROCESSES, Sequence
from devmemkit.lab.fuzz.places import Places, places_of
from devmemkit.lab.fuzz.shrink import Acts, shrink
from devmemkit.lab.fuzz.tally import ending, line
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.guest.perform import Performed, perform
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.play import play

PATIENCE = 120.0
"""Seconds for shrinking one sequence."""


@dataclass
class Live:
    """A guest of `kernel` on a machine of LABS; close() it at the end.

    `before` is the machine of the model.
    """

    kernel: Kernel
    progress: Progress
    lab: str = "2g"
    boots: int = 0
    before: Machine = field(init=False)
    places: Places = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _guest: Guest | None = None
    _spare: int = LIFE

    def __post_init__(self) -> None:
        self.places = places_of(self.lab)
        self.before = before(PROCESSES, KernelProfile(self.kernel.version), self.lab)

    def close(self) -> None:
        """End the guest; the next sequence boots another, with fresh windows."""
        self._stack.close()
        self._guest = None
        self._spare = LIFE

    def perform(self, acts: Acts, windows: int) -> Performed:
        """Play acts in a guest in its state after boot, with their windows zeroed."""
        if self._guest is not None:
            try:
                self._guest.reset(*self.places.to_clear(windows))
            except GuestError:  # for example, a device is gone for good
                self.close()
        if self._guest is None:
            self._guest = self._stack.enter_context(boot(self.kernel, lab=self.lab))
            self.boots += 1
        return perform(self._guest, acts)

    def smallest(self, made: Sequence, row: Row) -> dict[str, Any]:
        """The shortest sequence found that still differs in the same way, and both outcomes."""
        wanted = signature(row)
        until = time.monotonic() + PATIENCE
        tried, last = 0, row

        def shows(acts: Acts) -> bool:
            nonlocal tried, last
            tried += 1
            found = self._first(acts, made.windows) if time.monotonic() < until else None
            if found is None or signature(found) != wanted:
                return False
            last = found
            return True

        acts = made.acts[: made.acts.index(row.act) + 1]
        self.progress(f"sequence {made.index}: {' '.join(wanted)}; shrinking")
        with suppress(ValueError):  # it depends on what earlier sequences left in the guest
            acts = shrink(acts, shows)
        self.progress(f"sequence {made.index}: {len(acts)} acts after {tried} tries")
        return {
            "sequence": made.index,
            "kind": made.kind,
            "operation": wanted[0],
            "model": shown(last.act, last.model),
            "kernel": shown(last.act, last.kernel),
            "rule": last.rule,
            "reproduced": last is not row,
            "acts": [line(act) for act in acts],
        }

    def _first(self, acts: Acts, windows: int) -> Row | None:
        """The first difference in fresh windows; None also if the model cannot play the acts."""
        if self._spare == self.places.count:
            self.close()
        acts, self._spare = self.places.moved(acts, windows, self._spare), self._spare + 1
        try:
            played = play(self.before, acts)
        except (KeyError, ValueError, OverflowError):  # shrunk too far
            return None
        found = compare(played, self.perform(acts, self._spare - 1))
        return next(iter(found.divergences), None)


def signature(row: Row) -> tuple[str, str, str]:
    """What makes two divergences alike: the operation and how it ended on either side."""
    return row.act.operation, ending(row.model), ending(row.kernel)
