"""A machine's description on disk: read from this machine, written to a folder, read back.

Only texts that describe are opened: never /dev/mem, /dev/port, a resourceN or /proc/bus/pci.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from devmemkit.dump import LARGEST, SourceError
from devmemkit.explain.description import Description
from devmemkit.explain.facts import (
    parse_address_sizes,
    parse_config,
    parse_lockdown,
    parse_mtrr,
    release_of,
)
from devmemkit.explain.stored import described

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
}
"""What is read of a machine, beside its PCI devices and its kernel's configuration."""


def take(root: Path = Path("/")) -> Texts:
    """The files of a snapshot of this machine, name to text; `root` is where its tree begins."""
    read = {name: _text(root / path) for name, path in FILES.items()}
    release = release_of(read["version"])
    read["arch"] = read["arch"] or os.uname().machine  # up to 6.0 there is no such file
    status = _text(root / "proc/self/status")
    user = re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.M)
    effective = re.search(r"^CapEff:\s+([0-9a-f]+)", status, re.M)
    config = _config(root, release)
    return texts(
        read,
        _devices(root, release),
        parse_config(config, source="config") if config else None,
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
    **facts: bool,
) -> Texts:
    """The files of a snapshot, from the text of each of FILES ("" where there is none)."""
    facts_of: dict[str, Any] = {name: read[name].strip() or None for name in ("arch", "cmdline")}
    facts_of["release"] = release_of(read["version"]) or None
    facts_of["lockdown"] = parse_lockdown(read["lockdown"])
    if not read["lockdown"] and not securityfs:
        facts_of["lockdown"] = None
    facts_of["mtrr_uc"] = parse_mtrr(read["mtrr"])
    facts_of |= {"phys_bits": parse_address_sizes(read["cpuinfo"]), "config": config, **facts}
    made = {"snapshot.json": _json(facts_of), "pci.json": _json(devices)}
    made |= {name: read[name] for name in ("iomem", "ioports")}
    return {name: text for name, text in made.items() if text}


def _devices(root: Path, release: str) -> dict[str, dict[str, Any]]:
    """The PCI devices by address: class, device, vendor, resource, driver, modules."""
    found: dict[str, dict[str, Any]] = {}
    folder = root / "sys/bus/pci/devices"
    aliases = _aliases(root / "lib/modules" / release / "modules.alias")
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        texts = {name: _text(path / name) for name in ("class", "device", "vendor", "resource")}
        driver = path / "driver"
        alias = _text(path / "modalias").strip()
        found[path.name] = {
            **{name: text if name == "resource" else text.strip() for name, text in texts.items()},
            "driver": driver.resolve().name if driver.exists() else None,
            "modules": sorted({name for glob, name in aliases if fnmatchcase(alias, glob)}),
        }
    return found


def _aliases(path: Path) -> list[tuple[str, str]]:
    """(pattern, module) of modules.alias for PCI devices."""
    lines = (line.split() for line in _text(path, LARGEST * 2).splitlines())
    return [(w[1], w[2]) for w in lines if len(w) == 3 and w[1].startswith("pci:")]


def _config(root: Path, release: str) -> str:
    try:
        with gzip.open(root / "proc/config.gz", "rt") as packed:
            return packed.read(LARGEST)
    except (OSError, EOFError, UnicodeDecodeError):
        return _text(root / f"boot/config-{release}")


def _text(path: Path, most: int = LARGEST) -> str:
    """The text of a file, "" where it cannot be read."""
    found = bytearray()
    try:
        with path.open("rb", buffering=0) as stream:
            # in pieces: below /proc/sys a kernel refuses a buffer of megabytes
            while len(found) < most and (piece := stream.read(1 << 16)):
                found += piece
    except OSError:
        return ""
    return bytes(found[:most]).decode("utf-8", "surrogateescape")


def write(folder: Path, texts: Texts) -> None:
    """Write a snapshot into a folder that does not exist or is empty; SourceError otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SourceError(f"{folder}: expected a new or empty folder, got one with files in it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")


def read(folder: Path) -> Description:
    """The description that a snapshot's folder gives; a file that is missing is not known.

    The folders of data/machines are such, too. SourceError or DumpError for what is none.
    """
    names = ("snapshot.json", "pci.json", "iomem", "ioports")
    texts = {name: _text(folder / name) for name in names}
    if not any(texts.values()):
        raise SourceError(f"{folder}: expected a snapshot (iomem, pci.json, ...), got none of it")
    return described(texts, str(folder))


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
