"""A small Debian repository: made with dpkg-deb, signed with gpg, served by HTTP."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

PROGRAMS = ("apt-get", "apt-cache", "dpkg-deb", "gpg", "gpgv", "gpgconf")


def make_key(home: Path, keyring: Path) -> None:
    """A signing key in ``home`` and its public half in ``keyring``."""
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(home)]
    make = ["--passphrase", "", "--quick-gen-key", "tester", "rsa2048", "sign", "never"]
    subprocess.run([*gpg, *make], check=True, capture_output=True)
    keyring.write_bytes(subprocess.run([*gpg, "--export"], check=True, stdout=-1).stdout)


class Archive:
    """The repository's files below ``folder``: packages in pool/, suites in dists/."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.folder = folder
        self.key = key
        (folder / "pool").mkdir(parents=True, exist_ok=True)

    def package(
        self,
        work: Path,
        name: str,
        version: str,
        files: Mapping[str, bytes],
        depends: str = "",
        debian: str = "amd64",
    ) -> str:
        """Build a package; its stanza in a Packages file."""
        root = work / f"{name}_{version}"
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {debian}\n"
        control += "Installed-Size: 9\n"
        control += f"Depends: {depends}\n" if depends else ""
        control += "Maintainer: nobody <nobody@localhost>\nDescription: none\n"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(control)
        deb = self.folder / "pool" / f"{name}_{version}_{debian}.deb"
        build = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", str(root), str(deb)]
        subprocess.run(build, check=True, capture_output=True)
        data = deb.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        return control + f"Filename: pool/{deb.name}\nSize: {len(data)}\nSHA256: {digest}\n"

    def suite(self, name: str, packages: list[str], debian: str = "amd64") -> None:
        """Write the list of a suite that has one architecture, and sign it."""
        folder = self.folder / "dists" / name
        (folder / "main" / f"binary-{debian}").mkdir(parents=True)
        listed = "\n".join(packages).encode()
        (folder / "main" / f"binary-{debian}" / "Packages").write_bytes(listed)
        self.sign(name, hashlib.sha256(listed).hexdigest(), len(listed), debian=debian)

    def sign(
        self, name: str, digest: str, size: int, key: Path | None = None, debian: str = "amd64"
    ) -> None:
        """Sign a suite's Release, with another key if one is given."""
        release = (
            f"Origin: Debian\nLabel: Debian\nSuite: {name}\nCodename: {name}\n"
            "Date: Mon, 01 Jun 2026 00:00:00 UTC\nArchitectures: {debian}\nComponents: main\n"
            f"SHA256:\n {digest} {size} main/binary-{debian}/Packages\n"
        )
        gpg = ["gpg", "--batch", "--quiet", "--yes", "--homedir", str(key or self.key)]
        signed = str(self.folder / "dists" / name / "InRelease")
        subprocess.run(
            [*gpg, "--digest-algo", "SHA256", "-o", signed, "--clearsign"],
            input=release.encode(),
            check=True,
            capture_output=True,
        )


class Handler(SimpleHTTPRequestHandler):
    """Serves files and, as mirrors do, the rest of one (Range); notes what it was asked for."""

    asked: list[tuple[str, str | None, int]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        wanted = self.headers.get("Range")
        modified = self.date_time_string(int(path.stat().st_mtime))
        partly = wanted is not None and self.headers.get("If-Range") == modified
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and partly else 0
        type(self).asked.append((path.name, wanted, len(data) - start))
        self.send_response(206 if partly else 200)
        self.send_header("Last-Modified", modified)
        self.send_header("Content-Length", str(len(data) - start))
        if partly:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:])

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test's output is its own."""


def noting() -> type[Handler]:
    """A handler with notes of its own."""
    return type("Noting", (Handler,), {"asked": []})


def serve(folder: Path) -> ThreadingHTTPServer:
    """Serve a folder on a free port of this machine, until shut down."""
    served = partial(noting(), directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
