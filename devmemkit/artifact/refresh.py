"""`python -m devmemkit.artifact.refresh NOTEBOOK...`: execute in place, strip, ready to commit."""

from __future__ import annotations

import sys
from pathlib import Path

from devmemkit.artifact.jobs import do
from devmemkit.artifact.record import Job


def main(paths: list[str]) -> int:
    """Replace the outputs of each notebook by those of a run with its defaults.

    One that fails is named on stderr and stays as it was. Returns how many failed.
    """
    failed = 0
    for path in map(Path, paths):
        done = do(Job(path.stem, "notebook", path.resolve()), 600)
        if done.error:
            failed += 1
            print(f"{path}: {done.error}", file=sys.stderr)
        else:
            path.write_bytes(done.files[path.name])
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
