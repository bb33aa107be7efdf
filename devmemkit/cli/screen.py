"""What a command prints: no text from elsewhere can steer the terminal, whatever prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from functools import wraps
from typing import Any, ParamSpec, TextIO, TypeVar, cast

from devmemkit.model.printable import printable

P = ParamSpec("P")
R = TypeVar("R")


class Screened:
    """A stream that spells out controls, escapes and what its encoding has not.

    Line feeds and tabs go through; `unscreened` is the stream itself, for what draws.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unscreened = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unscreened, name)

    def write(self, text: str) -> int:
        self.unscreened.write(self._safe(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def _safe(self, text: str) -> str:
        text = re.sub(r"[^\n\t]+", lambda piece: printable(piece[0]), text)
        encoding = getattr(self.unscreened, "encoding", None) or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)


def screened(command: Callable[P, R]) -> Callable[P, R]:
    """Let all that `command` prints go through Screened."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with redirect_stdout(_screen(sys.stdout)), redirect_stderr(_screen(sys.stderr)):
            return command(*args, **kwargs)

    return run


def _screen(stream: TextIO | None) -> TextIO:
    return cast(TextIO, stream and Screened(stream))  # None: it was closed, and print says nothing


def complain(command: str, error: object) -> None:
    """Say in one line of standard error why a command cannot be."""
    print(f"devmemkit {command}: {printable(str(error))}", file=sys.stderr)
