"""Reading files: a machine to ask about, a dump of /proc/iomem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from devmemkit.explain import machines
from devmemkit.explain.description import Description
from devmemkit.host.files import read
from devmemkit.model.printable import printable
from devmemkit.text.architecture import parse_architecture
from devmemkit.text.iomem import Dump, parse


def load_machine(source: str | Path, *, kernel: str = "", arch: str = "") -> Description:
    """Read the description of a machine, to be asked with `explain`.

    `source` is a folder that `devmemkit snapshot` wrote, a dump of /proc/iomem, or the name of a
    recorded machine. `kernel` is the release (`uname -r`) where the source does not have it, `arch`
    the architecture (`uname -m`). What the description lacks is None. ValueError for a source
    that is none of the three.

    >>> machine = load_machine("qemu-6.12")
    >>> machine.release, machine.devices["0000:00:03.0"].driver
    ('6.12', 'e1000')
    """
    known = machines.described(str(source), kernel)
    return replace(known, arch=parse_architecture(arch, source="arch")) if arch else known


def parse_iomem(text: str | bytes) -> Dump:
    """Read the text of /proc/iomem or /proc/ioports, and repair what was damaged by pasting it.

    The dump has `entries` in the order of the text, and the `repairs` with the line of each.
    ValueError for a text without ranges.

    >>> dump = parse_iomem("> 00001000-0009ffff : System RAM")
    >>> dump.entries[0].name, dump.repairs[0].what
    ('System RAM', 'mail quoting removed')
    """
    return parse(text)


def read_iomem(path: str | Path) -> Dump:
    """Read a file as `parse_iomem` reads a text.

    `path` is a file, a pipe, or "-" for standard input. ValueError for a file that cannot be read.

    >>> dump = read_iomem("data/machines/qemu-6.12/bound/iomem")
    >>> dump.entries[0].name, len(dump.repairs)
    ('Reserved', 0)
    """
    return parse(read(path), source=printable(str(path)))
