"""The commands that make, check and cite results: `devmemkit reproduce`, `sweep`, `verify`, ..."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from devmemkit.cli.parser import count, folder


def add_parser(commands: Any) -> None:
    """Add the commands to argparse's sub-parsers."""
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
    _add_runs(parser, "report", "value of a parameter, with --only (may be repeated)")

    parser = commands.add_parser(
        "sweep",
        description="Run one notebook with every combination of the given values, and collect its "
        "results in one table. Cells that an earlier run has done are kept.",
        examples=(
            "sweep 05 -p kernel=6.1,7.3 -p policy=RevokeAll,RefuseClaim",
            "sweep 04 -p delay=1,10,100 --scheduler tcp://scheduler:8786",
        ),
    )
    add = parser.add_argument
    add("notebook", metavar="NOTEBOOK", help="name, prefix or number")
    add("--grid", type=Path, metavar="FILE", help="TOML file of lines NAME = [VALUE, ...]")
    cells = "refuse a grid of more cells (default: %(default)s)"
    add("--cells", type=count, default=1000, metavar="N", help=cells)
    add("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    _add_runs(parser, "sweep", "values of a parameter: NAME=VALUE,VALUE,... (may be repeated)")

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

    commands.add_parser(
        "cite",
        description="Print a BibTeX entry that names the version, the commit and the digest of "
        "the data. It works in a checkout.",
        examples=("cite",),
    )
    parser = commands.add_parser(
        "archive",
        description="Pack everything that is committed into a tar file for a deposit. The same "
        "commit gives the same bytes.",
        examples=("archive devmemkit.tar.gz",),
    )
    parser.add_argument("file", type=Path, metavar="FILE.tar.gz", help="file to write")


def _add_runs(parser: argparse.ArgumentParser, out: str, what: str) -> None:
    """Add the options of the commands that run notebooks; `what` explains -p."""
    add, cpus = parser.add_argument, os.cpu_count() or 1
    add("-p", action="append", default=[], metavar="NAME=VALUE", dest="parameters", help=what)
    add("--out", type=folder, default=Path(out), metavar="DIR", help=f"results (default: {out})")
    add("--jobs", type=count, default=cpus, metavar="N", help="runs at a time (default: each CPU)")
    limit = "time that a cell may take (default: %(default)s)"
    add("--limit", type=count, default=600, metavar="SECONDS", help=limit)


def run(options: argparse.Namespace) -> int:
    """Run the command; 1 when a job failed, a finding is not reproduced, or something differs."""
    if options.command in ("reproduce", "sweep"):
        return _report(options)
    if options.command == "verify":
        from devmemkit.artifact.verify import verify

        return verify(options.folder, options.against)
    from devmemkit.artifact.cite import archive, bibtex

    print(bibtex() if options.command == "cite" else archive(options.file))
    return 0


def _report(options: argparse.Namespace) -> int:
    from devmemkit.artifact import grid
    from devmemkit.artifact.cluster import cluster
    from devmemkit.artifact.jobs import here
    from devmemkit.artifact.parameters import declared
    from devmemkit.artifact.plan import choose, jobs, notebooks_here, plan
    from devmemkit.artifact.reproduce import report

    given, where = options.parameters, here(options.jobs, options.limit)
    if options.command == "reproduce" and given and options.only is None:
        raise ValueError("expected --only NAME with -p, for parameters belong to one notebook")
    root, notebooks = notebooks_here()
    if options.command == "reproduce":
        todo = plan(root, notebooks, options.only, given, options.live)
    else:
        chosen = choose(notebooks, options.notebook)
        notebooks, known = [chosen], declared(chosen)
        cells = grid.cells(given, options.grid, known, chosen.name, options.cells)
        todo = jobs(root, [(chosen, cell) for cell in cells])
        if options.scheduler is not None:
            where = cluster(options.scheduler, options.limit, root)
    swept = options.command == "sweep"
    return report(todo, notebooks, options.out, root, where, options.jobs, swept)
