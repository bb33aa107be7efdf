"""The page of findings: what the ledger computes from its evidence, while the site is built."""

import contextlib
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from devmemkit.artifact.scope import by_verdict
from devmemkit.cli import main


def weighed() -> list[dict[str, Any]]:
    """What `devmemkit findings --json` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main(["findings", "--json"])
    if status != 0:
        raise RuntimeError(f"devmemkit findings: expected every verdict as recorded, got {status}")
    found: list[dict[str, Any]] = json.loads(printed.getvalue())
    return found


def page(findings: Iterable[Mapping[str, Any]]) -> str:
    """A part for each notebook, in Markdown: its findings, their verdicts and evidence."""
    parts: dict[str, list[str]] = {}
    for one in findings:
        kinds = dict.fromkeys(kind for used in one["rests_on"].values() for kind in used)
        part = parts.setdefault(one["notebook"], [f"## Notebook {one['notebook']}", ""])
        part += [
            f"**{one['says']}** *{by_verdict(one['verdicts']).capitalize()}.*",
            f"Said by: {one['by']}. Rests on: {', '.join(kinds)}. Id: `{one['id']}`. Asked:",
            "",
            *(f"- {evidence['shows']}" for evidence in one["evidence"]),
            "",
        ]
    return "\n".join(line for part in parts.values() for line in part)
