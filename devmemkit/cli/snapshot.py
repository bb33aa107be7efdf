"""`devmemkit snapshot`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from devmemkit.model.printable import printable


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "snapshot",
        description="Write a description of this machine: /proc/iomem, /proc/ioports, PCI devices, "
        "kernel release, configuration, command line and lockdown. No device is opened. Only root "
        "sees the addresses in /proc/iomem.",
        examples=("snapshot mine", "explain --machine mine --address 0xfebc0000"),
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="new or empty folder to write to")


def run(options: argparse.Namespace) -> int:
    """Write the description and name its files."""
    from devmemkit.explain import snapshot
    from devmemkit.explain.stored import has_addresses

    texts = snapshot.take()
    snapshot.write(options.folder, texts)
    print(f"wrote {', '.join(sorted(texts))} to {printable(str(options.folder))}")
    if not has_addresses(texts.get("iomem", "")):
        print("(without the addresses of /proc/iomem, which only root reads)")
    return 0
