"""What must be in data/: every recording, machine and reproducer, by path and SHA-256 digest.

data/SHA256SUMS has a line for each, as `sha256sum -c` reads it. A file that is missing, altered,
in another's place or not listed is an error with its name, for all who judge by these files.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from devmemkit.scenarios.catalogue import SCENARIOS
from devmemkit.scenarios.machines import data_dir

NAME = "SHA256SUMS"
RECORDED = ("5.10", "6.1", "6.12", "6.18", "7.3")
"""The kernels whose recordings are in data/."""
MEASURED = ("boot", "mmap-vs-claim", "conform", "reproducers", "explain")
"""Scenarios that are no list of acts."""
FOLDERS = {"recordings": "*/*", "machines": "*/**/*", "reproducers": "*.c"}
"""What the manifest covers, below data/."""


class ManifestError(ValueError):
    """Data that is not what the manifest lists; one sentence that names the file."""


def listed(data: Path | None = None) -> dict[str, str]:
    """The digest of each file by its path below data/; ManifestError for what is no manifest."""
    path = (data or data_dir()) / NAME
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{NAME}: expected a manifest of data/, got: {error}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        parts = re.fullmatch(r"([0-9a-f]{64})  ([\w.@-]+(?:/[\w.@-]+)*)", line)
        if parts is None or ".." in parts[2].split("/") or parts[2] in found:
            raise ManifestError(f"{NAME}: line {number}: expected a digest and a new path below it")
        found[parts[2]] = parts[1]
    for scenario in (*SCENARIOS, *MEASURED):
        for version in RECORDED:
            if f"recordings/{scenario}/{version}.json" not in found:
                raise ManifestError(f"{NAME}: expected {scenario} on Linux {version}, found none")
    return found


def digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def there(data: Path) -> Iterator[str]:
    """The paths below `data` that a manifest lists, of the files that are there."""
    for folder, pattern in FOLDERS.items():
        for path in (data / folder).glob(pattern):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(data).as_posix()


def check() -> int:
    """How many files are as the manifest lists them; ManifestError names the first that is not."""
    data = data_dir()
    found = listed(data)
    for name in found:
        expect(data / name)
    for name in sorted(there(data)):
        if name not in found:
            raise ManifestError(f"data/{name}: expected in {NAME}, found no line for it")
    return len(found)


def expect(path: Path) -> None:
    """ManifestError unless the file is there and is the one that the manifest lists."""
    data = data_dir()
    name = path.resolve().relative_to(data.resolve()).as_posix()
    wanted = _listed(data, (data / NAME).stat().st_mtime_ns).get(name)
    if wanted is None:
        raise ManifestError(f"data/{name}: expected in {NAME}, found no line for it")
    if not path.is_file():
        raise ManifestError(f"data/{name}: expected the file that {NAME} lists, found none")
    if (got := digest(path)) != wanted:
        raise ManifestError(
            f"data/{name}: expected SHA-256 {wanted[:12]}... by {NAME}, got {got[:12]}..."
        )


@cache
def _listed(data: Path, _: int) -> dict[str, str]:
    return listed(data)


def write(data: Path | None = None) -> int:
    """List all that is there, whole or not at all; how many files that are."""
    data = data or data_dir()
    lines = [f"{digest(data / name)}  {name}\n" for name in sorted(there(data))]
    new = data / f".{NAME}.{os.getpid()}"
    try:
        new.write_text("".join(lines), "utf-8")
        new.replace(data / NAME)
    finally:
        new.unlink(missing_ok=True)
    return len(lines)
