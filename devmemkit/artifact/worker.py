"""The process that does one job: executes and exports a notebook, or weighs the findings.

It ends, and its kernel with it, when its standard input does. So it cannot outlive the process that
started it, however that one ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from devmemkit.artifact.execute import NotebookFailed, execute, one_sentence
from devmemkit.artifact.record import FIGURES
from devmemkit.artifact.strip import strip
from devmemkit.figures.text import VALUES

GRACE = 10
"""Seconds to end a kernel."""


def notebook(task: dict[str, Any], folder: Path) -> None:
    """Execute and export into `folder`; NotebookFailed if a cell fails.

    Success leaves NAME.ipynb (stripped, to be compared with the committed one), NAME.html, the
    figures and the named values; failure NAME.partial.ipynb and NAME.partial.html.
    """
    name, source = task["name"], Path(task["notebook"])
    partial = folder / f"{name}.partial.ipynb"
    try:
        execute(source, partial, task["parameters"], task["limit"])
    except NotebookFailed as error:
        _export(partial, folder / f"{name}.partial.html", source.stem, str(error))
        raise
    from devmemkit.artifact.export import is_paper, print_pdf

    _export(partial, folder / f"{name}.html", source.stem, figures=f"{FIGURES}/{name}")
    stripped = strip(json.loads(partial.read_text("utf-8")))
    write_json(folder / f"{name}.ipynb", stripped)
    _extract(stripped, name, folder)
    if is_paper(stripped):
        print_pdf(folder / f"{name}.html", folder / f"{name}.pdf")
    partial.unlink()


def _extract(stripped: dict[str, Any], name: str, folder: Path) -> None:
    """Write each figure of a notebook, in their order, and its named values into files."""
    from devmemkit.artifact.export import figures

    values: dict[str, Any] = {}
    outputs = [output for cell in stripped["cells"] for output in cell.get("outputs", ())]
    for output in outputs:
        values |= output.get("data", {}).get(VALUES, {})
    for file, picture in figures(stripped).items():
        target = folder / FIGURES / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(picture, encoding="utf-8")
    if values:
        write_json(folder / f"{name}.values.json", values)


def findings(task: dict[str, Any], folder: Path) -> None:
    """Weigh every finding of the ledger into NAME.json, on a live kernel if one is given."""
    from devmemkit.artifact.ledger import ledger, to_json

    found = ledger(live=task["parameters"].get("kernel", ""))
    write_json(folder / f"{task['name']}.json", [to_json(one) for one in found], sort=False)


WORK = {"notebook": notebook, "findings": findings}


def _export(notebook: Path, target: Path, name: str, failure: str = "", figures: str = "") -> None:
    import nbformat

    from devmemkit.artifact.export import page

    content = nbformat.read(notebook, as_version=4)
    html = page(content, name, failure, folder=figures)
    target.write_text(html, "utf-8", "backslashreplace")


def write_json(path: Path, content: Any, sort: bool = True) -> None:
    """Write JSON as nbformat does; half of a surrogate pair is spelled out."""
    text = json.dumps(content, indent=1, sort_keys=sort, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8", "backslashreplace")


def _end_with_input() -> None:
    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=wait, daemon=True).start()


def main(task: str, folder: str) -> int:
    """Do the TASK, a JSON object, into FOLDER; print the error if there is one."""
    result = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)  # so that nothing a kernel prints gets into it
    _end_with_input()
    told: dict[str, Any] = json.loads(task)
    try:
        WORK[told["work"]](told, Path(folder))
    except NotebookFailed as failure:
        print(failure, file=result, flush=True)
    except KeyboardInterrupt:
        return 130
    except Exception as failure:
        print(one_sentence(type(failure).__name__, str(failure)), file=result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
