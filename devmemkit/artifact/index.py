"""The report's first page: what ran, the findings, and what it was made on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from devmemkit.artifact import export
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.parameters import defaults, read
from devmemkit.artifact.provenance import data_files, made_on
from devmemkit.artifact.record import FIGURES, INDEX, Job, Record
from devmemkit.artifact.scope import by_verdict
from devmemkit.artifact.store import Store
from devmemkit.model.flags import PAGE_SIZE

SIZES = range(PAGE_SIZE, 1 << 64, PAGE_SIZE // 2)
"""Numbers that are sizes or addresses: they are told in hexadecimal."""
FILES = {"PDF": ".pdf", "notebook": ".ipynb", "values": ".values.json"}
"""The files of a run beside its page, by what they are called."""


class Walk(NamedTuple):
    """A notebook: its title, its first paragraph, the defaults of its parameters."""

    title: str
    opening: str
    defaults: Mapping[str, Any]


def _walk(notebook: Path) -> Walk:
    try:
        told = read(notebook)
        title = export.title(told, notebook.stem)
        return Walk(title, export.opening(told), defaults(notebook))
    except ValueError:
        return Walk(notebook.stem, "", {})  # its job says what is wrong


def _there(folder: Folder, *names: str) -> str:
    """The first of the files that is there, "" if none is."""
    return next((name for name in names if folder.kind(name) == "file"), "")


def in_words(parameters: Mapping[str, Any]) -> str:
    """Parameters as a reader would say them: "Linux 5.10, rate 1.0"."""

    def said(name: str, value: Any) -> str:
        name = "Linux" if name == "kernel" else name.replace("_", " ")
        if isinstance(value, bool) or value is None:
            return f"{'' if value else 'not ' if value is False else 'no '}{name}"
        # of a range, anything but an integer would be looked for number by number
        size = isinstance(value, int) and value in SIZES
        return f"{name} {value:#x}" if size else f"{name} {value}"

    return ", ".join(said(name, value) for name, value in parameters.items())


def _row(name: str, walk: Walk, record: Record | None, now: bool, folder: Folder) -> dict[str, Any]:
    """A row of the table of runs; `usual` ones have the notebook's own parameters."""
    row = {"name": name, "usual": "@" not in name, **walk._asdict()}
    if record is None:
        return {**row, "status": ("earlier", "not run"), "seconds": ""}
    usual = {} if row["usual"] else walk.defaults
    other = {key: one for key, one in record.parameters.items() if usual.get(key, ...) != one}
    ended = "failed" if record.error else "done"
    stopped = ", stopped early" if record.error else ""
    figures = [one for one in sorted(record.outputs) if one.startswith(f"{FIGURES}/")]
    return {
        **row,
        "page": _there(folder, f"{name}.html", f"{name}.partial.html"),
        "files": {
            kind: file
            for kind, ending in FILES.items()
            if (file := _there(folder, f"{name}{ending}"))
        },
        "figures": [one for one in figures if _there(folder, one)],
        "parameters": in_words(other),
        "error": record.error,
        "status": (ended, ended) if now else ("earlier", f"earlier run{stopped}"),
        "seconds": f"{record.seconds:.1f} s",
    }


def _rows(todo: Sequence[Job], walks: Mapping[str, Walk], store: Store) -> list[dict[str, Any]]:
    """The rows of the index: this run's jobs, earlier runs, and notebooks that never ran."""
    now = {job.name: job.notebook.name for job in todo if job.notebook}
    earlier = {name: one.notebook for name, one in store.records.items() if one.notebook in walks}
    runs = earlier | now
    runs |= {Path(name).stem: name for name in walks if name not in runs.values()}
    return [
        _row(name, walks[runs[name]], store.records.get(name), name in now, store.inside)
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

    rows = _rows(todo, {one.name: _walk(one) for one in notebooks}, store)
    template = (export.HERE / "index.html.j2").read_text("utf-8")
    html = (
        Environment(autoescape=True, keep_trailing_newline=True)
        .from_string(template)
        .render(
            css=export.css(),
            rows=rows,
            start=[one for one in rows if one["usual"] and one.get("error") == ""],
            findings=[_finding(one, store.inside) for one in findings],
            made_on=made_on()._repr_html_(),
            sums=[f"{digest}  {name}" for name, digest in data_files(store.root).items()],
        )
    )
    store.inside.write({INDEX: html})
    return store.folder / INDEX
