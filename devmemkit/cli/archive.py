"""`devmemkit archive`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "archive",
        description="Pack everything that is committed into a tar file for a deposit. The same "
        "commit gives the same bytes.",
        examples=("archive devmemkit.tar.gz",),
    )
    parser.add_argument("file", type=Path, metavar="FILE.tar.gz", help="file to write")


def run(options: argparse.Namespace) -> int:
    """Write the archive and print its size."""
    from devmemkit.artifact.cite import archive

    print(archive(options.file))
    return 0
