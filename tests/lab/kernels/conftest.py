"""A machine whose own apt knows a small repository of ours; nothing of it is cached yet."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devmemkit.lab.kernels import apt, catalogue
from tests.lab.kernels.debian import Archive, make_key, serve
from tests.lab.kernels.world import World, fill


@pytest.fixture(scope="session")
def signed() -> Iterator[tuple[Path, Archive]]:
    """A signed archive; below a short path, for the agent of gpg listens on a socket there."""
    home = Path(tempfile.mkdtemp(prefix="key"))
    try:
        make_key(home / "ours", home / "ours.gpg")
        make_key(home / "other", home / "other.gpg")
        archive = Archive(home / "archive", home / "ours")
        fill(archive, home / "build")
        yield home, archive
    finally:
        for name in "ours", "other":
            subprocess.run(["gpgconf", "--homedir", str(home / name), "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def world(
    signed: tuple[Path, Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A machine whose own apt knows the archive's stable suite; nothing is cached yet."""
    home, made = signed
    shutil.copytree(made.folder, tmp_path / "archive")
    archive = Archive.__new__(Archive)
    archive.folder, archive.key = tmp_path / "archive", made.key
    server, handler = serve(archive.folder)
    keyring = tmp_path / "keyring.gpg"
    shutil.copy(home / "ours.gpg", keyring)
    system = tmp_path / "system"
    for part in ("lists/partial", "archives/partial"):
        (system / part).mkdir(parents=True)
    address = f"http://127.0.0.1:{server.server_port}"
    (system / "debian.sources").write_text(
        f"# ours\nTypes: deb\nURIs: {address}\nSuites: stable\nComponents: main\n"
        f"Architectures: amd64\nSigned-By: {keyring}\n"
    )
    (system / "apt.conf").write_text(
        f'Dir::State "{system}"; Dir::Cache "{system}"; Dir::State::status "/dev/null";'
        f'Dir::Etc::SourceList "{system}/debian.sources"; Dir::Etc::SourceParts "/dev/null";'
        'APT::Sandbox::User "root"; APT::Architecture "amd64"; Acquire::Retries "0";'
        'Acquire::http::Proxy::127.0.0.1 "DIRECT"; APT::Update::Error-Mode "any";'
    )
    monkeypatch.setenv("APT_CONFIG", str(system / "apt.conf"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "SUITES", ("stable-backports", "stable"))
    monkeypatch.setattr(apt, "KEYRING", keyring)
    subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
    yield World(archive, handler, keyring, home / "other", [])
    server.shutdown()
    server.server_close()
