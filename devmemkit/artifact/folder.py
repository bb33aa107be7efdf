"""A folder that anyone may have filled: its content is reached by name, never through a link.

Each part of a name is opened relative to the part before it, so no name and no symbolic link leads
outside, even one created meanwhile. A hard link looks like a file; files are therefore replaced as
a whole, never written in place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from devmemkit.artifact.record import RUNNING

LARGEST = 1 << 30  # bytes of one file that are read; a page of the report has a few million
DEEPEST = 16  # folders in folders; a report has three

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def parts(name: str) -> list[str]:
    """The parts of a name such as `figures/01.svg`; OSError for a name that could lead outside."""
    found = name.split("/")
    try:
        plain = all(0 < len(os.fsencode(one)) <= 255 for one in found)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
        plain = False
    if not plain or "\0" in name or not {".", ".."}.isdisjoint(found):
        raise OSError(errno.EINVAL, "not the name of a file inside the folder", name)
    return found


class Folder:
    """The folder at `path`. This may itself be a link: the user named it.

    Every operation raises OSError for a name that leads outside, for a link, and when it should
    read something that is not a regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    @contextmanager
    def _open(self, name: str, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder of that name in this one; "" is this one."""
        fd = os.dup(self._fd)
        try:
            for one in parts(name) if name else ():
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(one, dir_fd=fd)
                outer, flags = fd, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                fd = os.open(one, flags, dir_fd=outer)
                os.close(outer)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def at(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder containing `name` (created if `make`), and its last part."""
        *folders, last = parts(name)
        with self._open("/".join(folders), make) as fd:
            yield fd, last

    def kind(self, name: str) -> str:
        """One of KINDS; "" for what is not there or has no name inside the folder."""
        with suppress(OSError), self.at(name) as (fd, last):
            return _kind(last, fd)
        return ""

    def walk(self, name: str = "") -> Iterator[tuple[str, str]]:
        """Names and kinds of everything below a folder, a folder before its content.

        Nothing if it is none; OSError for folders too deep in others.
        """
        if name and self.kind(name) != "folder":
            return
        found = []
        with self._open(name) as fd:
            for one in sorted(os.listdir(fd)):
                with suppress(FileNotFoundError):  # gone meanwhile
                    found.append((f"{name}/{one}" if name else one, _kind(one, fd)))
        for one, kind in found:
            yield one, kind
            if kind == "folder":
                if one.count("/") >= DEEPEST:
                    raise OSError(errno.ELOOP, f"more than {DEEPEST} folders in folders", one)
                yield from self.walk(one)

    def open(self, name: str) -> BufferedReader:
        """A regular file to read; anything else is left unopened."""
        with self.at(name) as (fd, last):
            if (kind := _kind(last, fd)) != "file":
                raise OSError(errno.EINVAL, f"a {kind}, left unopened", name)
            # these flags neither follow nor wait for what was put there since
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
            return open(os.open(last, flags, dir_fd=fd), "rb")

    def read(self, name: str, most: int = LARGEST) -> bytes:
        """The content of a file; OSError when it has more than `most` bytes."""
        with self.open(name) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > most:
                why = f"{size} bytes, more than the {most} that are read"
                raise OSError(errno.EFBIG, why, name)
            return stream.read(most)

    def digest(self, name: str) -> str:
        """The SHA-256 of a file in hexadecimal; OSError when it is larger than LARGEST."""
        return hashlib.sha256(self.read(name)).hexdigest()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, and make their folders: each replaces an older one when all are written.

        Half of a surrogate pair, which UTF-8 cannot encode, is spelled out.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            for name, content in files.items():
                if isinstance(content, str):
                    content = content.encode(errors="backslashreplace")
                with (
                    self.at(f"{RUNNING}/{name}", make=True) as (fd, last),
                    open(os.open(last, flags, dir_fd=fd, mode=0o666), "wb") as stream,
                ):
                    stream.write(content)
            for name in files:
                written = self.at(f"{RUNNING}/{name}")
                with written as (there, last), self.at(name, make=True) as (here, _):
                    os.replace(last, last, src_dir_fd=there, dst_dir_fd=here)
        finally:
            self.remove(RUNNING)

    def remove(self, name: str) -> None:
        """Remove a file, a link itself, or a folder with all that is in it; if it is there."""
        with suppress(FileNotFoundError), self.at(name) as (fd, last):
            if _kind(last, fd) == "folder":
                shutil.rmtree(last, dir_fd=fd)
            else:
                os.unlink(last, dir_fd=fd)


def _kind(name: str, fd: int) -> str:
    return KINDS[stat.S_IFMT(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)]
