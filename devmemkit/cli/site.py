"""`devmemkit site`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from devmemkit.cli.parser import folder
from devmemkit.model.printable import printable


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "site",
        description="Build a folder that any web server shows: explain, the explorers and the race "
        "of mmap and claim, which run in the visitor's browser. Nothing that a visitor pastes "
        "leaves it.",
        examples=("site --out site", "site --out /srv/www/devmemkit"),
    )
    add = parser.add_argument
    add("--out", type=folder, default=Path("site"), metavar="DIR", help="folder (default: site)")
    add("--pyodide", type=folder, metavar="DIR", help="Pyodide's files (default: npm fetches them)")


def run(options: argparse.Namespace) -> int:
    """Build the site and say how large it is."""
    from devmemkit.artifact import reading
    from devmemkit.artifact.provenance import commit, here
    from devmemkit.site import runtime
    from devmemkit.site.build import build

    root = here()
    pyodide = runtime.pyodide(options.pyodide)
    read = reading.notebooks(root), reading.documentation(root)
    sizes = build(options.out, commit(root), pyodide, *read)
    told = runtime.pinned()
    source = printable(str(options.pyodide)) if options.pyodide else "npm"
    print(f"Pyodide {told['version']} (Python {told['python']}) from {source}")
    shown = printable(str(options.out))
    print(f"wrote {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB, to {shown}")
    print(f"show it: python3 -m http.server --directory {shown}")
    return 0
