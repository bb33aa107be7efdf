"""What is running: redrawn in place on a terminal, elsewhere a line a job; how long it takes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from typing import TextIO

from devmemkit.model.printable import printable


class Progress:
    """The state of jobs; safe to update from several threads.

    `former` are the seconds that jobs took before, which the estimate starts from.
    """

    def __init__(
        self, names: Sequence[str], former: Mapping[str, float], parallel: int, stream: TextIO
    ) -> None:
        self.stream = stream
        self.waiting = dict.fromkeys(names)
        self.running: dict[str, str] = {}
        self.former, self.parallel = former, parallel
        self.took: list[float] = []
        self.lock = threading.Lock()
        self.columns = shutil.get_terminal_size().columns
        self.redraws = stream.isatty()
        self.drawn = 0

    def say(self, line: str) -> None:
        """A line that stays."""
        with self.lock:
            self._erase()
            print(printable(line), file=self.stream, flush=True)

    def update(self, name: str, state: str, started: bool = False) -> None:
        """A running job's state; elsewhere than on a terminal only its start is told."""
        with self.lock:
            self.waiting.pop(name, None)
            self.running[name] = state
            if self.redraws:
                self._draw()
            elif started:
                print(printable(f"{name}: {state}"), file=self.stream, flush=True)

    def finish(self, name: str, state: str, seconds: float) -> None:
        """How a job ended, in a line that stays."""
        with self.lock:
            self.running.pop(name, None)
            self.took.append(seconds)
            self._erase()
            print(printable(f"{name}: {state}"), file=self.stream, flush=True)
            if self.redraws:
                self._draw()
            elif self.waiting or self.running:
                print(self._left(), file=self.stream, flush=True)

    def _left(self) -> str:
        """How many are to come, and an estimate of how long that takes."""
        names = [*self.waiting, *self.running]
        line = f"{len(self.took)} of {len(self.took) + len(names)} done"
        if not self.took:
            return line
        usual = sum(self.took) / len(self.took)
        left = sum(self.former.get(name, usual) for name in names) / self.parallel
        return f"{line}, about {max(left, 1):.0f} s left"

    def _erase(self) -> None:
        if self.drawn:
            plain = getattr(self.stream, "unscreened", self.stream)
            plain.write(f"\x1b[{self.drawn}A\r\x1b[J")
            self.drawn = 0

    def _draw(self) -> None:
        self._erase()
        rows = [printable(f"{name}  {state}") for name, state in self.running.items()]
        if rows:
            rows.append(self._left())
        self.stream.write("".join(f"{row[: self.columns - 1]}\n" for row in rows))
        self.stream.flush()
        self.drawn = len(rows)
