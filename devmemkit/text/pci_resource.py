"""PCI devices' sysfs `resource` files: one row of start, end and flags for each resource."""

from __future__ import annotations

import re
from collections.abc import Iterable

from devmemkit.model.pci.device import Bar
from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.pasted.devices import full_bdf
from devmemkit.text.pasted.marks import without_prefixes
from devmemkit.text.pasted.rows import decode

ROWS = (6, 7, 13, 17, 18)
"""Numbers of rows that kernels print.

6 BARs, then the ROM (7: virtual machines, functions without SR-IOV or bridge), then SR-IOV BARs and
bridge windows as configured.
"""
SHOWN = 10
"""Rows that head(1) shows of a file; the BARs and the ROM are among them."""

_ROW = re.compile(r"(.*?)0x([0-9a-f]{16}) 0x([0-9a-f]{16}) 0x([0-9a-f]{16})")
_BARE = re.compile("\\s*0x")
_NAME = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?!\w)", re.I)
_AROUND = "> \t\xa0"
_RULE = "`:=-~"
"""Characters of lines between files, as more(1) and forums have them."""


def parse_resource(text: str | bytes, *, source: str = "<text>") -> tuple[Bar, ...]:
    """Every row of a `resource` file (drivers/pci/pci-sysfs.c:resource_show); unused ones are 0.

    TextError for a line that is not a row, a number of rows that no kernel prints, or many files.
    """
    found = parse_resources(text, source=source)
    if len(found) > 1:
        raise TextError(source, 1, f"expected one device's resource file, got {len(found)}")
    return next(iter(found.values()))


def parse_resources(text: str | bytes, *, source: str = "<text>") -> dict[str, tuple[Bar, ...]]:
    """The rows of each `resource` file in a text by the device's address, "" if it has no name.

    A name is the last PCI address of the line above the rows (head prints `==> path <==`), or of
    the text before each row (grep prints `path:`). TextError also for a device with two contents.
    """
    found: dict[str, tuple[Bar, ...]] = {}
    name, rows, number, cut = "", list[Bar](), 0, False
    at, line = 1, ""

    def close() -> None:
        if len(rows) not in ROWS and not (cut and len(rows) == SHOWN):
            *others, last = map(str, ROWS)
            reason = f"expected {', '.join(others)} or {last} rows, got {len(rows)}"
            several = "; each of several files needs its name" if len(rows) > ROWS[-1] else ""
            raise TextError(source, max(1, number), reason + several)
        if found.setdefault(name, tuple(rows)) != tuple(rows) or (len(found) > 1 and "" in found):
            whose = f"rows of {name}" if name else "rows without a name"
            reason = f"expected one resource file of each device, got more {whose}"
            raise TextError(source, number, reason)

    def refused(at: int, line: str) -> TextError:
        expected = "three numbers of 16 hex digits with 0x, as in a device's resource file"
        return TextError(source, at, f"expected {expected}, got '{printable(line[:60])[:60]}'")

    lines = decode(text, []).splitlines()
    for at, whole in enumerate(without_prefixes(lines, _BARE.match), 1):
        line = whole.strip(_AROUND)
        if not line.strip(_RULE):
            continue
        match = _ROW.fullmatch(line)
        names = _NAME.findall(match[1] if match else line)
        if (match[1] if match else line) and not names:
            raise refused(at, line)
        now = full_bdf(names[-1]) if names else name
        if rows and (now != name or not match):
            close()
            rows = []
        if match:
            start, end, flags = (int(digits, 16) for digits in match.groups()[1:])
            rows.append(Bar(len(rows), start, end, flags))
            number = at
        else:
            cut = line.startswith("==>")
        name = now
    if rows or not (found or name):
        close()
    if not found:
        raise refused(at, line)
    return found


def bars_of(rows: Iterable[Bar]) -> tuple[Bar, ...]:
    """The BARs in use and the ROM (6), from the rows of a resource file."""
    return tuple(row for row in rows if row.end and row.index <= 6)
