"""`python -m devmemkit.artifact.refresh NOTEBOOK...`: execute in place, strip, ready to commit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from devmemkit.artifact.execute import NotebookFailed, execute
from devmemkit.artifact.strip import strip, write
from devmemkit.host.scratch import scratch


def refresh(path: Path) -> None:
    """Replace the outputs of a notebook by those of a run with its defaults, stripped.

    NotebookFailed when a cell raises; the file is then as it was.
    """
    with scratch() as folder:
        output = folder / path.name
        execute(path, output, {})
        write(strip(json.loads(output.read_text("utf-8"))), path)


def main(paths: list[str]) -> int:
    """Refresh each notebook; the number of those that failed, each named on stderr."""
    failed = 0
    for path in map(Path, paths):
        try:
            refresh(path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        except (NotebookFailed, OSError) as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
