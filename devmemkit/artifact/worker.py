"""The process that runs one notebook for `devmemkit reproduce`: execute, export, put in place.

It writes one JSON object per line to its standard output: `{"cell", "cells"}` as cells begin,
`{"stage"}` when it exports, `{"error"}` at a failure. It ends, with its kernel, when its standard
input closes; so it cannot outlive the command, however that ended.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from devmemkit.artifact.execute import NotebookFailed, execute, one_sentence
from devmemkit.artifact.strip import strip, write


def run(notebook: Path, folder: Path, parameters: dict[str, Any], report: Any) -> bool:
    """Execute and export into `folder`; whether all went well. What is there stays until then.

    Success leaves NAME.ipynb (stripped, to be compared with the committed one) and NAME.html,
    failure NAME.partial.ipynb and NAME.partial.html.
    """
    name = notebook.stem
    partial = folder / f"{name}.partial.ipynb"
    failure = ""
    try:
        execute(notebook, partial, parameters, lambda cell, cells: report(cell=cell, cells=cells))
        report(stage="exporting")
        _export(partial, folder / f"{name}.html", name)
        write(strip(json.loads(partial.read_text("utf-8"))), folder / f"{name}.ipynb")
        for stale in (f"{name}.partial.ipynb", f"{name}.partial.html"):
            (folder / stale).unlink(missing_ok=True)
        return True
    except NotebookFailed as error:
        failure = str(error)
        _export(partial, folder / f"{name}.partial.html", name, failure)
        for stale in (f"{name}.ipynb", f"{name}.html"):
            (folder / stale).unlink(missing_ok=True)
    except Exception as error:
        failure = one_sentence(type(error).__name__, str(error))
    report(error=failure)
    return False


def _export(notebook: Path, target: Path, name: str, failure: str = "") -> None:
    import nbformat

    from devmemkit.artifact.export import page

    html = page(nbformat.read(notebook, as_version=4), name, failure)
    temporary = target.with_name(f".{target.name}.new")
    temporary.write_text(html, encoding="utf-8")
    temporary.replace(target)


def _end_with_parent() -> None:
    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=wait, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run NOTEBOOK into FOLDER with PARAMETERS (a JSON object)."""
    notebook, folder, parameters = arguments
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # so that nothing a kernel prints gets between the events
    _end_with_parent()

    def report(**event: Any) -> None:
        print(json.dumps(event), file=events, flush=True)

    try:
        return 0 if run(Path(notebook), Path(folder), json.loads(parameters), report) else 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
