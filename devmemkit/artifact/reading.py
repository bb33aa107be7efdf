"""What the site has to read: the committed notebooks as pages, and the documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devmemkit.artifact import export
from devmemkit.host.scratch import scratch
from devmemkit.site.pages import Page

HOME = export.Home("../index.html#read", "../")


def notebooks(root: Path) -> dict[str, Page]:
    """A checkout's notebooks with their committed outputs, by stem."""
    import nbformat

    found = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title = export.title(notebook, path.stem)
        pictures = {name: svg.encode() for name, svg in export.figures(notebook).items()}
        html = export.page(notebook, path.stem, home=HOME, folder=f"figures/{path.stem}")
        found[path.stem] = Page(title, html.encode("utf-8", "backslashreplace"), pictures)
    return found


def documentation(root: Path) -> dict[str, bytes]:
    """A checkout's documentation as Sphinx builds it, by file name; empty where there is none.

    RuntimeError if it cannot be built, with what Sphinx prints.
    """
    if not (root / "docs" / "conf.py").is_file():
        return {}
    with scratch() as folder:
        out, kept = folder / "html", folder / "kept"
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-d", kept, "docs", out],
            cwd=root,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = " ".join(done.stderr.split())[:300]
            raise RuntimeError(f"sphinx: expected the documentation, got: {said}")
        (out / ".buildinfo").unlink(missing_ok=True)  # names the builder's settings alone
        files = sorted(path for path in out.rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
