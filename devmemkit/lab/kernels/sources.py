"""Debian's repositories among the sources of the machine's own apt, and the keyring of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from devmemkit.lab.kernels.programs import OTHERWISE, KernelError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # from the package of that name


@dataclass(frozen=True)
class Repository:
    """A Debian repository of the machine's apt, and the keyring that verifies it."""

    address: str
    keyring: Path
    security: bool


def stanzas(text: str) -> list[dict[str, str]]:
    """The paragraphs of apt's output as fields; continuation lines are left out."""
    field = re.compile(r"^([\w-]+): (.*)$", re.MULTILINE)
    return [dict(field.findall(block)) for block in re.split(r"\n\s*\n", text) if block.strip()]


def repositories(targets: str) -> list[Repository]:
    """Debian's archive, and its security updates if in use, from `apt-get indextargets`.

    KernelError when the machine's apt knows no Debian repository, or none of its keyrings exists.
    """
    found: dict[bool, Repository] = {}
    for target in stanzas(targets):
        security = target.get("Label") == "Debian-Security"
        if target.get("Origin") == "Debian" and (security or target.get("Label") == "Debian"):
            keyring = _keyring(target.get("Sourcesentry", ""))
            found.setdefault(security, Repository(target["Repo-URI"], keyring, security))
    if False not in found:
        raise KernelError(
            "apt: expected a Debian repository among this machine's sources, found none; "
            f"add one and run apt-get update, {OTHERWISE}"
        )
    for one in found.values():
        if not one.keyring.is_file():
            raise KernelError(
                f"{one.keyring}: expected the keyring of {one.address}, found none; "
                "install the package debian-archive-keyring"
            )
    return list(found.values())


def _keyring(entry: str) -> Path:
    """The Signed-By of a source (FILE:NUMBER of a line or stanza), or else the default keyring."""
    name, _, number = entry.rpartition(":")
    try:
        text = Path(name).read_text(errors="replace")
        blocks = text.splitlines()
        if name.endswith(".sources"):
            blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
        block = blocks[int(number) - 1]
    except (OSError, ValueError, IndexError):
        return KEYRING
    signed = re.search(r"^[^#]*?\bsigned-by\s*[:=]\s*(/[^\s,\]]+)", block, re.I | re.MULTILINE)
    return Path(signed[1]) if signed else KEYRING
