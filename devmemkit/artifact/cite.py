"""The citation, and the archive to deposit."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import devmemkit
from devmemkit.artifact.provenance import commit, data_files, digest_of, git, here, said_by
from devmemkit.artifact.record import UsageError
from devmemkit.host.files import read, write


def version() -> str:
    """Version, commit and the digest of the data, in one line."""
    data = data_files(here())
    told = f"data sha256 {digest_of(data)}" if data else "no data: not in a checkout"
    return f"devmemkit {devmemkit.__version__}, commit {commit(here())}, {told}"


def bibtex() -> str:
    """A BibTeX entry made from CITATION.cff; UsageError outside a checkout."""
    root = here()
    content = read(root / "CITATION.cff", pipes=False, texts=(), most=1 << 20, what="a citation")
    try:
        told = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"CITATION.cff: {error}") from None
    title = re.search(r'^title: *"?(.*?)"?$', told, re.MULTILINE)
    if title is None:
        raise UsageError("CITATION.cff: expected a title, got none")
    names = " and ".join(f"{{{name}}}" for name in re.findall(r"^ +- name: (.+)$", told, re.M))
    return f"""@software{{devmemkit,
  author  = {{{names}}},
  title   = {{{title[1]}}},
  version = {{{devmemkit.__version__}}},
  note    = {{commit {commit(root)}; data SHA-256 {digest_of(data_files(root))}}},
  license = {{MIT (code), CC-BY-4.0 (data)}}
}}"""


def archive(target: Path) -> str:
    """Pack everything committed, byte for byte the same each time; UsageError if that fails."""
    root = here()
    if not (root / ".git").exists():
        raise UsageError("expected a git checkout of devmemkit, got none")
    head = commit(root)
    if not re.fullmatch("[0-9a-f]{40}", head):
        raise UsageError(f"expected a checkout without local changes, got {head}")
    name = f"devmemkit-{devmemkit.__version__}"
    try:
        packed = gzip.compress(
            git(root, "archive", "--format=tar", f"--prefix={name}/", head), mtime=0
        )
        write(target, packed)
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{target}: {said_by(error)}") from None
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}") from None
    return f"{target}: {len(packed) / 1e6:.1f} MB, commit {head}"
