"""The command line: its commands, in modules imported when one of theirs is asked for."""

import sys

try:  # before all other imports, __future__ included: it arranges how an interrupt ends us
    from devmemkit.cli import ending
except KeyboardInterrupt:
    print("devmemkit: interrupted", file=sys.stderr)
    sys.exit(130)

# isort: split
import argparse
import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn

from devmemkit.cli.parser import Parser
from devmemkit.cli.screen import refusing, screened, status
from devmemkit.model.printable import printable

GROUPS = {
    "results": {
        "reproduce": "run the notebooks and write a report for the browser",
        "sweep": "run a notebook over a grid of parameters",
        "verify": "check a finished run: its files, today's state, another run",
        "cite": "print BibTeX with the commit and the digest of the data",
        "archive": "pack the checkout for a deposit",
        "findings": "weigh every finding by its evidence, now",
        "site": "build a folder of pages that run the model in a browser",
    },
    "model": {
        "explore": "search every order of a scenario's steps",
        "explain": "say how an access to device memory ends, why, and what to do",
        "snapshot": "write a description of this machine for explain",
        "iomem": "read a dump of /proc/iomem, repair it, print or draw it",
    },
    "real kernels": {
        "lab": "list kernels, play a scenario on one, record it",
        "conform": "compare the model with recordings, or with a live kernel",
    },
    "teaching": {"exercises": "print tasks for students, with the answers for the teacher"},
    "shell": {"completion": "print completions for bash, zsh or fish"},
}
"""The commands in their groups, each with its line in the help."""

STATUSES = {
    "0": "done, and what was checked holds",
    "1": "a part failed, differs or is not as expected, or cannot be written",
    "2": "the request cannot be met; one sentence on standard error says why",
    "128 + N": "ended by the signal N: 130 by Ctrl-C, 141 by a closed pipe",
}
"""The exit statuses, as the help explains them."""

RESULTS = dict.fromkeys(("reproduce", "sweep", "verify", "cite", "archive"), "results")
COMMANDS = {
    name: f"devmemkit.cli.{RESULTS.get(name, name)}" for group in GROUPS.values() for name in group
}
"""The module of each command: `add_parser` adds its parsers, `run` runs it, with an exit status."""

FORMERLY = {"claims": "findings"}
"""Names that commands had, which still work."""


class _Version(argparse.Action):
    """Print the version when it is asked for: the digest of the data takes a moment."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from devmemkit.artifact.cite import version

        print(version())
        parser.exit()


def parser_of(asked: Iterable[str] = COMMANDS) -> Parser:
    """The parser of the command line; only the commands that are `asked` for have options."""
    lines = [
        line
        for group, commands in GROUPS.items()
        for line in ("", f"{group}:", *(f"  {name:10}  {commands[name]}" for name in commands))
    ]
    lines += ["", "exit status:", *(f"  {code:10}  {what}" for code, what in STATUSES.items())]
    parser = Parser(
        prog="devmemkit",
        usage="%(prog)s [-h] [--version] COMMAND ...",
        description="What happens to a user mapping of device memory under Linux when a driver "
        "claims the region: a model, recordings of real kernels, and notebooks.",
        epilog="\n".join(lines[1:]),
        examples=(
            "explain --machine qemu-6.12 --address 0xfebc0000",
            "explore mmap-vs-claim --kernel 7.3",
            "conform --quick",
            "COMMAND --help",
        ),
    )
    parser.add_argument("--version", action=_Version, help="version, commit and digest of the data")
    added: Any = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="devmemkit", help=argparse.SUPPRESS
    )
    wanted = {COMMANDS.get(FORMERLY.get(word, word)) for word in asked}
    for name, module in COMMANDS.items():
        if module not in wanted:
            added.add_parser(name)
        elif name not in added.choices:  # its module may have others, too
            import_module(module).add_parser(added)
    return parser


def _forget_output() -> None:
    """Keep the interpreter from complaining when, at its end, it flushes what cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(argv: list[str]) -> int:
    try:
        try:
            options = parser_of(argv).parse_args(argv)
            command = FORMERLY.get(options.command, options.command)
            ending.name = f"devmemkit {command}"
            with status.shown(), refusing(command, ValueError):
                code = int(import_module(COMMANDS[command]).run(options))
        except SystemExit as stop:
            code = int(stop.code or 0)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return code
    except BrokenPipeError:
        _forget_output()
        return 141  # as if SIGPIPE had ended us
    except OSError as error:
        # Reading is over when this comes: every file that may be missing has its own sentence.
        where = "" if error.filename is None else f" {printable(str(error.filename))}"
        ending.say(f"{ending.name}: cannot write{where}: {error.strerror or error}")
        _forget_output()
        return 1


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit status, one of STATUSES."""
    ending.name = "devmemkit"
    try:
        try:
            ending.inside = True
            with screened():
                code = _run(sys.argv[1:] if argv is None else argv)
        except RuntimeError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None  # Python 3.11 wraps it while a class is made
            raise
        finally:
            ending.inside = False
    except KeyboardInterrupt:
        ending.say(f"{ending.name}: interrupted")
        return ending.status()
    return ending.status() if code == 130 else code
