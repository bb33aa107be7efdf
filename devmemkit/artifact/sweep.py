"""`devmemkit sweep`: one notebook over a grid of parameters, into one table."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devmemkit.artifact import crate, jobs, parameters
from devmemkit.artifact.index import write_index
from devmemkit.artifact.jobs import Runner
from devmemkit.artifact.provenance import state
from devmemkit.artifact.reproduce import choose, folder_for, job_of, notebooks_here, read
from devmemkit.artifact.store import Record, Store, UsageError, write_text
from devmemkit.artifact.workers import Workers

TABLE = "table.csv"


def grid(given: Sequence[str], file: Path | None, notebook: Path) -> list[dict[str, Any]]:
    """Every combination of the values; ParameterError or UsageError for what is none."""
    known = parameters.declared(read(notebook), notebook.name)
    told: dict[str, list[str]] = {}
    if file is not None:
        try:
            listed = tomllib.loads(file.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(
                f"{file}: expected TOML with NAME = [VALUE, ...], got: {error}"
            ) from None
        for name, values in listed.items():
            if not isinstance(values, list) or not values:
                raise UsageError(f"{file}: expected a list of values for {name}, got {values!r}")
            told[name] = [str(value) for value in values]
    for item in given:
        name, equals, values = item.partition("=")
        if not equals:
            raise UsageError(f"expected -p NAME=VALUE,VALUE,..., got {item!r}")
        told[name] = values.split(",")
    if not told:
        raise UsageError("expected -p NAME=VALUE,VALUE,... or --grid FILE, got neither")
    columns = {
        name: [parameters.parse([f"{name}={v}"], known, notebook.name)[name] for v in values]
        for name, values in told.items()
    }
    return [dict(zip(columns, cell, strict=True)) for cell in itertools.product(*columns.values())]


def table(records: Sequence[Record], folder: Path) -> str:
    """One row a cell: its parameters, how it ended, its named values (those that are no tables)."""
    rows = []
    for record in records:
        row: dict[str, Any] = {**record.parameters, "error": record.error}
        path = folder / f"{record.name}.values.json"
        if not record.error and path.exists():
            for name, value in json.loads(path.read_text("utf-8")).items():
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
) -> int:
    """Run every cell of the grid that is not done into `out`; 1 when one failed, 130 interrupted.

    With a `scheduler` they run on the workers of its cluster, else in processes here.
    """
    root, notebooks = notebooks_here()
    chosen = choose(notebooks, notebook)
    cells = grid(given, file, chosen)
    known = state(root)
    todo = [job_of(chosen, values, known) for values in cells]
    if len({job.name for job in todo}) < len(todo):
        raise UsageError("expected different cells, got one twice")
    with Store(folder_for(out, root)) as store:
        runner: Runner
        if scheduler is None:
            runner = Workers(limit)
        else:
            from devmemkit.artifact.cluster import Cluster

            runner = Cluster(scheduler, limit, root)
            parallel = len(todo)  # the scheduler knows what its workers can take
        records = jobs.run(todo, store, runner, parallel)
        if records is None:
            print(f"interrupted; what was done so far is in {store.folder}", file=sys.stderr)
            return 130
        write_text(store.folder / TABLE, table(list(records.values()), store.folder))
        titles: Mapping[str, str] = {job.name: job.title for job in todo}
        rows = [(name, titles[name], record, True) for name, record in records.items()]
        index = write_index(rows, [], store.folder, root)
        crate.write(store, root)
        failed = sum(bool(record.error) for record in records.values())
        print(f"{len(records) - failed} of {len(records)} cells done; {store.folder / TABLE}")
        print(f"report: {index}")
    return 1 if failed else 0
