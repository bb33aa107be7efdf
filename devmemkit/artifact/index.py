"""The report's first page: what ran, the findings, and what it was made on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devmemkit.artifact.export import HERE, css
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.provenance import data_files, made_on
from devmemkit.artifact.record import Record
from devmemkit.artifact.scope import by_verdict

INDEX = "index.html"

Row = tuple[str, str, Record | None, bool]
"""Name and title of a run, its record (None if it never ran), and whether it ran this time."""


def _there(folder: Folder, *names: str) -> str:
    """The first of the files that is there, "" if none is."""
    return next((name for name in names if folder.kind(name) == "file"), "")


def _row(row: Row, folder: Folder) -> dict[str, Any]:
    name, title, record, now = row
    given = name.partition("@")[2]
    notes = [] if given else [name]
    if record is None:
        status = "earlier", "not run"
    elif now:
        status = ("failed", "failed") if record.error else ("done", "done")
    else:
        status = "earlier", "earlier run" + (", stopped early" if record.error else "")
    if record:
        notes += [f"{key} = {value!r}" for key, value in record.parameters.items()]
        notes += [record.error] if record.error else []
    return {
        "set": bool(given),
        "title": given.replace(",", ", ") or title,
        "page": record and _there(folder, f"{name}.html", f"{name}.partial.html"),
        "pdf": record and _there(folder, f"{name}.pdf"),
        "notes": notes,
        "status": status,
        "seconds": f"{record.seconds:.1f} s" if record else "",
    }


def _finding(finding: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    kinds = dict.fromkeys(kind for kinds in finding["rests_on"].values() for kind in kinds)
    page, verdict = _there(folder, f"{finding['notebook']}.html"), by_verdict(finding["verdicts"])
    return {**finding, "page": page, "kinds": list(kinds), "verdict": verdict}


def write_index(
    rows: Iterable[Row], findings: Sequence[Mapping[str, Any]], folder: Folder, root: Path
) -> Path:
    """Write INDEX into `folder`, replacing it at once; links are relative."""
    from jinja2 import Environment

    template = (HERE / "index.html.j2").read_text("utf-8")
    html = (
        Environment(autoescape=True, keep_trailing_newline=True)
        .from_string(template)
        .render(
            css=css(),
            rows=[_row(row, folder) for row in rows],
            findings=[_finding(one, folder) for one in findings],
            made_on=made_on()._repr_html_(),
            sums=[f"{digest}  {name}" for name, digest in data_files(root).items()],
        )
    )
    folder.write(INDEX, html)
    return folder.path / INDEX
