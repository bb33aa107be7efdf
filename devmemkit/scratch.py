"""Temporary folders that do not stay: an owner who was killed leaves his to the next one's care."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PREFIX = "devmemkit-"
_NAME = re.compile(PREFIX + r"(guest-)?[a-z0-9_]{8}")
_OWNED = "owner"
"""An empty file that says that the folder is one of ours, whatever its name."""


@contextmanager
def scratch(prefix: str = PREFIX, where: str | None = None) -> Iterator[Path]:
    """A temporary folder, removed at the end; first those are removed whose owner is dead.

    The owner holds a lock (flock) on the folder, which ends with the process. `where` is the
    folder that it lies in, the system's for temporary files if None.
    """
    sweep(Path(where or tempfile.gettempdir()))
    with ExitStack() as stack:
        while True:
            name = tempfile.mkdtemp(prefix=prefix, dir=where)
            stack.callback(_clear, Path(name))
            with suppress(FileNotFoundError):  # swept before it was locked
                folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, folder)
                fcntl.flock(folder, fcntl.LOCK_EX)
                Path(name, _OWNED).touch()
                break
        yield Path(name)


def _clear(folder: Path) -> None:
    """Remove a folder; what is written to it while it goes is the next one's to remove."""
    with suppress(OSError):
        for name in set(os.listdir(folder)) - {_OWNED}:  # which goes last: by it others know it
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):
        if not set(os.listdir(folder)) - {_OWNED}:
            (folder / _OWNED).unlink(missing_ok=True)
        folder.rmdir()
    if folder.exists():
        with suppress(OSError):
            (folder / _OWNED).touch()


def sweep(where: Path) -> None:
    """Remove the folders in `where` that are ours and whose owner is dead."""
    with suppress(OSError):  # a folder that cannot be listed
        for name in filter(_NAME.fullmatch, os.listdir(where)):
            with suppress(OSError):  # somebody else's, or somebody else was faster
                _remove(where, name)


def _remove(where: Path, name: str) -> None:
    # In /tmp others may put links and folders of that name: what we hold open is what we look at.
    parent = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            told = os.fstat(folder)
            if (
                told.st_uid != os.geteuid() or told.st_mode & 0o777 != 0o700
            ):  # jupyter makes it sticky
                return
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError while its owner lives
            if _OWNED in os.listdir(folder):
                shutil.rmtree(name, dir_fd=parent)
            else:  # not ours, or its owner was killed before the first file
                os.rmdir(name, dir_fd=parent)
        finally:
            os.close(folder)
    finally:
        os.close(parent)
