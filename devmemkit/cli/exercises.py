"""`devmemkit exercises`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from devmemkit.cli.screen import status
from devmemkit.model.printable import printable

MOST = 1000
"""Students of one sheet."""


def _seeds(text: str) -> list[int]:
    """One number, or two with a hyphen between them."""
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text, re.ASCII)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not 0 <= last - first < MOST:
        raise argparse.ArgumentTypeError(
            f"expected a number such as 7, or at most {MOST} such as 1-30; got {text!r}"
        )
    return [*range(first, last + 1)]


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "exercises",
        description="Print the tasks of notebooks/exercises with their answers and points, for the "
        "teacher. A student's number, the seed, decides the numbers in the tasks: give each "
        "student another one.",
        examples=(
            "exercises --seed 7",
            "exercises --seed 1-30 --out answers.md",
            "exercises --seed 7 --tasks-only",
        ),
    )
    add = parser.add_argument
    add(
        "--seed",
        type=_seeds,
        action="extend",
        required=True,
        metavar="N",
        help="a student's number, or those from N to M, as 1-30; may be given more than once",
    )
    add("--tasks-only", action="store_true", help="leave out the answers, for the students")
    add("--out", type=Path, metavar="FILE", help="write into a file instead of the terminal")


def run(options: argparse.Namespace) -> int:
    """Print or write the sheet."""
    from devmemkit.exercises.sheet import sheet
    from devmemkit.host.files import write

    status.doing = "making the tasks"
    parts = sheet(dict.fromkeys(options.seed), answers=not options.tasks_only)
    if options.out is None:
        sys.stdout.writelines(parts)
        return 0
    try:
        write(options.out, "".join(parts))
    except OSError as error:
        raise ValueError(f"{printable(str(options.out))}: {error.strerror}") from None
    print(f"wrote {printable(str(options.out))}")
    return 0
