"""`devmemkit reproduce`: every notebook executed, each in its own process, and a report to open."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from devmemkit.artifact import export, parameters
from devmemkit.artifact.index import Row, write_index
from devmemkit.artifact.progress import Progress
from devmemkit.artifact.provenance import checkout, made_on, sha256
from devmemkit.artifact.workers import Workers

GRACE = 10  # seconds that a worker gets to end its kernel


class UsageError(ValueError):
    """What was asked for does not exist or cannot be done."""


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


def _read(notebook: Path) -> dict[str, Any]:
    """A notebook as parsed JSON; UsageError when it is none."""
    try:
        parsed = json.loads(notebook.read_text("utf-8"))
        if parsed["nbformat"] == 4 and isinstance(parsed["cells"], list):
            return dict(parsed)
        reason = f"format {parsed['nbformat']}"
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise UsageError(f"{notebook}: expected a notebook of format 4, got {reason}")


def _make_writable(folder: Path) -> None:
    """Make the report's folder where there is none; UsageError when it cannot take the report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        folders = [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise UsageError(f"expected a folder to write to, got {folder}: {error.strerror}") from None
    if taken := [path for path in folders if path.suffix in (".html", ".ipynb")]:
        raise UsageError(f"expected a file of the report or nothing, got a folder: {taken[0]}")


def _run(row: Row, notebook: Path, folder: Path, workers: Workers, progress: Progress) -> None:
    """Run one notebook and note in `row` how it went."""
    progress.update(row.name, "started", milestone=True)
    start = time.monotonic()
    cells = 0
    for event in workers.events(notebook, folder, row.parameters):
        if "cells" in event:
            cells = event["cells"]
            progress.update(row.name, f"cell {event['cell']} of {cells}")
        elif "stage" in event:
            progress.update(row.name, event["stage"])
        else:
            row.error = event["error"]
    if workers.stopping.is_set():
        return
    row.seconds = time.monotonic() - start
    state = f"failed at {row.error}" if row.error else f"done, {cells} cells"
    progress.update(row.name, f"{state}, {row.seconds:.1f} s", milestone=True)


def reproduce(out: Path, only: str | None, jobs: int, given: Sequence[str]) -> int:
    """Execute the notebooks (or `only` one, with NAME=VALUE parameters) into the folder `out`.

    Prints progress; 0 when all went well, 1 when one failed (its partial output is kept), 130
    when interrupted. UsageError or ParameterError, before anything runs, for what cannot be.
    """
    missing = [name for name in ("papermill", "ipykernel", "nbconvert") if not find_spec(name)]
    if missing:
        raise UsageError(
            f"expected {missing[0]} to be installed; it comes with devmemkit[notebooks]"
        )
    here = Path.cwd()
    root = checkout(here)
    notebooks = sorted((root / "notebooks").glob("*.ipynb")) if root else []
    if root is None or not notebooks:
        raise UsageError(
            f"expected to run inside a checkout of devmemkit with notebooks/*.ipynb, got {here}"
        )
    chosen = [choose(notebooks, only)] if only is not None else notebooks
    rows = {}
    for notebook in notebooks:
        parsed = _read(notebook)
        rows[notebook] = row = Row(notebook.stem, export.title(parsed, notebook.stem), {})
        if notebook in chosen and given:
            known = parameters.declared(parsed, notebook.name)
            row.parameters = parameters.parse(given, known, notebook.name)
    out = out.resolve()
    if out in (root, root / "notebooks") or (out / ".git").exists():
        raise UsageError(f"expected a folder of its own for the report, got {out}")
    _make_writable(out)

    progress = Progress([notebook.stem for notebook in chosen], sys.stdout)
    workers = Workers()
    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(_run, rows[n], n, out, workers, progress) for n in chosen]
        try:
            wait(runs)
        except KeyboardInterrupt:
            workers.stop()
            wait(runs, GRACE)
            workers.kill()
            print(f"interrupted; what was done so far is in {out}", file=sys.stderr)
            return 130
    for run in runs:
        run.result()
    data = sorted(path for path in (root / "data").rglob("*") if path.is_file())
    sums = [f"{sha256(path)}  {path.relative_to(root)}" for path in data]
    index = write_index(rows.values(), out, made_on(), sums)
    print(f"report: {index}")
    return 1 if any(row.error for row in rows.values()) else 0
