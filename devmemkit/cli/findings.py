"""`devmemkit findings`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from devmemkit.cli.screen import aside, refusing, status


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "findings",
        aliases=["claims"],
        description="Weigh every finding by its evidence, now, and print its verdict for each "
        "kernel. The exit status is 1 when a verdict is not as expected.",
        examples=("findings", "findings --json", "findings --live 6.12"),
    )
    add = parser.add_argument
    add("--live", metavar="KERNEL", help="weigh by what this kernel does, in a guest")
    add("--json", action="store_true", help="print all answers as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when a verdict is not as expected."""
    from devmemkit.artifact.findings import CONDITIONS, lines
    from devmemkit.artifact.ledger import ledger, to_json
    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError

    found = []
    with refusing("findings", GuestError, KernelError):
        try:
            if not options.json:
                print(CONDITIONS, flush=True)
            for finding in ledger(None, options.live or "", aside, _progress):
                found.append(finding)
                if not options.json:
                    print("\n".join(lines(finding)), flush=True)
        except OSError as error:
            if error.filename is None and not isinstance(error, FileNotFoundError):
                raise  # the output cannot be written
            raise ValueError(str(error)) from None
    alike = sum(finding.reproduced for finding in found)
    if options.json:
        print(json.dumps([to_json(one) for one in found], indent=1, ensure_ascii=False))
    else:
        print(f"\n{alike} of {len(found)} findings reproduced: every verdict as expected")
    return 0 if alike == len(found) else 1


def _progress(line: str) -> None:
    status.doing = line
