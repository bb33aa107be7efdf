"""`devmemkit cite`."""

from __future__ import annotations

import argparse
from typing import Any


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

    print(bibtex())
    return 0
