"""Reads and writes files that a user named: devices stay unopened, sizes are bounded."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Container
from io import BufferedReader
from pathlib import Path

from devmemkit.model.printable import printable
from devmemkit.text.iomem import LARGEST, LINES

TEXTS = ("iomem", "ioports", "resource")
"""Files of the kernel that a user may name."""


class SourceError(ValueError):
    """The name is not that of a file that may be read, or written to."""


def read(
    name: str | Path,
    *,
    pipes: bool = True,
    texts: Container[str] = TEXTS,
    most: int = LARGEST,
    what: str = "a dump",
) -> bytes:
    """The bytes of a regular file, with `pipes` of a pipe too (`-` is standard input).

    `texts` are the names of kernel files that may be read, `most` is in bytes, `what` names the
    expected content in messages. SourceError for a file that cannot be read.

    Nothing that gives access to memory or to a device is opened: no path below /dev, no device
    node wherever it is, no `resourceN` of a PCI device in sysfs.
    """
    shown = printable(str(name)) or "''"
    descriptor = -1
    try:
        if pipes and name == "-":
            shown = "standard input"
            descriptor = _standard_input(texts)
        else:
            descriptor = _open(os.fspath(name), shown, pipes, texts)
        data = _read(descriptor, most + 1)
    except OSError as error:
        raise SourceError(f"{shown}: expected {what}, got: {error.strerror or error}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    if len(data) > most:
        size = f"{most >> 20} MiB" if most >> 20 else f"{most >> 10} KiB"
        raise SourceError(f"{shown}: expected {what} of at most {size}, got more")
    if data.count(b"\n") > LINES:
        raise SourceError(f"{shown}: expected {what} of at most {LINES} lines, got more")
    return data


def open_file(name: str | Path) -> BufferedReader:
    """A regular file opened for reading; SourceError for a device, OSError if there is none."""
    return os.fdopen(_open(os.fspath(name), printable(str(name)), False, ()), "rb")


def write(path: Path, content: str | bytes) -> None:
    """Write a text in UTF-8, or bytes, to a new file, or in place of a regular one.

    SourceError for a device, a pipe or a file of the kernel; OSError where nothing can be written.
    """
    shown = printable(str(path)) or "''"
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        descriptor = _open(os.fspath(path), shown, False, (), flags | os.O_TRUNC)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    with open(descriptor, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def _standard_input(texts: Container[str]) -> int:
    if sys.stdin is None:
        raise SourceError("-: expected a dump on standard input, got none (it is closed)")
    descriptor = os.dup(sys.stdin.fileno())
    if not os.isatty(descriptor):
        path = os.path.realpath(f"/proc/self/fd/{descriptor}")
        try:
            _refuse(path, os.fstat(descriptor), "standard input", True, texts)
        except SourceError:
            os.close(descriptor)
            raise
    return descriptor


def _open(path: str, shown: str, pipes: bool, texts: Container[str], how: int = os.O_RDONLY) -> int:
    """A descriptor of a file that was checked before it was opened.

    The file checked is the file opened, whatever happens to its name meanwhile: O_PATH holds a
    file without opening it.
    """
    if os.path.abspath(path).startswith("/dev/") and not Path(path).is_fifo():
        raise _device(shown, pipes)
    if sys.platform != "linux":  # no memory is a file there
        _refuse(os.path.realpath(path), os.stat(path), shown, pipes, texts)
        return os.open(path, how)
    held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        found, again = os.fstat(held), f"/proc/self/fd/{held}"
        _refuse(os.readlink(again), found, shown, pipes, texts)
        wait = 0 if stat.S_ISFIFO(found.st_mode) else os.O_NONBLOCK  # for somebody to write
        return os.open(again, how | os.O_CLOEXEC | os.O_NOCTTY | wait)
    finally:
        os.close(held)


def _read(descriptor: int, most: int) -> bytes:
    data = bytearray()
    # in pieces: below /proc/sys a kernel refuses a buffer of megabytes
    while len(data) < most and (piece := os.read(descriptor, min(1 << 16, most - len(data)))):
        data += piece
    return bytes(data)


def _device(shown: str, pipes: bool) -> SourceError:
    expected = "a text file or a pipe" if pipes else "a file"
    return SourceError(f"{shown}: expected {expected}, got a device, left unopened")


def _refuse(
    real: str, found: os.stat_result, shown: str, pipes: bool, texts: Container[str]
) -> None:
    """SourceError unless the file whose path is `real` may be opened."""
    mode = found.st_mode
    if stat.S_ISFIFO(mode) and pipes:
        return
    if stat.S_ISFIFO(mode):
        raise SourceError(f"{shown}: expected a file, got a pipe, left unopened")
    if stat.S_ISDIR(mode):
        raise SourceError(f"{shown}: expected a file, got a folder")
    if real.startswith("/dev/") or not stat.S_ISREG(mode):
        raise _device(shown, pipes)
    name = os.path.basename(real)
    if re.fullmatch(r"resource\d+(_wc)?", name):
        raise SourceError(
            f"{shown}: expected text, got the memory of a PCI device, left unopened "
            "(its text form is the file named resource)"
        )
    kernels = real.startswith(("/proc/", "/sys/")) or found.st_dev in _kernels()
    if kernels and name not in texts:
        expected = "a file outside of /proc and /sys, got a file of the kernel"
        if texts:
            expected = (
                "/proc/iomem, /proc/ioports or a device's resource file, got another file of the "
                "kernel"
            )
        raise SourceError(f"{shown}: expected {expected}, left unopened")


def _kernels() -> set[int]:
    """The file systems of /proc and /sys, to know their files wherever else they are mounted."""
    return {os.stat(path).st_dev for path in ("/proc", "/sys") if os.path.ismount(path)}
