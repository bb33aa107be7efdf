"""A guest that plays random sequences: booted when needed, and used to shrink differences."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import Any

from devmemkit.lab.compare import Row, compare, shown
from devmemkit.lab.fuzz.generate import LIFE, PROCESSES, Sequence
from devmemkit.lab.fuzz.places import PLACES
from devmemkit.lab.fuzz.shrink import Acts, shrink
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.guest.perform import Performed, perform
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.play import Act, Ref, play
from devmemkit.scenarios.words import format_ending

PATIENCE = 120.0
"""Seconds for shrinking one sequence."""


class Live:
    """A guest of `kernel` on a machine of LABS, and the model's machine `before`; close() it."""

    def __init__(self, kernel: Kernel, progress: Progress, lab: str) -> None:
        self.kernel, self.progress, self.lab = kernel, progress, lab
        self.boots = 0
        self.places = PLACES[lab]
        self.before = before(PROCESSES, KernelProfile(kernel.version), lab)
        self._stack = ExitStack()
        self._guest: Guest | None = None
        self._spare = LIFE

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
            "acts": [_line(act) for act in acts],
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


def ending(outcome: Outcome | None) -> str:
    """How an act ended: "ok", its errno, its signal and si_code, or "not played"."""
    if outcome is None:
        return "not played"
    word = format_ending(outcome)
    return f"{word}/{outcome.si_code}" if outcome.signal else word


def _line(act: Act) -> str:
    """An act as a line, such as "a3 P load address=a2+0x10 size=8"."""
    shown = (f"{name}={_shown(value)}" for name, value in act.arguments.items() if name != "pid")
    pid = act.arguments.get("pid", act.actor)
    who = act.actor if pid == act.actor else f"{act.actor} on {pid}"
    needs = f" (needs {act.needs})" if act.needs else ""
    return " ".join([act.key, who, act.operation, *shown]) + needs


def _shown(value: object) -> str:
    if isinstance(value, Ref):
        return f"{value.key}+{value.plus:#x}" if value.plus else value.key
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#x}"
    return repr(value)
