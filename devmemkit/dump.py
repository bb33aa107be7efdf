"""`devmemkit iomem`: a dump read from a file or standard input, shown as a tree or as JSON."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import TextIO

from devmemkit.model import iomem
from devmemkit.model.resource import Resource
from devmemkit.model.text import printable

LARGEST = 64 << 20  # bytes; real dumps have kilobytes, /proc/kcore says it has 128 TiB
LINES = 1 << 21  # each takes half a kilobyte of memory


class SourceError(ValueError):
    """What was named is nothing to read a dump from."""


def read(name: str) -> bytes:
    """The bytes of a regular file or pipe, `-` for standard input; SourceError for the rest.

    Nothing that gives access to memory or to a device is opened: no path below /dev, no device
    node wherever it is, no `resourceN` of a PCI device in sysfs.
    """
    if name == "-":
        if sys.stdin is None:
            raise SourceError("-: expected a dump on standard input, got none (it is closed)")
        descriptor, shown = sys.stdin.fileno(), "standard input"
        _refuse(f"/proc/self/fd/{descriptor}", shown)
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(LARGEST + 1)
    else:
        shown = printable(name) or "''"
        try:
            _refuse(name, shown)
            with open(name, "rb") as stream:
                data = stream.read(LARGEST + 1)
        except OSError as error:
            raise SourceError(f"{shown}: expected a dump, got: {error.strerror}") from None
    if len(data) > LARGEST:
        raise SourceError(f"{shown}: expected a dump of at most {LARGEST >> 20} MiB, got more")
    if data.count(b"\n") > LINES:
        raise SourceError(f"{shown}: expected a dump of at most {LINES} lines, got more")
    return data


def _refuse(path: str, shown: str) -> None:
    real = os.path.realpath(path)
    mode = os.stat(path).st_mode if os.path.exists(path) else 0
    if stat.S_ISFIFO(mode):
        return
    if path.startswith("/proc/self/fd/") and stat.S_ISCHR(mode) and sys.stdin.isatty():
        return
    if stat.S_ISDIR(mode):
        raise SourceError(f"{shown}: expected a file, got a folder")
    below_dev = os.path.abspath(path).startswith("/dev/") or real.startswith("/dev/")
    if below_dev or (mode and not stat.S_ISREG(mode)):
        raise SourceError(f"{shown}: expected a text file or a pipe, got a device, left unopened")
    if re.fullmatch(r"resource\d+(_wc)?", os.path.basename(real)):
        raise SourceError(
            f"{shown}: expected text, got the memory of a PCI device, left unopened "
            "(its text form is the file named resource)"
        )
    kernels = real.startswith(("/proc/", "/sys/"))
    if kernels and os.path.basename(real) not in ("iomem", "ioports", "resource"):
        raise SourceError(
            f"{shown}: expected /proc/iomem, /proc/ioports or a device's resource file, "
            "got another file of the kernel, left unopened"
        )


def as_json(dump: iomem.Dump) -> str:
    """Entries and repairs in file order as ASCII JSON; undecodable bytes are \\udcXX escapes."""
    entries = [
        {"start": e.start, "end": e.end, "name": e.name, "depth": e.depth} for e in dump.entries
    ]
    repairs = [{"line": repair.line, "what": repair.what} for repair in dump.repairs]
    return json.dumps({"entries": entries, "repairs": repairs}, indent=1)


def as_text(dump: iomem.Dump) -> str:
    """The tree as the kernel indents it, then the repairs, safe for a terminal."""
    lines = [
        f"{'  ' * e.depth}{e.start:0{e.width}x}-{e.end:0{e.width}x} : {printable(e.name)}"
        for e in dump.entries
    ]
    lines.append("repaired:" if dump.repairs else "nothing was repaired")
    lines += [f"  line {r.line}: {printable(r.what)}" for r in dump.repairs]
    return "\n".join(lines)


def _tree(dump: iomem.Dump) -> Resource:
    """ValueError for a dump without addresses."""
    from devmemkit.model.iomem_tree import tree_of

    bits = max(entry.end.bit_length() for entry in dump.entries)
    return tree_of(dump, root_end=(1 << bits) - 1)


def as_map(dump: iomem.Dump) -> str:
    """The address space region by region, with what is unused; ValueError without addresses."""
    from devmemkit.figures.text_map import text_map

    return text_map(_tree(dump))


def drawn(dump: iomem.Dump, source: str) -> str:
    """The dump's address space as SVG; ValueError for one without addresses."""
    from devmemkit.figures.space_map import space_map
    from devmemkit.figures.svg import to_svg

    return to_svg(space_map(source, _tree(dump)))


FORMS = {"json": as_json, "text": as_text, "map": as_map}


def show(name: str, form: str, stream: TextIO, svg: Path | None = None) -> None:
    """Print the dump named on the command line, and draw it into a file if one is named.

    `form` is a name in FORMS.

    SourceError, DumpError or ValueError for what is none; OSError where nothing can be written.
    """
    source = "standard input" if name == "-" else printable(name)
    dump = iomem.parse(read(name), source=source)
    text = FORMS[form](dump)
    if svg is not None:
        svg.write_text(drawn(dump, os.path.basename(source)), encoding="utf-8")
    # A name may hold what the terminal's encoding has not.
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
