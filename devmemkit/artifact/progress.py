"""One line per notebook while they run: redrawn in place on a terminal, else sparse."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from typing import TextIO


class Progress:
    """The state of each notebook's line; safe to update from several threads."""

    def __init__(self, names: Sequence[str], stream: TextIO) -> None:
        self.stream = stream
        self.lines = dict.fromkeys(names, "waiting")
        self.lock = threading.Lock()
        size = shutil.get_terminal_size()
        self.columns = size.columns
        self.redraws = stream.isatty() and len(names) < size.lines
        self.drawn = False

    def update(self, name: str, state: str, milestone: bool = False) -> None:
        """Set the state of a line; a `milestone` is told even where lines cannot be redrawn."""
        with self.lock:
            self.lines[name] = state
            if self.redraws:
                self._draw()
            elif milestone:
                print(f"{name}: {state}", file=self.stream, flush=True)

    def _draw(self) -> None:
        width = max(map(len, self.lines))
        up = f"\x1b[{len(self.lines)}A" if self.drawn else ""
        rows = (f"{name:{width}}  {state}" for name, state in self.lines.items())
        text = "".join(f"\r\x1b[K{row[: self.columns - 1]}\n" for row in rows)
        self.stream.write(up + text)
        self.stream.flush()
        self.drawn = True
