"""`devmemkit sweep`: one notebook over a grid of parameters, into one table."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devmemkit.artifact import crate, grid, jobs, parameters
from devmemkit.artifact.crate import TABLE
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.index import write_index
from devmemkit.artifact.jobs import Runner
from devmemkit.artifact.provenance import state
from devmemkit.artifact.record import Record
from devmemkit.artifact.reproduce import choose, folder_for, job_of, notebooks_here, parsed, read
from devmemkit.artifact.store import Store, UsageError
from devmemkit.artifact.workers import Workers
from devmemkit.model.printable import printable

THREADS = 500  # of this process that wait for a cluster


def table(records: Sequence[Record], folder: Folder) -> str:
    """One row a cell: its parameters, how it ended, its named values (those that are no tables)."""
    rows = []
    for record in records:
        row: dict[str, Any] = {**record.parameters, "error": record.error}
        path = f"{record.name}.values.json"
        if not record.error and path in record.outputs:
            for name, value in parsed(folder, path, dict).items():
                told = value if isinstance(value, str | int | float) else json.dumps(value)
                row.setdefault(name, told)
        rows.append(row)
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@contextmanager
def _runner(scheduler: str | None, limit: int, root: Path) -> Iterator[Runner]:
    """Who does the cells; a cluster's client ends with it."""
    if scheduler is None:
        yield Workers(limit)
        return
    from devmemkit.artifact.cluster import Cluster

    runner = Cluster(scheduler, limit, root)
    try:
        yield runner
    finally:
        runner.stop()


def sweep(
    notebook: str,
    given: Sequence[str],
    file: Path | None,
    out: Path,
    parallel: int,
    limit: int,
    scheduler: str | None,
    most: int,
) -> int:
    """Run every cell of the grid that is not done into `out`; 1 when one failed, 130 interrupted.

    With a `scheduler` they run on the workers of its cluster, else in processes here. UsageError,
    among others, for a grid of more than `most` cells.
    """
    root, notebooks = notebooks_here()
    chosen = choose(notebooks, notebook)
    known = parameters.declared(read(chosen), chosen.name)
    cells = grid.cells(given, file, known, chosen.name, most)
    current = state(root)
    todo = [job_of(chosen, values, current) for values in cells]
    if len({job.name for job in todo}) < len(todo):
        raise UsageError("expected different cells, got one twice")
    with Store(folder_for(out, root)) as store, _runner(scheduler, limit, root) as runner:
        if scheduler is not None:  # which knows what its workers can take
            parallel = min(len(todo), THREADS)
        records = jobs.run(todo, store, runner, parallel)
        if records is None:
            print(
                f"interrupted; what was done so far is in {printable(str(store.folder))}",
                file=sys.stderr,
            )
            return 130
        store.inside.write(TABLE, table(list(records.values()), store.inside))
        titles: Mapping[str, str] = {job.name: job.title for job in todo}
        rows = [(name, titles[name], record, True) for name, record in records.items()]
        index = write_index(rows, [], store.inside, root)
        crate.write(store, root, records.values())
        failed = sum(bool(record.error) for record in records.values())
        where = printable(str(store.folder / TABLE))
        print(f"{len(records) - failed} of {len(records)} cells done; {where}")
        print(f"report: {printable(str(index))}")
    return 1 if failed else 0
