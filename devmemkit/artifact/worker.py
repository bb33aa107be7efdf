"""The process that does one job: executes and exports a notebook, or weighs the findings.

It writes one JSON object per line to its standard output: `{"cell", "cells"}` as cells begin,
`{"stage"}` when it exports, `{"error"}` at a failure. It ends, with its kernel, when its standard
input closes; so it cannot outlive the command, however that ended.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devmemkit.artifact.execute import NotebookFailed, execute, one_sentence
from devmemkit.artifact.store import write_text
from devmemkit.artifact.strip import strip, write
from devmemkit.figures.text import VALUES


def notebook(task: dict[str, Any], folder: Path, report: Callable[..., None]) -> None:
    """Execute and export into `folder`; NotebookFailed when a cell fails.

    Success leaves NAME.ipynb (stripped, to be compared with the committed one), NAME.html, the
    figures and the named values; failure NAME.partial.ipynb and NAME.partial.html.
    """
    name, source = task["name"], Path(task["notebook"])
    partial = folder / f"{name}.partial.ipynb"
    try:
        execute(
            source,
            partial,
            task["parameters"],
            lambda cell, cells: report(cell=cell, cells=cells),
            task["limit"],
        )
    except NotebookFailed as error:
        _export(partial, folder / f"{name}.partial.html", source.stem, str(error))
        raise
    from devmemkit.artifact.export import is_paper

    report(stage="exporting")
    _export(partial, folder / f"{name}.html", source.stem)
    stripped = strip(json.loads(partial.read_text("utf-8")))
    write(stripped, folder / f"{name}.ipynb")
    _extract(stripped, name, folder)
    if is_paper(stripped):
        from devmemkit.artifact.pdf import print_pdf

        print_pdf(folder / f"{name}.html", folder / f"{name}.pdf")
    partial.unlink()


def _extract(stripped: dict[str, Any], name: str, folder: Path) -> None:
    """The figures, in their order, and the named values of a notebook, as files of their own."""
    values: dict[str, Any] = {}
    outputs = [output for cell in stripped["cells"] for output in cell.get("outputs", ())]
    pictures = [o["data"]["image/svg+xml"] for o in outputs if "image/svg+xml" in o.get("data", {})]
    for output in outputs:
        values |= output.get("data", {}).get(VALUES, {})
    for number, picture in enumerate(pictures, 1):
        target = folder / "figures" / name / f"{number:02}.svg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(picture), encoding="utf-8")
    if values:
        text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
        write_text(folder / f"{name}.values.json", text + "\n")


def findings(task: dict[str, Any], folder: Path, report: Callable[..., None]) -> None:
    """Weigh every finding of the ledger into NAME.json, on a live kernel where one is given."""
    from devmemkit.artifact.findings import weighed
    from devmemkit.artifact.ledger import to_json

    report(stage="weighing")
    found = weighed(task["parameters"].get("kernel", ""), lambda line: report(stage=line))
    text = json.dumps(to_json(found), indent=1, ensure_ascii=False)
    write_text(folder / f"{task['name']}.json", text + "\n")


WORK: dict[str, Callable[[dict[str, Any], Path, Callable[..., None]], None]] = {
    "notebook": notebook,
    "findings": findings,
    "live": findings,
}


def run(task: dict[str, Any], report: Callable[..., None]) -> bool:
    """Do one task and report how it goes; whether all went well."""
    try:
        WORK[task["work"]](task, Path(task["folder"]), report)
        return True
    except NotebookFailed as error:
        report(error=str(error))
    except Exception as error:
        report(error=one_sentence(type(error).__name__, str(error)))
    return False


def _export(notebook: Path, target: Path, name: str, failure: str = "") -> None:
    import nbformat

    from devmemkit.artifact.export import page

    content = nbformat.read(notebook, as_version=4)
    write_text(target, page(content, name, failure))


def _end_with_parent() -> None:
    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=wait, daemon=True).start()


def main(task: str) -> int:
    """Do the TASK, a JSON object."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # so that nothing a kernel prints gets between the events
    _end_with_parent()

    def report(**event: Any) -> None:
        print(json.dumps(event), file=events, flush=True)

    try:
        return 0 if run(json.loads(task), report) else 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
