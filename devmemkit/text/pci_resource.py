"""A PCI device's sysfs `resource` file: one row of start, end and flags for each resource."""

from __future__ import annotations

import re
from collections.abc import Iterable

from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text import TextError

ROWS = (6, 7, 13, 17, 18)
"""Numbers of rows that kernels print.

6 BARs, then the ROM (7: virtual machines, functions without SR-IOV or bridge), then SR-IOV BARs and
bridge windows as configured.
"""

_ROW = re.compile("0x([0-9a-f]{16}) 0x([0-9a-f]{16}) 0x([0-9a-f]{16})")


def parse_resource(text: str | bytes, *, source: str = "<text>") -> tuple[Bar, ...]:
    """Every row of a `resource` file (drivers/pci/pci-sysfs.c:resource_show); unused ones are 0.

    TextError for a line that is not a row, or a number of rows that no kernel prints.
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
            raise TextError(
                source,
                index + 1,
                "expected three numbers of 16 hex digits with 0x, as in a device's resource file,"
                f" got '{printable(line[:60])[:60]}'",
            )
        start, end, flags = (int(digits, 16) for digits in match.groups())
        rows.append(Bar(index, start, end, flags))
    if len(rows) not in ROWS:
        *others, last = map(str, ROWS)
        reason = f"expected {', '.join(others)} or {last} rows, got {len(rows)}"
        raise TextError(source, max(1, len(rows)), reason)
    return tuple(rows)


def bars_of(rows: Iterable[Bar]) -> tuple[Bar, ...]:
    """The BARs in use and the ROM (6), from the rows of a resource file."""
    return tuple(row for row in rows if row.end and row.index <= 6)
