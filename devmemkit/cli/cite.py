"""`devmemkit cite`."""

from __future__ import annotations

import argparse
from typing import Any

from devmemkit.cli.screen import refusing


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    commands.add_parser(
        "cite",
        description="Print a BibTeX entry that names the version, the commit and the digest of "
        "the data. It works in a checkout.",
        examples=("cite",),
    )


def run(_: argparse.Namespace) -> int:
    """Print the entry."""
    from devmemkit.artifact.cite import bibtex
    from devmemkit.artifact.store import UsageError

    with refusing("cite", UsageError):
        print(bibtex())
    return 0
