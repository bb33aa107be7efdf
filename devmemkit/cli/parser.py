"""The parser of a command: mistakes in one sentence, help that breaks lines between words."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from devmemkit.model.printable import printable


class _Help(argparse.HelpFormatter):
    """Help in whole words; a line of a description that starts with a space stays as it is."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = [
            [line] if line.startswith(" ") else self._split_lines(line, width) or [""]
            for line in text.splitlines()
        ]
        return "\n".join(indent + line for part in lines for line in part)


class Parser(argparse.ArgumentParser):
    """A parser whose help ends with `examples`: what to write behind `devmemkit`."""

    def __init__(self, *, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help} | options)
        self.examples = examples
        if examples:
            lines = ["examples:", *(f"  devmemkit {example}" for example in examples)]
            self.epilog = "\n".join([self.epilog, "", *lines] if self.epilog else lines)

    def error(self, message: str) -> NoReturn:
        """Say in one sentence what is wrong, without the usage, and exit with 2."""
        self.exit(2, f"{self.prog}: {printable(message)}\n")

    def print_help(self, file: Any = None) -> None:
        """Print the help; unlike argparse's, it raises OSError where nothing can be written."""
        print(self.format_help(), end="", file=file)


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def folder(text: str) -> Path:
    """The path of a folder; an empty one would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return Path(text)
