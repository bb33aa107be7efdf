"""Temporary folders that do not stay: an owner who was killed leaves his to the next one's care."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
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
            # what is written to it while it goes is the next one's to remove
            made = tempfile.TemporaryDirectory(prefix=prefix, dir=where, ignore_cleanup_errors=True)
            name = stack.enter_context(made)
            with suppress(FileNotFoundError):  # swept before it was locked
                folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, folder)
                fcntl.flock(folder, fcntl.LOCK_EX)
                Path(name, _OWNED).touch()
                break
        yield Path(name)


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
            if told.st_uid != os.geteuid() or stat.S_IMODE(told.st_mode) != 0o700:
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
