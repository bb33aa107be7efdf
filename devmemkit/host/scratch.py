"""Temporary folders; the next run removes those whose process was killed."""

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
_KERNELS = {"k.json", "ipython"}
"""What a notebook's kernel makes, and its folder anew, when it starts after that was swept."""


@contextmanager
def scratch(prefix: str = PREFIX, where: str | None = None) -> Iterator[Path]:
    """A temporary folder, removed at the end; first those are removed whose owner is dead.

    The owner holds a lock (flock) on the folder, which ends with the process. `where` is the
    folder that it lies in, the system's for temporary files if None.
    """
    sweep(Path(where or tempfile.gettempdir()))
    with ExitStack() as stack:
        while True:
            name = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
            with suppress(FileNotFoundError):  # swept before it was locked
                folder = stack.enter_context(_opened(name))
                stack.callback(_remove, name, folder)
                fcntl.flock(folder, fcntl.LOCK_EX)
                (name / _OWNED).touch()
                break
        yield name


def sweep(where: Path) -> None:
    """Remove the folders in `where` that are ours and whose owner is dead."""
    with suppress(OSError):  # a folder that cannot be listed
        for name in filter(_NAME.fullmatch, os.listdir(where)):
            # somebody else's, or somebody else was faster, or its owner lives
            with suppress(OSError), _opened(where / name) as folder:
                told = os.fstat(folder)
                if told.st_uid != os.geteuid() or told.st_mode & 0o777 != 0o700:
                    continue  # (jupyter makes it sticky)
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found = set(os.listdir(folder))
                if _OWNED in found or (found and found <= _KERNELS):
                    _remove(where / name, folder)
                else:  # not ours, or its owner was killed before the first file
                    os.rmdir(where / name)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # In /tmp others may put links and folders of that name: what we hold open is what we look at.
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield folder
    finally:
        os.close(folder)


def _remove(path: Path, folder: int) -> None:
    """Remove a folder, held open; what is written to it meanwhile is the next one's to remove."""
    with suppress(OSError):
        for name in set(os.listdir(folder)) - {_OWNED}:  # which goes last: by it others know it
            try:
                os.unlink(name, dir_fd=folder)
            except OSError:
                shutil.rmtree(name, dir_fd=folder, ignore_errors=True)
    with suppress(OSError):
        if os.listdir(folder) == [_OWNED]:
            os.unlink(_OWNED, dir_fd=folder)
        os.rmdir(path)
    with suppress(OSError):  # it is gone, as it should be
        os.close(os.open(_OWNED, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder))
