"""A committed notebook for tests: its stored values, and its cells run with other parameters."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from devmemkit.figures.text import VALUES

FOLDER = Path(__file__).parents[1] / "notebooks"


class Cells:
    """The code cells of a notebook, by its name without the ending."""

    def __init__(self, name: str) -> None:
        self.path = FOLDER / f"{name}.ipynb"
        self.whole: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        self.code = [cell for cell in self.whole["cells"] if cell["cell_type"] == "code"]

    def stored(self) -> dict[str, Any]:
        """All named values."""
        named: dict[str, Any] = {}
        for cell in self.code:
            for output in cell["outputs"]:
                for name, value in output.get("data", {}).get(VALUES, {}).items():
                    assert name not in named, f"{name} is stored twice"
                    named[name] = value
        return named

    def run(self, parameters: dict[str, Any], first: int | None = None) -> BaseException | None:
        """Run all cells, or the `first`, in a fresh shell; what the one that failed raised."""
        # whoever runs the tests may have another environment activated: no matter here
        main = sys.modules["__main__"]  # the shell puts its own there, and leaves it emptied
        shell = InteractiveShell.instance(warn_venv=False)
        try:
            for cell in self.code[:first]:
                source = "".join(cell["source"])
                if "parameters" in cell["metadata"].get("tags", ()):
                    known = [n for n in ast.parse(source).body if isinstance(n, ast.AnnAssign)]
                    assert parameters.keys() <= {ast.unparse(n.target) for n in known}
                    source += "\n" + "\n".join(f"{k} = {v!r}" for k, v in parameters.items())
                result = shell.run_cell(source, store_history=False)
                if not result.success:
                    error: BaseException | None = result.error_in_exec or result.error_before_exec
                    return error
        finally:
            shell.reset()
            InteractiveShell.clear_instance()
            sys.modules["__main__"] = main
        return None

    def runs(self, parameters: dict[str, Any]) -> None:
        """Assert that no cell raises."""
        assert self.run(parameters) is None

    def refuses(self, parameters: dict[str, Any], sentence: str, first: int | None = None) -> None:
        """Assert that a cell (of the `first`) ends in a ValueError that begins with a sentence."""
        error = self.run(parameters, first)
        assert isinstance(error, ValueError)
        with pytest.raises(ValueError, match=f"^{sentence}"):
            raise error
