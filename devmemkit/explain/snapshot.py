"""A snapshot of this machine as a folder of texts: taken, written, and read as a description.

Nothing here opens /dev/mem, /dev/port, a resourceN or /proc/bus/pci.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from devmemkit.explain.description import Description
from devmemkit.explain.stored import description_of
from devmemkit.host.files import SourceError
from devmemkit.host.files import read as read_file
from devmemkit.model.printable import printable
from devmemkit.text.iomem import LARGEST
from devmemkit.text.release import release_of
from devmemkit.text.system_files import (
    parse_address_sizes,
    parse_config,
    parse_lockdown,
    parse_mounts,
    parse_mtrr,
)

SYS_RAWIO = 17
"""Bit of the capability in CapEff (include/uapi/linux/capability.h)."""

Texts = dict[str, str]

FILES = {
    "iomem": "proc/iomem",
    "ioports": "proc/ioports",
    "version": "proc/version",
    "arch": "proc/sys/kernel/arch",
    "cmdline": "proc/cmdline",
    "lockdown": "sys/kernel/security/lockdown",
    "cpuinfo": "proc/cpuinfo",
    "mtrr": "proc/mtrr",
    "mounts": "proc/self/mounts",
}
"""The files of a machine, beside those of its PCI devices and its kernel's configuration."""

DEVICE = ("class", "device", "vendor", "resource", "modalias")
TEXTS = frozenset((*FILES, *DEVICE, "status", "config.gz"))
"""The names of the kernel's files that `take` may open."""

MEMBERS = {"snapshot.json": 1 << 20, "pci.json": 16 << 20, "iomem": LARGEST, "ioports": LARGEST}
"""The files of a snapshot's folder, and the largest size of each in bytes."""


def take(root: Path = Path("/")) -> Texts:
    """A snapshot of this machine, text by file name; `root` is its root directory."""
    read = {name: _text(root / path) for name, path in FILES.items()}
    release = release_of(read["version"])
    read["arch"] = read["arch"] or os.uname().machine  # up to 6.0 there is no such file
    status = _text(root / "proc/self/status")
    user = re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.M)
    effective = re.search(r"^CapEff:\s+([0-9a-f]+)", status, re.M)
    config = _config(root, release)
    # not /proc/devices: "1 mem" is there without DEVMEM, too, for /dev/null and others
    nodes = {path.name for path in (root / "sys/class/mem").glob("*")}
    shown = {"CONFIG_DEVMEM": "y" if "mem" in nodes else "n"} if nodes else None
    return texts(
        read,
        _devices(root, release),
        parse_config(config, source="config") if config else shown,
        # a kernel with lockdown shows the file wherever securityfs is mounted
        securityfs=any((root / "sys/kernel/security").glob("*")),
        root=user is None or user[1] == "0",
        capable=effective is None or bool(int(effective[1], 16) >> SYS_RAWIO & 1),
        dev_mem=(root / "dev/mem").exists(),
        dev_port=(root / "dev/port").exists(),
    )


def texts(
    read: Mapping[str, str],
    devices: Mapping[str, Any],
    config: Mapping[str, str] | None,
    *,
    securityfs: bool = True,
    phys_bits: int | None = None,
    **facts: bool,
) -> Texts:
    """A snapshot from the texts of FILES ("" for a missing one), devices and configuration.

    `phys_bits` is the width of an address if /proc/cpuinfo does not say it.
    """
    facts_of: dict[str, Any] = {name: read[name].strip() or None for name in ("arch", "cmdline")}
    facts_of["release"] = release_of(read["version"]) or None
    shows = securityfs or read["lockdown"]
    facts_of["lockdown"] = parse_lockdown(read["lockdown"]) if shows else None
    facts_of["mtrr_uc"] = parse_mtrr(read["mtrr"])
    facts_of["mounts"] = parse_mounts(read["mounts"]) if read["mounts"] else None
    facts_of["phys_bits"] = phys_bits or parse_address_sizes(read["cpuinfo"])
    facts_of |= {"config": config, **facts}
    made = {"snapshot.json": _json(facts_of), "pci.json": _json(devices)}
    made |= {name: read[name] for name in ("iomem", "ioports")}
    return {name: text for name, text in made.items() if text}


def _devices(root: Path, release: str) -> dict[str, dict[str, Any]]:
    """The PCI devices by address: class, device, vendor, resource, driver, modules."""
    found: dict[str, dict[str, Any]] = {}
    folder = root / "sys/bus/pci/devices"
    aliases = _aliases(root / "lib/modules" / release / "modules.alias")
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        texts = {name: _text(path / name) for name in DEVICE}
        driver = path / "driver"
        alias = texts.pop("modalias").strip()
        found[path.name] = {
            **{name: text if name == "resource" else text.strip() for name, text in texts.items()},
            "driver": driver.resolve().name if driver.exists() else None,
            "modules": sorted({name for glob, name in aliases if fnmatchcase(alias, glob)}),
        }
    return found


def _aliases(path: Path) -> list[tuple[str, str]]:
    """(pattern, module) of modules.alias for PCI devices."""
    lines = (line.split() for line in _text(path).splitlines())
    return [(w[1], w[2]) for w in lines if len(w) == 3 and w[1].startswith("pci:")]


def _config(root: Path, release: str) -> str:
    packed = _bytes(root / "proc/config.gz")
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(LARGEST).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        text = ""
    return text or _text(root / f"boot/config-{release}")


def _text(path: Path) -> str:
    """The text of a file of this machine, "" if it cannot be read."""
    return _bytes(path).decode("utf-8", "surrogateescape")


def _bytes(path: Path) -> bytes:
    try:
        return read_file(path, pipes=False, texts=TEXTS)
    except SourceError:
        return b""


def write(folder: Path, texts: Texts) -> None:
    """Write a snapshot into a folder that does not exist or is empty; SourceError otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        shown = printable(str(folder))
        raise SourceError(f"{shown}: expected a new or empty folder, got one with files in it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        # "x": a file or link that appeared in between is not overwritten
        with (folder / name).open("x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)


def read(folder: Path) -> Description:
    """The description in a snapshot's folder, such as those in data/machines.

    A missing file leaves its fields unknown. SourceError or TextError for a folder without a
    snapshot, or with a damaged one.
    """
    texts = {
        name: read_file(folder / name, pipes=False, most=most, what="a text")
        for name, most in MEMBERS.items()
        if os.path.lexists(folder / name)
    }
    shown = printable(str(folder))
    if not any(texts.values()):
        raise SourceError(f"{shown}: expected a snapshot (iomem, pci.json, ...), got none of it")
    decoded = {name: text.decode("utf-8", "surrogateescape") for name, text in texts.items()}
    return description_of(decoded, shown)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
