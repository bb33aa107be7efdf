"""`devmemkit iomem`: a dump read from a file or standard input, shown as a tree or as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TextIO

from devmemkit.host.files import read, write
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text import iomem


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
    from devmemkit.text.iomem_tree import tree_of

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
        write(svg, drawn(dump, os.path.basename(source)))
    print(text, file=stream)
