"""Jobs done into a folder, and their results in one report."""

from __future__ import annotations

import csv
import io
import json
import reprlib
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from devmemkit.artifact.folder import Folder
from devmemkit.artifact.index import write_index
from devmemkit.artifact.jobs import Submit, run, say
from devmemkit.artifact.plan import folder_for
from devmemkit.artifact.record import TABLE, Job, Record, UsageError
from devmemkit.artifact.scope import by_verdict
from devmemkit.artifact.store import Store
from devmemkit.model.features import VERSIONS
from devmemkit.text.columns import columns

Kind = TypeVar("Kind", list[Any], dict[str, Any])
LARGEST = 64 << 20  # bytes of a JSON file of the report


def report(
    todo: Sequence[Job],
    notebooks: Sequence[Path],
    out: Path,
    root: Path,
    where: AbstractContextManager[Submit],
    parallel: int,
    swept: bool = False,
) -> int:
    """Do the jobs, print progress and the findings, and write the report on the `notebooks`.

    Jobs that an earlier run into `out` did from the same state are kept. Where cells are `swept`,
    a table of them is written, too. Returns 0 when all went well and every verdict is as expected,
    1 when not, 130 when interrupted. ValueError, before anything runs, for an impossible folder.
    """
    with Store(folder_for(out, root), root) as store:
        start = time.monotonic()
        with where as submit:
            records = run(todo, store, submit, parallel)
        if records is None:
            return 130
        done = list(records.values())
        failed = sum(bool(record.error) for record in done)
        if swept:
            store.inside.write({TABLE: cell_table(todo, records, store.inside)})
            say(f"{len(done) - failed} of {len(done)} cells done; {store.folder / TABLE}")
        findings = weighed(store.inside, done)
        for line in finding_lines(findings):
            say(line)
        say(f"{time.monotonic() - start:.0f} s")
        index = write_index(todo, notebooks, store, findings)
        store.write_crate()
        say(f"report: {index}")
    return 0 if not failed and all(finding["reproduced"] for finding in findings) else 1


def parsed(folder: Folder, name: str, kind: type[Kind]) -> Kind:
    """The content of a JSON file of the report; UsageError if it is not of that `kind`."""
    try:
        told = json.loads(folder.read(name, LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", error)
        raise _unexpected(folder, name, f"JSON, got: {why}") from None
    if not isinstance(told, kind):
        raise _unexpected(folder, name, f"a {kind.__name__}, got {reprlib.repr(told)}")
    return told


def _unexpected(folder: Folder, name: str, what: str) -> UsageError:
    return UsageError(f"{folder.path / name}: expected {what}; without the file its job runs again")


def cell_table(jobs: Sequence[Job], records: Mapping[str, Record], folder: Folder) -> str:
    """One row a cell: its parameters, how it ended, its named values (those that are no tables)."""
    rows = []
    for job in jobs:
        record = records[job.name]
        row: dict[str, Any] = {**job.parameters, "error": record.error}
        path = f"{record.name}.values.json"
        if not record.error and path in record.outputs:
            for name, value in parsed(folder, path, dict).items():
                told = value if isinstance(value, str | int | float) else json.dumps(value)
                row.setdefault(name, told)
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def weighed(folder: Folder, records: Sequence[Record]) -> list[dict[str, Any]]:
    """All weighed findings of the jobs that weighed some."""
    found = []
    for record in records:
        if not record.notebook and not record.error:
            name = f"{record.name}.json"
            for finding in parsed(folder, name, list):
                if not is_finding(finding):
                    raise _unexpected(folder, name, f"findings, got {reprlib.repr(finding)}")
                found.append(finding)
    return found


def is_finding(told: Any) -> bool:
    """Whether a finding read from a file, which anyone may have written, can be printed."""
    by_kernel = {"verdicts": str, "expected": str, "rests_on": list}
    return (
        isinstance(told, dict)
        and isinstance(told.get("reproduced"), bool)
        and all(isinstance(told.get(key), str) for key in ("id", "says", "by", "notebook"))
        and all(isinstance(told.get(key), dict) for key in by_kernel)
        and all(told[key].keys() <= VERSIONS.keys() for key in by_kernel)
        and all(isinstance(v, kind) for key, kind in by_kernel.items() for v in told[key].values())
    )


def finding_lines(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each finding, and how many are reproduced."""
    if not findings:
        return []
    rows = [("finding", "reproduced", "verdict")]
    for finding in findings:
        mark = "yes" if finding["reproduced"] else "NO"
        rows.append((finding["id"], mark, by_verdict(finding["verdicts"])))
        if not finding["reproduced"]:
            rows.append(("", "", f"expected: {by_verdict(finding['expected'])}"))
    alike = sum(finding["reproduced"] for finding in findings)
    return [*columns(rows).split("\n"), f"{alike} of {len(findings)} findings reproduced"]
