"""A checkout of our own with toy notebooks, and a way to run the command in it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from nbformat.v4 import new_code_cell as code
from nbformat.v4 import new_markdown_cell as text
from nbformat.v4 import new_notebook

import devmemkit


def notebook(*cells):
    return new_notebook(cells=list(cells))


def parameters(source):
    return code(source, metadata={"tags": ["parameters"]})


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
        parameters(PARAMETERS),
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
        code("time.sleep(600)"),  # a test ends it, once the file is there
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
            timeout=3600,
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
