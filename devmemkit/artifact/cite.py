"""What to name when this is cited, and the archive that is deposited."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import devmemkit
from devmemkit.artifact.provenance import ROOT, checkout, commit, data_files, digest_of
from devmemkit.artifact.store import UsageError


def _root() -> Path:
    return checkout(Path.cwd()) or ROOT


def version() -> str:
    """Version, commit and the digest of the data, in one line."""
    data = data_files(_root())
    told = f"data sha256 {digest_of(data)}" if data else "no data: not in a checkout"
    return f"devmemkit {devmemkit.__version__}, commit {commit(_root())}, {told}"


def bibtex() -> str:
    """The entry for a bibliography, made from CITATION.cff; UsageError outside a checkout."""
    try:
        told = (_root() / "CITATION.cff").read_text("utf-8")
    except OSError as error:
        raise UsageError(f"CITATION.cff: {error.strerror}") from None
    fields = dict(re.findall(r"^([a-z-]+): *\"?(.*?)\"?$", told, re.MULTILINE))
    names = " and ".join(f"{{{name}}}" for name in re.findall(r"^ +- name: (.+)$", told, re.M))
    return f"""@software{{devmemkit,
  author  = {{{names}}},
  title   = {{{fields["title"]}}},
  version = {{{devmemkit.__version__}}},
  note    = {{commit {commit(_root())}; data SHA-256 {digest_of(data_files(_root()))}}},
  license = {{MIT (code), CC-BY-4.0 (data)}}
}}"""


def archive(target: Path) -> str:
    """Pack all that is committed, the same to the byte each time; UsageError when it cannot be."""
    root = _root()
    if not (root / ".git").exists():
        raise UsageError("expected a git checkout of devmemkit, got none")
    head = commit(root)
    if not re.fullmatch("[0-9a-f]{40}", head):
        raise UsageError(f"expected a checkout without local changes, got {head}")
    name = f"devmemkit-{devmemkit.__version__}"
    command = ["git", "-C", str(root), "archive", "--format=tar.gz", f"--prefix={name}/"]
    done = subprocess.run(
        [*command, "-o", str(target.resolve()), head], capture_output=True, text=True
    )
    if done.returncode:
        raise UsageError(f"{target}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return f"{target}: {target.stat().st_size / 1e6:.1f} MB, commit {head}"
