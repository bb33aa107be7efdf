"""What a command prints: text from elsewhere cannot steer the terminal, whatever prints it."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from devmemkit.model.printable import printable


class Status:
    """A line at the end of a terminal that says what a command is doing, and for how many seconds.

    It appears after a second and is erased before anything else is printed.
    """

    def __init__(self) -> None:
        self.doing, self.drawn, self.lock = "", False, threading.Lock()

    @contextmanager
    def shown(self, every: float = 1) -> Iterator[None]:
        """Draw the line anew `every` seconds, if standard error is a terminal."""
        stream, self.doing = getattr(sys.stderr, "unscreened", None), "working"
        if stream is None or not stream.isatty():
            yield
            return
        self.stream, over, began = stream, threading.Event(), time.monotonic()

        def tick() -> None:
            while not over.wait(every):
                self.draw(f"... {printable(self.doing)}, {time.monotonic() - began:.0f} s"[:79])

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.erase()

    def draw(self, line: str) -> None:
        """Put `line` in place of what is drawn."""
        with self.lock:
            self.stream.write(f"\r\x1b[K{line}")
            self.stream.flush()
            self.drawn = bool(line)

    def erase(self) -> None:
        """Erase the line if there is one."""
        if self.drawn:
            self.draw("")


status = Status()


class Screened:
    """A stream that spells out controls, escapes and characters that its encoding lacks.

    Line feeds and tabs go through; `unscreened` is the stream itself, for what draws.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unscreened = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unscreened, name)

    def write(self, text: str) -> int:
        status.erase()
        safe = re.sub(r"[^\n\t]+", lambda piece: printable(piece[0]), text)
        encoding = getattr(self.unscreened, "encoding", None) or "utf-8"
        self.unscreened.write(safe.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


@contextmanager
def screened() -> Iterator[None]:
    """Let all that is printed go through Screened."""
    with redirect_stdout(_screen(sys.stdout)), redirect_stderr(_screen(sys.stderr)):
        yield


def _screen(stream: TextIO | None) -> TextIO:
    return cast(TextIO, stream and Screened(stream))  # None: it was closed, and print says nothing


@contextmanager
def refusing(command: str, *errors: type[Exception]) -> Iterator[None]:
    """End with status 2, and one line on standard error, where one of these `errors` is raised."""
    try:
        yield
    except errors as error:
        print(f"devmemkit {command}: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


def aside(line: str) -> None:
    """Print a line on standard error: progress that is no result."""
    print(line, file=sys.stderr, flush=True)
