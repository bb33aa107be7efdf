"""Running apt and dpkg, and turning their failures into one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from devmemkit.host.child import ending_with_us

OTHERWISE = "or pass --kernel VMLINUZ --modules DIR"

REASONS = (  # pattern in the output of apt or dpkg-deb, and what to do
    (
        r"(404 |file not found)(.|\n)*does not have a release file",
        "the repository has no such suite",
    ),
    ("no space left|enough free space", "the disk is full; make room or set XDG_CACHE_HOME"),
    (
        "not signed|no_pubkey|badsig|invalid signature|couldn't be verified|gpgv|sqv",
        "expected a signature by one of Debian's keys, got another or none; "
        "update the package debian-archive-keyring",
    ),
    (
        "hash sum mismatch|unexpected size",
        "expected the digest in the signed list, got another; run it again, and later if it stays",
    ),
    (
        "could not resolve|temporary failure|could ?n.t connect|could not connect|cannot initiate"
        "|connection (timed out|refused|failed)|unreachable|unable to connect",
        f"the repository cannot be reached; connect to the network {OTHERWISE}",
    ),
)


class KernelError(Exception):
    """A kernel cannot be had; one sentence that says what to do."""


class NoSuchSuite(KernelError):
    """The repository does not have the suite."""


def explain(where: str, output: str) -> KernelError:
    """The output of a failed apt or dpkg-deb as one sentence about `where`."""
    for number, (pattern, sentence) in enumerate(REASONS):
        if re.search(pattern, output, re.IGNORECASE):
            kind = KernelError if number else NoSuchSuite
            return kind(f"{where}: {sentence}")
    said = re.findall(r"^(?:E|dpkg-deb: error): (.*)", output, re.MULTILINE)
    return KernelError(f"{where}: {said[0] if said else 'failed without a word'}")


def run(where: str, *command: str, cwd: Path | None = None) -> str:
    """Run a program of apt or dpkg and return its output; KernelError when that fails."""
    program = shutil.which(command[0])
    if program is None:
        package = "dpkg" if command[0] == "dpkg-deb" else "apt"
        raise KernelError(f"{command[0]}: not found; install the package {package} {OTHERWISE}")
    done = subprocess.run(
        ending_with_us(program, *command[1:]),
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
    )
    if done.returncode:
        raise explain(where, done.stdout + done.stderr)
    return done.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
