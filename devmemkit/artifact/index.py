"""The report's first page: what ran, the findings, and what it was made on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devmemkit.artifact import export
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.parameters import read
from devmemkit.artifact.provenance import data_files, made_on
from devmemkit.artifact.record import INDEX, Job, Record
from devmemkit.artifact.scope import by_verdict
from devmemkit.artifact.store import Store


def _title(notebook: Path) -> str:
    try:
        return export.title(read(notebook), notebook.stem)
    except ValueError:
        return notebook.stem  # its job says what is wrong


def _there(folder: Folder, *names: str) -> str:
    """The first of the files that is there, "" if none is."""
    return next((name for name in names if folder.kind(name) == "file"), "")


def _row(name: str, title: str, record: Record | None, now: bool, folder: Folder) -> dict[str, Any]:
    given = name.partition("@")[2]
    row = {"set": bool(given), "title": given.replace(",", ", ") or title}
    notes = [] if given else [name]
    if record is None:
        return {**row, "notes": notes, "status": ("earlier", "not run"), "seconds": ""}
    notes += [f"{key} = {value!r}" for key, value in record.parameters.items()]
    ended = "failed" if record.error else "done"
    stopped = ", stopped early" if record.error else ""
    return {
        **row,
        "page": _there(folder, f"{name}.html", f"{name}.partial.html"),
        "pdf": _there(folder, f"{name}.pdf"),
        "notes": [*notes, record.error] if record.error else notes,
        "status": (ended, ended) if now else ("earlier", f"earlier run{stopped}"),
        "seconds": f"{record.seconds:.1f} s",
    }


def _rows(todo: Sequence[Job], notebooks: Sequence[Path], store: Store) -> list[dict[str, Any]]:
    """The rows of the index: this run's jobs, earlier runs, and notebooks that never ran."""
    titles = {notebook.name: _title(notebook) for notebook in notebooks}
    now = {job.name: job.notebook.name for job in todo if job.notebook}
    earlier = {name: one.notebook for name, one in store.records.items() if one.notebook in titles}
    runs = earlier | now
    runs |= {path.stem: path.name for path in notebooks if path.name not in runs.values()}
    return [
        _row(name, titles[runs[name]], store.records.get(name), name in now, store.inside)
        for name in sorted(runs)
    ]


def _finding(finding: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    kinds = dict.fromkeys(str(kind) for kinds in finding["rests_on"].values() for kind in kinds)
    page, verdict = _there(folder, f"{finding['notebook']}.html"), by_verdict(finding["verdicts"])
    return {**finding, "page": page, "kinds": list(kinds), "verdict": verdict}


def write_index(
    todo: Sequence[Job],
    notebooks: Sequence[Path],
    store: Store,
    findings: Sequence[Mapping[str, Any]],
) -> Path:
    """Write INDEX into the folder, replacing it at once; links are relative."""
    from jinja2 import Environment

    template = (export.HERE / "index.html.j2").read_text("utf-8")
    html = (
        Environment(autoescape=True, keep_trailing_newline=True)
        .from_string(template)
        .render(
            css=export.css(),
            rows=_rows(todo, notebooks, store),
            findings=[_finding(one, store.inside) for one in findings],
            made_on=made_on()._repr_html_(),
            sums=[f"{digest}  {name}" for name, digest in data_files(store.root).items()],
        )
    )
    store.inside.write({INDEX: html})
    return store.folder / INDEX
