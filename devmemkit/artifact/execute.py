"""Executes a notebook with papermill, in its folder, with a kernel of this interpreter."""

from __future__ import annotations

import logging
import os
import re
import site
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devmemkit.artifact.provenance import ROOT
from devmemkit.host.scratch import scratch
from devmemkit.model.printable import printable

# Of the 108 bytes of sun_path in unix(7), leaving room for "/devmemkit-12345678/k-ipc-5".
LONGEST_FOLDER = 77


class NotebookFailed(RuntimeError):
    """A cell raised, or its kernel died: `cell` is its number as in `In [n]`, `source` its text."""

    def __init__(self, message: str, cell: int, source: str) -> None:
        first_line = source.strip().partition("\n")[0].rstrip()
        super().__init__(f"cell In [{cell}], {first_line!r}: {message}")


def one_sentence(name: str, text: str) -> str:
    """An exception in one line: a ValueError's own sentence; for others the type, too."""
    line = printable(re.sub(r"\x1b\[[0-9;]*m", "", text).strip().partition("\n")[0])
    if name == "ValueError" and line:
        return line
    return f"{name}: {line}" if line else name


def package_path() -> dict[str, str]:
    """PYTHONPATH for a process in another folder, if this package is not where Python looks."""
    package = str(ROOT)
    if package in [*site.getsitepackages(), site.getusersitepackages()]:
        return {}
    return {"PYTHONPATH": os.pathsep.join([package, *filter(None, [os.getenv("PYTHONPATH")])])}


def kernel_manager(folder: Path) -> type:
    """A kernel manager class for this interpreter over ipc, whatever kernels are registered."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    env = {
        "IPYTHONDIR": str(folder / "ipython"),  # not the user's profile with its start-up files
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger warns on stderr
        **package_path(),
    }
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class ThisInterpreter(AsyncKernelManager):
        transport = "ipc"
        connection_file = str(folder / "k.json")

        @property
        def kernel_spec(self) -> Any:
            return KernelSpec(
                argv=argv, env=env, language="python", display_name="Python 3 (ipykernel)"
            )

    return ThisInterpreter


def _literal(path: Path) -> str:
    """A path for papermill, which takes braces for fields of a template."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def execute(notebook: Path, output: Path, parameters: Mapping[str, Any], limit: int = 600) -> None:
    """Run a notebook in its folder and write it to `output` after every cell.

    NotebookFailed when a code cell raises or takes more than `limit` seconds, or the kernel dies;
    `output` then has the partial notebook.
    """
    # jsonschema imports these parsers where they are installed, which takes 0.9 s, to check URLs
    # and durations that no notebook has; jsonschema foresees that they are missing.
    for parser in ("rfc3987_syntax", "isoduration"):
        sys.modules.setdefault(parser, None)  # type: ignore[arg-type]
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    begun: list[str] = []

    def on_cell_execute(cell: Any, cell_index: int) -> None:
        begun.append(cell.source)

    too_long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER
    with scratch(where="/tmp" if too_long else None) as folder:
        try:
            papermill.execute_notebook(
                _literal(notebook),
                _literal(output),
                dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                execution_timeout=limit,
                cwd=notebook.parent,
                kernel_manager_class=kernel_manager(folder),
                shutdown_kernel="immediate",
                coalesce_streams=True,
                on_cell_execute=on_cell_execute,
            )
        except papermill.PapermillExecutionError as error:
            message = one_sentence(error.ename, error.evalue)
            raise NotebookFailed(message, error.exec_count, error.source) from None
        except (DeadKernelError, CellTimeoutError) as error:
            source = begun[-1] if begun else ""
            late = isinstance(error, CellTimeoutError)
            message = f"it took more than {limit} s" if late else "the kernel died"
            raise NotebookFailed(message, len(begun), source) from None
