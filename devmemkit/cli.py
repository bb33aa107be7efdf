"""The command line: `devmemkit reproduce`, `iomem`, `explore`, `lab`, `conform`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from devmemkit import __version__
from devmemkit.explore import command as explore
from devmemkit.lab import command


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence, without the usage."""
        self.exit(2, f"{self.prog}: {message}\n")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="devmemkit", description=sys.modules["devmemkit"].__doc__)
    parser.add_argument("--version", action="version", version=f"devmemkit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    reproduce = commands.add_parser(
        "reproduce", help="execute the notebooks and write a report to open in a browser"
    )
    reproduce.add_argument("--out", type=_folder, default=Path("report"), metavar="DIR")
    reproduce.add_argument("--only", metavar="NAME", help="one notebook: name, prefix or number")
    reproduce.add_argument("--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N")
    reproduce.add_argument(
        "-p",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="parameters",
        help="a parameter of the notebook, with --only",
    )
    iomem = commands.add_parser("iomem", help="print a dump of /proc/iomem and what was repaired")
    iomem.add_argument("file", metavar="FILE", help="- for standard input")
    iomem.add_argument("--json", action="store_true", help="entries and repairs as JSON")
    iomem.add_argument("--svg", type=Path, metavar="FILE", help="draw the address space, too")
    explore.add_parser(commands)
    command.add_parsers(commands)
    return parser


def _reproduce(options: argparse.Namespace) -> int:
    from devmemkit.artifact.parameters import ParameterError
    from devmemkit.artifact.reproduce import UsageError, reproduce

    try:
        if options.parameters and options.only is None:
            raise UsageError("expected --only NAME with -p, for parameters belong to one notebook")
        return reproduce(options.out, options.only, options.jobs, options.parameters)
    except (UsageError, ParameterError) as error:
        print(f"devmemkit reproduce: {error}", file=sys.stderr)
        return 2


def _forget_output() -> None:
    """Keep the interpreter from complaining when, at its end, it flushes what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _iomem(options: argparse.Namespace) -> int:
    from devmemkit import dump

    try:
        dump.show(options.file, options.json, sys.stdout, options.svg)
        sys.stdout.flush()
    except ValueError as error:
        print(f"devmemkit iomem: {error}", file=sys.stderr)
        return 2
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit status (2: asked for what cannot be, 130: interrupted)."""
    try:
        options = _parser().parse_args(argv)
        commands = {"reproduce": _reproduce, "iomem": _iomem, "explore": explore.run}
        commands |= {"lab": command.lab, "conform": command.conform}
        return commands[options.command](options)
    except SystemExit as stop:
        return int(stop.code or 0)
    except BrokenPipeError:
        _forget_output()
        return 141  # as if SIGPIPE had ended us
    except OSError as error:
        # Reading is over when this comes: every file that may be missing has its own sentence.
        print(f"devmemkit {options.command}: cannot write: {error.strerror}", file=sys.stderr)
        _forget_output()
        return 1
    except KeyboardInterrupt:
        print(f"devmemkit {options.command}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
