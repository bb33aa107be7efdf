"""The report's first page: one row per notebook, and what the run was made on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from devmemkit.artifact.export import css
from devmemkit.artifact.provenance import Provenance


@dataclass(slots=True)
class Row:
    """A notebook in the report: how its run ended. `seconds` is None if it did not run now."""

    name: str
    title: str
    parameters: Mapping[str, object]
    seconds: float | None = None
    error: str = ""


def _status(row: Row, folder: Path) -> tuple[str, str, str]:
    """Class, text, and the file that the row links to ("" for none)."""
    page, partial = f"{row.name}.html", f"{row.name}.partial.html"
    present = next((file for file in (page, partial) if (folder / file).exists()), "")
    if row.error:
        return "failed", "failed", present
    if row.seconds is not None:
        return "done", "done", present
    if not present:
        return "earlier", "not run", ""
    return "earlier", "earlier run" + (", stopped early" if present == partial else ""), present


def write_index(rows: Iterable[Row], folder: Path, facts: Provenance, sums: Sequence[str]) -> Path:
    """Write `index.html` into `folder`, replacing it at once; links are relative.

    `sums` are lines as `sha256sum --check` reads them, of the data that notebooks may use.
    """
    body = []
    for row in rows:
        kind, status, link = _status(row, folder)
        title = escape(row.title)
        if link:
            title = f'<a href="{quote(link)}">{title}</a>'
        notes = [f"{name} = {value!r}" for name, value in row.parameters.items()]
        notes += [row.error] if row.error else []
        small = "".join(f"<small>{escape(note)}</small>" for note in (row.name, *notes))
        seconds = "" if row.seconds is None else f"{row.seconds:.1f} s"
        body.append(
            f'<tr><th scope="row">{title}{small}</th>'
            f'<td class="status-{kind}">{status}</td><td class="number">{seconds}</td></tr>'
        )
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
network; its figures are live, its explorers are shown as they start.</p>
<table>
<thead><tr><th scope="col">Walk-through</th><th scope="col">Status</th>
<th scope="col" class="number">Time</th></tr></thead>
<tbody>
{"".join(body)}
</tbody>
</table>
<h2>Made on</h2>
{facts._repr_html_()}
<details><summary>SHA-256 of {len(sums)} data files</summary>
<pre>{escape(chr(10).join(sums))}</pre></details>
</main>
</body>
</html>
"""
    target = folder / "index.html"
    temporary = folder / ".index.html.new"
    temporary.write_text(html, encoding="utf-8")
    temporary.replace(target)
    return target
