"""The report's first page: what ran, what was found, what it was made on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devmemkit.artifact.export import css
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.provenance import data_files, made_on
from devmemkit.artifact.record import Record
from devmemkit.artifact.scope import by_verdict

INDEX = "index.html"

Row = tuple[str, str, Record | None, bool]
"""Of a run: its name, its title, how it ended (None: never), whether this time."""


def _status(row: Row, folder: Folder) -> tuple[str, str, str]:
    """Class, text, and the file that the row links to ("" for none)."""
    name, _, record, now = row
    present = next(
        (f for f in (f"{name}.html", f"{name}.partial.html") if folder.kind(f) == "file"), ""
    )
    if record is None:
        return "earlier", "not run", ""
    if now:
        return ("failed", "failed", present) if record.error else ("done", "done", present)
    return "earlier", "earlier run" + (", stopped early" if record.error else ""), present


def _row(row: Row, folder: Folder) -> str:
    name, title, record, _ = row
    kind, status, link = _status(row, folder)
    inside = name.partition("@")[2]
    text = escape(inside.replace(",", ", ") or title)
    if link:
        text = f'<a href="{quote(link)}">{text}</a>'
        if folder.kind(f"{name}.pdf") == "file":
            text += f' (<a href="{quote(name)}.pdf">PDF</a>)'
    notes = [] if inside else [name]
    if record:
        notes += [f"{key} = {value!r}" for key, value in record.parameters.items()]
        notes += [record.error] if record.error else []
    small = "".join(f"<small>{escape(note)}</small>" for note in notes)
    seconds = f"{record.seconds:.1f} s" if record else ""
    return (
        f'<tr{" class=set" if inside else ""}><th scope="row">{text}{small}</th>'
        f'<td class="status-{kind}">{status}</td><td class="number">{seconds}</td></tr>'
    )


def _findings(findings: Sequence[Mapping[str, Any]], folder: Folder) -> str:
    if not findings:
        return ""
    body = []
    for finding in findings:
        page = f"{finding['notebook']}.html"
        says = escape(finding["says"])
        if folder.kind(page) == "file":
            says = f'<a href="{quote(page)}">{says}</a>'
        kinds = dict.fromkeys(kind for kinds in finding["rests_on"].values() for kind in kinds)
        verdict = escape(by_verdict(finding["verdicts"]))
        kind, word = ("failed", "not reproduced")
        if finding["reproduced"]:
            kind, word = ("done", "reproduced")
        body.append(
            f'<tr><th scope="row">{says}'
            f"<small>{escape(finding['id'])}; {escape(finding['by'])}</small>"
            f"<small>{escape(', '.join(kinds))}</small></th><td>{verdict}</td>"
            f'<td class="status-{kind}">{word}</td></tr>'
        )
    alike_count = sum(finding["reproduced"] for finding in findings)
    return f"""<h2>Findings reproduced: {alike_count} of {len(findings)}</h2>
<p>Each verdict was computed from evidence in this run and compared with the one that the ledger
expects. A finding can be reproduced and refuted: then the discussion was wrong about it.</p>
<table>
<thead><tr><th scope="col">Finding</th><th scope="col">Verdict</th>
<th scope="col">As expected</th></tr></thead>
<tbody>
{"".join(body)}
</tbody>
</table>
"""


def write_index(
    rows: Iterable[Row], findings: Sequence[Mapping[str, Any]], folder: Folder, root: Path
) -> Path:
    """Write INDEX into `folder`, replacing it at once; links are relative."""
    sums = [f"{digest}  {name}" for name, digest in data_files(root).items()]
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>devmemkit: report</title>
<style>
{css()}
</style>
</head>
<body class="index">
<main>
<h1>User mappings of device memory: what a driver’s claim does to them</h1>
<p class="lead">The walk-throughs of devmemkit, executed. Each page is one file and needs no
network; its explorers are shown as they start.</p>
<table>
<thead><tr><th scope="col">Walk-through</th><th scope="col">Status</th>
<th scope="col" class="number">Time</th></tr></thead>
<tbody>
{"".join(_row(row, folder) for row in rows)}
</tbody>
</table>
{_findings(findings, folder)}<h2>Made on</h2>
{made_on()._repr_html_()}
<details><summary>SHA-256 of {len(sums)} data files</summary>
<pre>{escape(chr(10).join(sums))}</pre></details>
</main>
</body>
</html>
"""
    folder.write(INDEX, html)
    return folder.path / INDEX
