"""`devmemkit verify`."""

from __future__ import annotations

import argparse
from typing import Any

from devmemkit.cli.parser import folder


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "verify",
        description="Check a finished run: are its files as the run left them, did all jobs "
        "succeed, was it made from today's code, data and versions? The exit status is 1 when "
        "an answer is no.",
        examples=("verify report", "verify report --against again"),
    )
    add = parser.add_argument
    add("folder", type=folder, metavar="DIR", help="folder of the run")
    add("--against", type=folder, metavar="DIR", help="another run, to have the same results")


def run(options: argparse.Namespace) -> int:
    """Run the command; 1 when something differs."""
    from devmemkit.artifact.verify import verify

    return verify(options.folder, options.against)
