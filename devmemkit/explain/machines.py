"""Descriptions by name: a recorded machine, a snapshot's folder, or a dump alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from devmemkit.explain import snapshot
from devmemkit.explain.description import Description, dump_of
from devmemkit.host.files import SourceError
from devmemkit.host.files import read as read_file
from devmemkit.model.printable import printable
from devmemkit.scenarios.machines import data_dir, kernel_in, lab_in, recorded
from devmemkit.text.architecture import PAGES
from devmemkit.text.system_files import OPTIONS


def names() -> tuple[str, ...]:
    """The recorded machines; none without a checkout."""
    try:
        return recorded()
    except FileNotFoundError:
        return ()


def described(name: str, kernel: str = "") -> Description:
    """The description of a recorded machine (drivers bound), a snapshot's folder or a dump's path.

    `kernel` is the release if the description lacks it; the default for a recorded machine is its
    own. SourceError or TextError for any other name.
    """
    if Path(name).is_dir():
        known = snapshot.read(Path(name))
    elif name in names():
        known = _recorded(name)
        kernel = kernel or kernel_in(name)
    elif Path(name).exists() or "/" in name:
        known = Description(iomem=dump_of(read_file(name), name))
    else:
        known_names = ", ".join(names()) or "none recorded here"
        raise SourceError(
            f"{printable(name)}: expected a machine ({known_names}), the folder of a snapshot or "
            "a dump, got none of them"
        )
    return replace(known, release=kernel) if kernel and not known.release else known


def _recorded(name: str) -> Description:
    folder = data_dir() / "machines" / name
    about = json.loads((folder / "machine.json").read_text("utf-8"))
    return replace(
        snapshot.read(folder / "bound"),
        cmdline="quiet",
        lockdown="none",
        # those of all recorded kernels (data/machines/README.md), and the size of a page
        config=dict.fromkeys(OPTIONS, "y")
        | {name: on for name, on in about["kernel"]["config"].items() if name in PAGES},
        phys_bits=about["physical_address_bits"],
        arch=lab_in(name).arch,
    )


def known_machines() -> dict[str, Description]:
    """The recorded machines by name, each with its own kernel."""
    return {name: described(name) for name in names()}
