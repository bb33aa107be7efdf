"""`devmemkit reproduce`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from devmemkit.cli.parser import count, folder


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "reproduce",
        description="Run every notebook, weigh every finding, and write a report for the browser. "
        "Results of an earlier run stay as long as code and data are the same.",
        examples=(
            "reproduce --out report",
            "reproduce --only 01 -p kernel=5.10 -p claim_size=0x800",
            "reproduce --live 6.12",
        ),
    )
    add = parser.add_argument
    add("--only", metavar="NOTEBOOK", help="one notebook: name, prefix or number")
    live = "also weigh the findings on this kernel, in a guest (may be repeated)"
    add("--live", metavar="KERNEL", action="append", default=[], help=live)
    add_runs(parser, "report", "value of a parameter, with --only (may be repeated)")


def add_runs(parser: argparse.ArgumentParser, out: str, what: str) -> None:
    """Add the options of the commands that run notebooks; `what` explains -p."""
    add, cpus = parser.add_argument, os.cpu_count() or 1
    add("-p", action="append", default=[], metavar="NAME=VALUE", dest="parameters", help=what)
    add("--out", type=folder, default=Path(out), metavar="DIR", help=f"results (default: {out})")
    add("--jobs", type=count, default=cpus, metavar="N", help="runs at a time (default: each CPU)")
    limit = "time that a cell may take (default: %(default)s)"
    add("--limit", type=count, default=600, metavar="SECONDS", help=limit)


def run(options: argparse.Namespace) -> int:
    """Run the command; 1 when a notebook failed or a finding is not reproduced."""
    from devmemkit.artifact.plan import notebooks_here, plan
    from devmemkit.artifact.reproduce import report
    from devmemkit.artifact.work import here

    if options.parameters and options.only is None:
        raise ValueError("expected --only NAME with -p, for parameters belong to one notebook")
    root, notebooks = notebooks_here()
    todo = plan(root, notebooks, options.only, options.parameters, options.live)
    where = here(options.jobs, options.limit)
    return report(todo, notebooks, options.out, root, where, options.jobs)
