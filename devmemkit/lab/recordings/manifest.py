"""The files that must be in data/, by SHA-256: recordings, machines, programs and the ledger.

data/SHA256SUMS has a line for each, as `sha256sum -c` reads it. Whoever judges by these files gets
an error that names a missing, altered, swapped or unlisted one. The list itself must be complete:
what it must name follows from the scenarios, kernels and programs.

After an edit of the ledger: `python -m devmemkit.lab.recordings.manifest data/findings.toml`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from devmemkit.lab.runs import RUNS
from devmemkit.model.features import MEASURED_ON_ARM64
from devmemkit.model.repairs import COPY_IN_KERNEL, IN_KERNEL
from devmemkit.scenarios.catalogue import SCENARIOS
from devmemkit.scenarios.machines import LABS, data_dir, label

NAME = "SHA256SUMS"
RECORDED = ("5.10", "6.1", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3")
"""The kernels whose recordings are in data/."""
REPAIRED = ("6.12", "7.3")
"""Those of them that were also recorded with a repaired mmap and a repaired write; Debian has
headers for them."""
ON_5G = ("5.10", "6.12", "7.3")
"""Those of them that were also recorded on the second machine, whose memory is above its BARs."""
ON_ARM64 = MEASURED_ON_ARM64
"""The kernels that were recorded on the third machine, which is arm64."""
ON_16K = ("6.12", "7.3")
"""Those of them that were also recorded with pages of 16 KiB; Debian has no older one."""
WITH_16K = ("machine", "takeover", "claims", "pci-bars", "conform")
"""The scenarios that were recorded there; all stories can be played."""
REPAIR_RACES = {f"mmap-vs-claim-{repair}": repair for repair in IN_KERNEL}
"""The scenarios of a repaired mmap, and the repair of each."""
REPAIRED_STORIES = {f"write-vs-claim-{repair}": repair for repair in COPY_IN_KERNEL}
"""The scenarios of a repaired write, which play the stories of write-vs-claim."""
MEASURED = ("boot", "mmap-vs-claim", "conform", "reproducers", "explain", *REPAIR_RACES)
"""Scenarios that are not stories of acts."""
NAMES = (*SCENARIOS, *REPAIRED_STORIES, *MEASURED)
"""Everything that is recorded, but for the machines."""
TEXTS = ("iomem", "ioports", "pci.json")
MACHINE = ("machine.json", *(f"{state}/{text}" for state in ("idle", "bound") for text in TEXTS))
WRITTEN = (
    *("findings.toml", "claim-path.toml", "references.toml", "revocation-survey.toml"),
    *("attempts.toml", "attempts.json", "measured.toml"),
    "recordings/schema.json",
)
"""Hand-written files on which verdicts depend."""
FREE = "recordings/conform/"
"""The folder in which recordings share a file; they name it themselves."""
PATTERNS = (
    *("*.toml", "*.json", "recordings/*.json", "recordings/*/*"),
    *("machines/*/**/*", "reproducers/*.c"),
)
"""The files below data/ that the manifest covers."""


class RecordingError(ValueError):
    """A recording is missing, incomplete or altered; one sentence."""


def is_on(lab: str, scenario: str) -> bool:
    """Whether a scenario ("machine": the machine itself) is played on a machine of the lab.

    The programs and the module of the repairs are for x86-64 alone.
    """
    if scenario in (*REPAIR_RACES, *REPAIRED_STORIES, "reproducers"):
        return lab == "2g"
    everywhere = (*SCENARIOS, "machine", "conform", "explain")
    return lab not in ("5g", "arm64-16k") or scenario in everywhere


def kernels_of(scenario: str, lab: str = "2g") -> tuple[str, ...]:
    """The kernels on which a scenario ("machine": the machine itself) is recorded."""
    repaired = scenario in REPAIR_RACES | REPAIRED_STORIES
    recorded = {
        "2g": REPAIRED if repaired else RECORDED,
        "5g": ON_5G,
        "arm64": ON_ARM64,
        "arm64-16k": ON_16K if scenario in WITH_16K else (),
    }
    return recorded[lab] if is_on(lab, scenario) else ()


def labels_of(scenario: str) -> tuple[str, ...]:
    """The kernels and machines on which a scenario is recorded, as files are named."""
    return tuple(label(v, lab) for lab in LABS for v in kernels_of(scenario, lab))


def required() -> set[str]:
    """The paths below data/ that a manifest must list; others may only be in FREE."""
    found = {f"recordings/{s}/{v}.json" for s in NAMES for v in labels_of(s)}
    found |= {f"machines/qemu-{v}/{name}" for v in labels_of("machine") for name in MACHINE}
    return found | {f"reproducers/{name}.c" for name in RUNS} | {*WRITTEN}


def listed() -> dict[str, str]:
    """The digest of each file by its path below data/; RecordingError for a damaged manifest."""
    found = _lines(data_dir())
    wanted = required()
    if missing := sorted(wanted - found.keys()):
        raise RecordingError(f"{NAME}: expected {missing[0]}, found none")
    if more := sorted(name for name in found.keys() - wanted if not name.startswith(FREE)):
        raise RecordingError(f"{NAME}: expected nothing else, got {more[0]}, which nobody judges")
    return found


def _lines(data: Path) -> dict[str, str]:
    try:
        lines = (data / NAME).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{NAME}: expected a manifest of data/, got: {error}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        parts = re.fullmatch(r"([0-9a-f]{64})  ([\w.@-]+(?:/[\w.@-]+)*)", line)
        if parts is None or ".." in parts[2].split("/") or parts[2] in found:
            raise RecordingError(f"{NAME}: line {number}: expected a digest and a new path")
        found[parts[2]] = parts[1]
    return found


def digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def there(data: Path) -> Iterator[str]:
    """The paths of the existing files that a manifest covers, below `data`."""
    for pattern in PATTERNS:
        for path in data.glob(pattern):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(data).as_posix()


def check() -> int:
    """Check all files and return their number; RecordingError names the first that differs."""
    data, found = data_dir(), listed()
    for name in found:
        expect(data / name, found)
    for name in sorted(set(there(data)) - found.keys()):
        raise RecordingError(f"data/{name}: expected in {NAME}, found no line for it")
    for one in labels_of("machine"):
        name = f"machines/qemu-{one}"
        got = json.loads((data / name / "machine.json").read_bytes()).get("name")
        if got != f"qemu-{one}":
            raise RecordingError(f"data/{name}: expected the machine of Linux {one}, got {got}")
    return len(found)


def expect(path: Path, found: dict[str, str] | None = None) -> None:
    """RecordingError unless the file is there and is the one that the manifest (`found`) lists."""
    data = data_dir()
    name = path.relative_to(data).as_posix()
    found = listed() if found is None else found
    if name not in found:
        raise RecordingError(f"data/{name}: expected in {NAME}, found no line for it")
    for part in (path, *path.parents[: name.count("/")]):
        if part.is_symlink():  # it may lead to another listed file
            kind = "a file" if part == path else "a folder"
            at = part.relative_to(data).as_posix()
            raise RecordingError(f"data/{at}: expected {kind}, got a link")
    if not path.is_file():
        raise RecordingError(f"data/{name}: expected the file that {NAME} lists, found none")
    if (got := digest(path)) != found[name]:
        raise RecordingError(
            f"data/{name}: expected SHA-256 {found[name][:12]}... by {NAME}, got {got[:12]}..."
        )


def write(*changed: Path) -> None:
    """Update the lines of these files, and of those in these folders; all others stay."""
    data = data_dir()
    names = [path.resolve().relative_to(data.resolve()).as_posix() for path in changed]

    def is_changed(name: str) -> bool:
        return any(name == one or name.startswith(f"{one}/") for one in names)

    found = {name: known for name, known in _lines(data).items() if not is_changed(name)}
    found |= {name: digest(data / name) for name in there(data) if is_changed(name)}
    put(data / NAME, "".join(f"{found[name]}  {name}\n" for name in sorted(found)).encode())


def put(path: Path, content: bytes) -> None:
    """Write a file whole: an interrupt leaves the old one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
