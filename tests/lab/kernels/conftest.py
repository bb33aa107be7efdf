"""A machine whose own apt knows a small repository of ours; nothing of it is cached yet."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from devmemkit.lab.kernels import apt, catalogue
from tests.lab.kernels import images
from tests.lab.kernels.debian import PROGRAMS, Archive, make_key, noting, serve
from tests.lab.kernels.world import World, fill


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    images.fill(folder)
    return folder


@pytest.fixture(scope="session")
def signed() -> Iterator[tuple[Path, Archive]]:
    """A signed archive; below a short path, for the agent of gpg listens on a socket there."""
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        # only Debian has apt; .ci/run has all of these programs, and fails on a skip
        pytest.skip(f"not on PATH: {', '.join(missing)}")
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


@pytest.fixture(scope="session")
def served(signed: tuple[Path, Archive]) -> Iterator[ThreadingHTTPServer]:
    """A server of the archive, and beside the archive the lists that an apt has fetched from it."""
    home, archive = signed
    server = serve(archive.folder)
    subprocess.run(
        ["apt-get", "-q", "update"],
        env=os.environ
        | {"APT_CONFIG": str(configured(home / "system", server, home / "ours.gpg"))},
        check=True,
        capture_output=True,
    )
    yield server
    server.shutdown()
    server.server_close()


def configured(system: Path, server: ThreadingHTTPServer, keyring: Path) -> Path:
    """The configuration of an apt that has its files in `system` and knows the stable suite."""
    for part in ("lists/partial", "archives/partial"):
        (system / part).mkdir(parents=True, exist_ok=True)
    (system / "debian.sources").write_text(
        f"# ours\nTypes: deb\nURIs: http://127.0.0.1:{server.server_port}\nSuites: stable\n"
        f"Components: main\nArchitectures: amd64\nSigned-By: {keyring}\n"
    )
    (system / "apt.conf").write_text(
        f'Dir::State "{system}"; Dir::Cache "{system}"; Dir::State::status "/dev/null";'
        f'Dir::Etc::SourceList "{system}/debian.sources"; Dir::Etc::SourceParts "/dev/null";'
        'APT::Sandbox::User "root"; APT::Architecture "amd64"; Acquire::Retries "0";'
        'Acquire::http::Proxy::127.0.0.1 "DIRECT"; APT::Update::Error-Mode "any";'
    )
    return system / "apt.conf"


@pytest.fixture
def world(
    signed: tuple[Path, Archive],
    served: ThreadingHTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """A machine whose own apt knows the archive's stable suite; nothing is cached yet."""
    home, made = signed
    shutil.copytree(made.folder, tmp_path / "archive")
    archive = Archive(tmp_path / "archive", made.key)
    keyring = tmp_path / "keyring.gpg"
    shutil.copy(home / "ours.gpg", keyring)
    shutil.copytree(home / "system", tmp_path / "system")
    handler = noting()
    served.RequestHandlerClass = partial(handler, directory=str(archive.folder))
    config = configured(tmp_path / "system", served, keyring)
    monkeypatch.setenv("APT_CONFIG", str(config))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "SUITES", ("stable-backports", "stable"))
    monkeypatch.setattr(apt, "KEYRING", keyring)
    return World(archive, handler, keyring, home / "other", [])
