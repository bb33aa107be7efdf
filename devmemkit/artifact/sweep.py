"""`devmemkit sweep`: one notebook over a grid of parameters, into one table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devmemkit.artifact import grid, parameters
from devmemkit.artifact.cluster import cluster
from devmemkit.artifact.crate import TABLE
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.jobs import run, say
from devmemkit.artifact.provenance import state
from devmemkit.artifact.record import Record
from devmemkit.artifact.reproduce import (
    choose,
    folder_for,
    job_of,
    notebooks_here,
    parsed,
    read,
    write_report,
)
from devmemkit.artifact.store import Store, UsageError
from devmemkit.artifact.work import here


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
    with Store(folder_for(out, root)) as store:
        where = cluster(scheduler, limit, root) if scheduler is not None else here(parallel, limit)
        with where as submit:
            records = run(todo, store, submit, parallel)
        if records is None:
            return 130
        store.inside.write(TABLE, table(list(records.values()), store.inside))
        failed = sum(bool(record.error) for record in records.values())
        say(f"{len(records) - failed} of {len(records)} cells done; {store.folder / TABLE}")
        rows = [(job.name, job.title, records[job.name], True) for job in todo]
        write_report(store, root, rows, [], records)
    return 1 if failed else 0
