"""The command line: `devmemkit reproduce`, `findings`, `iomem`, `explore`, `lab` and the others."""

import sys

try:  # before all other imports, __future__ included: it arranges how an interrupt ends us
    from devmemkit.cli import ending
except KeyboardInterrupt:
    print("devmemkit: interrupted", file=sys.stderr)
    sys.exit(130)

# isort: split
import argparse
import os
from pathlib import Path
from typing import Any, NoReturn

from devmemkit.artifact import findings
from devmemkit.cli import explain, explore, lab
from devmemkit.cli.screen import complain, screened
from devmemkit.model.printable import printable


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence, without the usage."""
        self.exit(2, f"{self.prog}: {printable(message)}\n")

    def print_help(self, file: Any = None) -> None:
        """Print it, and let nobody hide that it cannot be written, as argparse does."""
        print(self.format_help(), end="", file=file)


class _Version(argparse.Action):
    """Tells the version when asked, for the digest of the data takes a moment."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from devmemkit.artifact.cite import version

        print(version())
        parser.exit()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="devmemkit", description=sys.modules["devmemkit"].__doc__)
    parser.add_argument("--version", action=_Version, help="version, commit and digest of the data")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    reproduce = commands.add_parser(
        "reproduce", help="execute the notebooks and write a report to open in a browser"
    )
    reproduce.add_argument("--out", type=_folder, default=Path("report"), metavar="DIR")
    reproduce.add_argument("--only", metavar="NAME", help="one notebook: name, prefix or number")
    reproduce.add_argument(
        "--live", metavar="KERNEL", action="append", default=[], help="a real kernel, too"
    )
    _add_runs(reproduce, "a parameter of the notebook, with --only")
    sweep = commands.add_parser("sweep", help="run a notebook over a grid of parameters")
    sweep.add_argument("notebook", metavar="NOTEBOOK", help="name, prefix or number")
    sweep.add_argument("--out", type=_folder, default=Path("sweep"), metavar="DIR")
    sweep.add_argument("--grid", type=Path, metavar="FILE", help="TOML: NAME = [VALUE, ...]")
    sweep.add_argument(
        "--cells",
        type=_count,
        default=1000,
        metavar="N",
        help="refuse a grid of more cells (default: %(default)s)",
    )
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that exists")
    _add_runs(sweep, "values of a parameter: -p NAME=VALUE,VALUE,...")
    verify = commands.add_parser("verify", help="check a finished run: digests, state, another run")
    verify.add_argument("folder", type=_folder, metavar="DIR")
    verify.add_argument("--against", type=_folder, metavar="DIR", help="another run to compare")
    commands.add_parser("cite", help="print BibTeX, and the digest to name")
    archive = commands.add_parser("archive", help="pack the checkout to be deposited")
    archive.add_argument("file", type=Path, metavar="FILE.tar.gz")
    findings.add_parser(commands)
    iomem = commands.add_parser("iomem", help="print a dump of /proc/iomem and what was repaired")
    iomem.add_argument("file", metavar="FILE", help="- for standard input")
    for form, what in (("json", "entries and repairs as JSON"), ("map", "the address space")):
        iomem.add_argument(
            f"--{form}", action="store_const", const=form, default="text", dest="form", help=what
        )
    iomem.add_argument("--svg", type=Path, metavar="FILE", help="draw the address space, too")
    explain.add_parsers(commands)
    explore.add_parser(commands)
    lab.add_parsers(commands)
    return parser


def _add_runs(parser: argparse.ArgumentParser, what: str) -> None:
    """The options of what runs notebooks."""
    parser.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--limit", type=_count, default=600, metavar="SECONDS", help="of a cell")
    parser.add_argument(
        "-p", action="append", default=[], metavar="NAME=VALUE", dest="parameters", help=what
    )


def _artifact(options: argparse.Namespace) -> int:
    """The commands about results."""
    from devmemkit.artifact import cite, reproduce, sweep, verify
    from devmemkit.artifact.parameters import ParameterError
    from devmemkit.artifact.store import UsageError

    try:
        if options.command == "verify":
            return verify.verify(options.folder, options.against)
        if options.command == "cite":
            print(cite.bibtex())
            return 0
        if options.command == "archive":
            print(cite.archive(options.file))
            return 0
        if options.command == "sweep":
            return sweep.sweep(
                *(options.notebook, options.parameters, options.grid),
                *(options.out, options.jobs, options.limit, options.scheduler, options.cells),
            )
        if options.parameters and options.only is None:
            raise UsageError("expected --only NAME with -p, for parameters belong to one notebook")
        return reproduce.reproduce(
            *(options.only, options.parameters, options.live),
            *(options.out, options.jobs, options.limit),
        )
    except (UsageError, ParameterError) as error:
        complain(options.command, error)
        return 2


def _forget_output() -> None:
    """Keep the interpreter from complaining when, at its end, it flushes what cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _iomem(options: argparse.Namespace) -> int:
    from devmemkit.cli.iomem import show

    try:
        show(options.file, options.form, sys.stdout, options.svg)
    except ValueError as error:
        complain("iomem", error)
        return 2
    return 0


@screened
def _run(argv: list[str] | None) -> int:
    try:
        try:
            options = _parser().parse_args(argv)
            ending.name = f"devmemkit {options.command}"
            commands = dict.fromkeys(("reproduce", "sweep", "verify", "cite", "archive"), _artifact)
            commands |= dict.fromkeys(("findings", "claims"), findings.run)
            commands |= {"iomem": _iomem, "explore": explore.run}
            commands |= {"explain": explain.run, "snapshot": explain.run}
            commands |= {"lab": lab.lab, "conform": lab.conform}
            status = commands[options.command](options)
        except SystemExit as stop:
            status = int(stop.code or 0)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return status
    except BrokenPipeError:
        _forget_output()
        return 141  # as if SIGPIPE had ended us
    except OSError as error:
        # Reading is over when this comes: every file that may be missing has its own sentence.
        ending.say(f"{ending.name}: cannot write: {error.strerror or error}")
        _forget_output()
        return 1


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit status.

    2 when it was asked for what cannot be, 141 when nobody reads on, 128 + the signal when it was
    interrupted: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    ending.name = "devmemkit"
    try:
        try:
            ending.inside = True
            status = _run(argv)
        finally:
            ending.inside = False
    except KeyboardInterrupt:
        ending.say(f"{ending.name}: interrupted")
        return ending.status()
    return ending.status() if status == 130 else status
