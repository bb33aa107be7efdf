"""A checkout of our own with toy notebooks, and a way to run the command in it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import devmemkit
from devmemkit.cli import main


def code(source, tags=()):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": [],
        "source": source,
    }


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells):
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


PARAMETERS = """\
kernel: str = "6.12"
claim: int = 0x1000
scale: float = 1.0
flag: bool = False
machine: str | None = None
"""


def good():
    return notebook(
        text("# A `good` one\n\nSome prose."),
        code(PARAMETERS, ["parameters"]),
        code("import os, sys\nprint(kernel, claim, scale, flag, machine)"),
        code("print(os.getcwd())\nprint(sys.executable)"),
    )


def bad():
    return notebook(
        text("# A bad one"),
        code("x = 1"),
        code("\n# why\nraise ValueError('expected 6.12, got 9')"),
        code("print('never')"),
    )


def slow(pid_file):
    """Tells its kernel's process id, then takes a minute."""
    return notebook(
        text("# A slow one"),
        code(f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))"),
        code("time.sleep(60)"),
    )


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "notebooks").mkdir(parents=True)
        (root / "pyproject.toml").write_text('[project]\nname = "devmemkit"\n')
        self.env = os.environ | {"PYTHONPATH": str(Path(devmemkit.__file__).parents[1])}

    def write(self, name, content):
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps(content))
        return path

    def command(self, *arguments):
        return [sys.executable, "-m", "devmemkit", *map(str, arguments)]

    def run(self, *arguments, cwd=None):
        return subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @contextmanager
    def start(self, *arguments):
        """The command as a process that Ctrl-C would end, gone at the end of the block."""
        # Where SIGINT is ignored, as under nohup, a child would inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.root,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)
        with process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "a {checkout}")


@pytest.fixture
def refusal(checkout, monkeypatch, capsys):
    """Run a command in this process, in the checkout; the one sentence with which it refuses."""

    def run(*arguments):
        monkeypatch.chdir(checkout.root)
        status = main([*map(str, arguments)])
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        assert said.err.count("\n") == 1
        return said.err

    return run


@pytest.fixture(scope="session")
def toys():
    """What this file builds notebooks with, by name."""
    cells = {"code": code, "text": text, "of": notebook}
    return {"good": good, "bad": bad, "slow": slow, "checkout": Checkout, **cells}
