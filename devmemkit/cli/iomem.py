"""`devmemkit iomem`: a dump read from a file or standard input, shown as a tree or as JSON."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from devmemkit.host.files import read, write
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text import iomem


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "iomem",
        description="Read a dump of /proc/iomem, also one that was pasted into a mail or a report, "
        "and print its tree and what was repaired. The exit status is 1 if all addresses are zero, "
        "as readers without rights see them.",
        examples=(
            "iomem /proc/iomem",
            "iomem mail.txt --json",
            "iomem data/machines/qemu-6.12/bound/iomem --map --svg space.svg",
        ),
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="the dump; - for standard input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print entries and repairs as JSON")
    form.add_argument("--map", action="store_true", help="print the address space with its gaps")
    add("--repairs", action="store_true", help="list every repair, not each kind once")
    add("--svg", type=Path, metavar="FILE", help="also draw the address space")


def run(options: argparse.Namespace) -> int:
    """Print the dump, and draw it if a file is named."""
    source = "standard input" if options.file == "-" else printable(options.file)
    dump = iomem.parse(read(options.file), source=source)
    if options.map:
        from devmemkit.figures.text_map import text_map

        text = text_map(_tree(dump, source))
    else:
        text = as_json(dump) if options.json else as_text(dump, every=options.repairs)
    if options.svg is not None:
        from devmemkit.figures.space_map import space_map
        from devmemkit.figures.svg import to_svg

        write(options.svg, to_svg(space_map(os.path.basename(source), _tree(dump, source))))
    print(text)
    return 1 if dump.masked else 0


def as_json(dump: iomem.Dump) -> str:
    """Entries and repairs in file order as ASCII JSON; undecodable bytes are \\udcXX escapes."""
    entries = [
        {"start": e.start, "end": e.end, "name": e.name, "depth": e.depth} for e in dump.entries
    ]
    repairs = [{"line": repair.line, "what": repair.what} for repair in dump.repairs]
    return json.dumps({"entries": entries, "repairs": repairs}, indent=1)


def as_text(dump: iomem.Dump, *, every: bool = False) -> str:
    """The tree as the kernel indents it, then each kind of repairs, or every repair."""
    lines = iomem.format_dump(dump.entries).removesuffix("\n").split("\n")
    lines.append("repaired:" if dump.repairs else "nothing was repaired")
    each = [f"line {repair.line}: {repair.what}" for repair in dump.repairs]
    lines += [f"  {what}" for what in (each if every else iomem.grouped(dump.repairs))]
    return "\n".join(map(printable, lines))


def _tree(dump: iomem.Dump, source: str) -> Resource:
    """The tree of the dump's ranges; ValueError without addresses, or for two that differ."""
    from devmemkit.text.iomem_tree import tree_of
    from devmemkit.text.one_dump import one_dump

    dump = one_dump(dump, source=source)
    bits = max(entry.end.bit_length() for entry in dump.entries)
    return tree_of(dump, root_end=(1 << bits) - 1)
