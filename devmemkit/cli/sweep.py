"""`devmemkit sweep`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from devmemkit.cli.parser import count
from devmemkit.cli.reproduce import add_runs


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
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
    add_runs(parser, "sweep", "values of a parameter: NAME=VALUE,VALUE,... (may be repeated)")


def run(options: argparse.Namespace) -> int:
    """Run the command; 1 when a cell failed."""
    from devmemkit.artifact import grid
    from devmemkit.artifact.cluster import cluster
    from devmemkit.artifact.parameters import declared
    from devmemkit.artifact.plan import choose, jobs, notebooks_here
    from devmemkit.artifact.reproduce import report
    from devmemkit.artifact.work import here

    root, notebooks = notebooks_here()
    chosen = choose(notebooks, options.notebook)
    known, file, most = declared(chosen), options.grid, options.cells
    cells = grid.cells(options.parameters, file, known, chosen.name, most)
    todo = jobs(root, [(chosen, cell) for cell in cells])
    where = here(options.jobs, options.limit)
    if options.scheduler is not None:
        where = cluster(options.scheduler, options.limit, root)
    return report(todo, [chosen], options.out, root, where, options.jobs, swept=True)
