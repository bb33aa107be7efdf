"""A PCI device's sysfs `resource` file: one row of start, end and flags for each resource."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text.iomem import DumpError

# Resources of struct pci_dev: 6 BARs, then the ROM (7 rows: a function without SR-IOV or bridge, in
# kernels and virtual machines that show no more), SR-IOV BARs and bridge windows as built.
ROWS = (6, 7, 13, 17, 18)

_ROW = re.compile("0x([0-9a-f]{16}) 0x([0-9a-f]{16}) 0x([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Row:
    """One resource of a device: an inclusive range and IORESOURCE_* flags; all 0 if it is empty."""

    index: int
    start: int
    end: int
    flags: int


def parse_resource(text: str | bytes, *, source: str = "<text>") -> tuple[Row, ...]:
    """Read a `resource` file as resource_show writes it (drivers/pci/pci-sysfs.c).

    Raises DumpError for a line that is no row, and for a number of rows that no kernel writes.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    rows = []
    for index, line in enumerate(lines):
        match = _ROW.fullmatch(line)
        if match is None:
            raise DumpError(
                source,
                index + 1,
                "expected three numbers of 16 hex digits with 0x, as in a device's resource file,"
                f" got '{printable(line[:60])[:60]}'",
            )
        start, end, flags = (int(digits, 16) for digits in match.groups())
        rows.append(Row(index, start, end, flags))
    if len(rows) not in ROWS:
        raise DumpError(
            source,
            max(1, len(rows)),
            f"expected {', '.join(map(str, ROWS[:-1]))} or {ROWS[-1]} rows, got {len(rows)}",
        )
    return tuple(rows)


def format_resource(rows: Iterable[Row]) -> str:
    """Write rows as resource_show does, each with its line feed."""
    return "".join(f"0x{row.start:016x} 0x{row.end:016x} 0x{row.flags:016x}\n" for row in rows)


def bars_of(rows: tuple[Row, ...]) -> tuple[Bar, ...]:
    """The BARs and the ROM of a resource file."""
    return tuple(Bar(r.index, r.start, r.end, r.flags) for r in rows if r.end and r.index <= 6)
