"""`devmemkit reproduce`: all notebooks with all their parameter sets, the ledger, one report."""

from __future__ import annotations

import hashlib
import json
import os
import re
import reprlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from devmemkit.artifact import crate, export, grid, parameters
from devmemkit.artifact.findings import is_finding
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.index import INDEX, Row, write_index
from devmemkit.artifact.jobs import run, say
from devmemkit.artifact.provenance import checkout, state
from devmemkit.artifact.record import Record
from devmemkit.artifact.scope import by_verdict
from devmemkit.artifact.store import LEDGER, Job, Store, UsageError
from devmemkit.artifact.work import here
from devmemkit.host import files as source
from devmemkit.model.kernel import KernelProfile
from devmemkit.text.columns import columns

Kind = TypeVar("Kind", list[Any], dict[str, Any])
LARGEST = 64 << 20  # bytes of a JSON file of the report


def choose(notebooks: Sequence[Path], only: str) -> Path:
    """The notebook of that name, number or unique prefix."""
    wanted = only.removesuffix(".ipynb")
    found = [path for path in notebooks if path.stem == wanted]
    found = found or [path for path in notebooks if wanted and path.stem.startswith(wanted)]
    if wanted.isdecimal():
        numbers = [path.stem.partition("-")[0] for path in notebooks]
        pairs = zip(notebooks, numbers, strict=True)
        found = [path for path, n in pairs if n.isdecimal() and int(n) == int(wanted)] or found
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem for path in found or notebooks)
    what = "more than one notebook matches" if found else "no notebook matches"
    raise UsageError(f"{what} {only!r}: expected one of {names}")


def read(notebook: Path) -> dict[str, Any]:
    """A notebook as parsed JSON; UsageError if it is not one."""
    try:
        text = source.read(notebook, pipes=False, texts=(), what="a notebook")
        parsed = json.loads(text)
        if parsed["nbformat"] == 4:
            if all(map(_is_cell, parsed["cells"])):
                return dict(parsed)
            reason = "a cell that is none"
        else:
            reason = f"format {parsed['nbformat']}"
    except source.SourceError as error:
        raise UsageError(str(error)) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise UsageError(f"{notebook}: expected a notebook of format 4, got {reason}")


def _is_cell(told: Any) -> bool:
    """Whether a cell has a type, a source and tags of the right types."""
    source = told["source"]
    lines = [source] if isinstance(source, str) else source
    tags = told["metadata"].get("tags", [])
    return isinstance(told["cell_type"], str) and all(isinstance(x, str) for x in (*lines, *tags))


def parsed(folder: Folder, name: str, kind: type[Kind]) -> Kind:
    """The content of a JSON file of the report; UsageError if it is not of that `kind`."""
    try:
        told = json.loads(folder.read(name, LARGEST))
    except OSError as error:
        raise _unexpected(folder, name, f"JSON, got: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise _unexpected(folder, name, f"JSON, got: {error}") from None
    if not isinstance(told, kind):
        raise _unexpected(folder, name, f"a {kind.__name__}, got {reprlib.repr(told)}")
    return told


def _unexpected(folder: Folder, name: str, what: str) -> UsageError:
    return UsageError(f"{folder.path / name}: expected {what}; without the file its job runs again")


def _title(notebook: Path) -> str:
    try:
        return export.title(read(notebook), notebook.stem)
    except UsageError:  # the job will say why
        return notebook.stem


def name_of(notebook: Path, given: Mapping[str, Any]) -> str:
    """The name of a run's files: the notebook's, with the parameters that it was given."""
    if not given:
        return notebook.stem
    told = ",".join(f"{key}={value}" for key, value in given.items())
    plain = re.sub(r"[^\w.,=+-]", "_", told)
    if plain != told or len(plain.encode()) > 100:  # a file's name has 255 bytes
        start = plain.encode()[:90].decode(errors="ignore")
        plain = f"{start}~{Job(told, '').key[:8]}"
    return f"{notebook.stem}@{plain}"


def job_of(notebook: Path, given: Mapping[str, Any], known: Mapping[str, str]) -> Job:
    """The job that runs a notebook; `known` is the state that it depends on."""
    try:
        with source.open_file(notebook) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except source.SourceError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{notebook}: {error.strerror}") from None
    inputs = {**known, f"notebooks/{notebook.name}": digest}
    name, title = name_of(notebook, given), _title(notebook)
    return Job(name, "notebook", notebook, dict(given), inputs, title)


def notebooks_here() -> tuple[Path, list[Path]]:
    """The checkout around the current folder, and its notebooks; UsageError if there is none."""
    missing = [name for name in ("papermill", "ipykernel", "nbconvert") if not find_spec(name)]
    if missing:
        raise UsageError(
            f"expected {missing[0]} to be installed; it comes with devmemkit[notebooks]"
        )
    here = Path.cwd()
    root = checkout(here)
    found = sorted((root / "notebooks").glob("*.ipynb")) if root else []
    if root is None or not found:
        raise UsageError(
            f"expected to run inside a checkout of devmemkit with notebooks/*.ipynb, got {here}"
        )
    return root, found


def folder_for(out: Path, root: Path) -> Path:
    """The folder for results; UsageError for one that holds a checkout."""
    out = Path(os.path.realpath(out))
    if out in (root, root / "notebooks") or os.path.exists(out / ".git"):
        raise UsageError(f"expected a folder of its own for the report, got {out}")
    return out


def _is_set(told: Any) -> bool:
    plain = parameters.Value
    return isinstance(told, dict) and all(isinstance(value, plain) for value in told.values())


def _sets(root: Path, notebooks: Iterable[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Every notebook with its defaults, and with each set of notebooks/sets.toml."""
    path = root / "notebooks" / "sets.toml"
    told = grid.toml(path, "[[NOTEBOOK]] and its parameters") if path.exists() else {}
    for name, sets in told.items():
        if not isinstance(sets, list) or not all(map(_is_set, sets)):
            raise UsageError(
                f"{path}: expected [[{name}]] and parameters, got {reprlib.repr(sets)}"
            )
    if gone := sorted(told.keys() - {notebook.stem for notebook in notebooks}):
        raise UsageError(f"{path}: expected sets of notebooks that are there, got {gone[0][:60]!r}")
    return [(n, given) for n in notebooks for given in ({}, *told.get(n.stem, ()))]


def plan(
    root: Path, notebooks: Sequence[Path], only: str | None, given: Sequence[str]
) -> list[Job]:
    """The jobs, longest first so that the last ones end together.

    UsageError or ParameterError for a request that cannot be met.
    """
    known = state(root)
    if only is not None:
        chosen = choose(notebooks, only)
        names = parameters.declared(read(chosen), chosen.name) if given else {}
        return [job_of(chosen, parameters.parse(given, names, chosen.name), known)]
    runs = [job_of(notebook, values, known) for notebook, values in _sets(root, notebooks)]
    # if the ledger alone is gone, the job must fail, not disappear
    weighs = any((root / "data" / name).exists() for name in ("findings.toml", "SHA256SUMS"))
    todo = [*([Job(LEDGER, "findings", inputs=known)] if weighs else []), *runs]
    for job, times in Counter(job.name for job in todo).items():
        if times > 1 or f"{job}.html" == INDEX:
            raise UsageError(f"expected names of their own for the files of each run, got {job}")
    return todo


def _on_kernels(live: Sequence[str], root: Path) -> list[Job]:
    try:
        versions = dict.fromkeys(KernelProfile(name).version for name in live)
    except ValueError as error:
        raise UsageError(f"--live: {error}") from None
    known = state(root)
    return [
        Job(f"{LEDGER}-{version}", "findings", parameters={"kernel": version}, inputs=known)
        for version in versions
    ]


def reproduce(
    only: str | None,
    given: Sequence[str],
    live: Sequence[str],
    out: Path,
    parallel: int,
    limit: int,
) -> int:
    """Do everything (or `only` one notebook, with NAME=VALUE parameters) into the folder `out`.

    Each of the `live` kernels is booted, and the findings are weighed by what it does. Jobs that an
    earlier run into `out` did from the same state are kept. Prints progress and a table of the
    findings. Returns 0 when all went well and every verdict is as expected, 1 when not, 130 when
    interrupted. UsageError or ParameterError, before anything runs, for an impossible request.
    """
    root, notebooks = notebooks_here()
    todo = [*plan(root, notebooks, only, given), *_on_kernels(live, root)]
    with Store(folder_for(out, root)) as store:
        start = time.monotonic()
        with here(parallel, limit) as submit:
            records = run(todo, store, submit, parallel)
        if records is None:
            return 130
        findings = _findings(store, records)
        for line in table(findings):
            say(line)
        say(f"{time.monotonic() - start:.0f} s")
        write_report(store, root, _rows(notebooks, todo, store, records), findings, records)
    failed = any(record.error for record in records.values())
    return 1 if failed or not all(finding["reproduced"] for finding in findings) else 0


def write_report(
    store: Store,
    root: Path,
    rows: Iterable[Row],
    findings: Sequence[Mapping[str, Any]],
    records: Mapping[str, Record],
) -> None:
    """Write the index and the provenance of what is in the folder, and say where."""
    index = write_index(rows, findings, store.inside, root)
    crate.write(store, root, records.values())
    say(f"report: {index}")


def _rows(
    notebooks: Sequence[Path], todo: Sequence[Job], store: Store, done: Mapping[str, Record]
) -> list[Row]:
    """The rows of the index: this run's jobs, earlier runs, and notebooks that never ran."""
    titles = {notebook.name: _title(notebook) for notebook in notebooks}
    rows: dict[str, Row] = {
        job.name: (job.name, job.title, done.get(job.name), True) for job in todo if job.notebook
    }
    for record in store.records():
        if record.notebook in titles and record.name not in rows:
            rows[record.name] = (record.name, titles[record.notebook], record, False)
    for notebook in notebooks:
        if all(name.partition("@")[0] != notebook.stem for name in rows):
            rows[notebook.stem] = (notebook.stem, titles[notebook.name], None, False)
    return [rows[name] for name in sorted(rows)]


def _findings(store: Store, records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """All weighed findings: from recordings, then from each live kernel."""
    found = []
    ledgers = (one for one in records.values() if one.work == "findings" and not one.error)
    for name in (f"{one.name}.json" for one in ledgers):
        for finding in parsed(store.inside, name, list):
            if not is_finding(finding):
                raise _unexpected(store.inside, name, f"findings, got {reprlib.repr(finding)}")
            found.append(finding)
    return found


def table(findings: Sequence[Mapping[str, Any]]) -> list[str]:
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
