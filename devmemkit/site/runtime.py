"""The Python of the pages: Pyodide from npm or a folder, and the package with its data.

A page's policy forbids it to connect anywhere, and its worker inherits that policy. So neither can
fetch: what is no script comes as a script that holds it, compressed and in base64.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from devmemkit.host.files import SourceError, read
from devmemkit.host.scratch import scratch
from devmemkit.scenarios.machines import data_dir

LARGEST = 32 << 20
"""Bytes of one of Pyodide's files at most."""
ROOMS = (
    *("api", "explain", "explore", "figures", "host", "model", "scenarios", "text", "widgets"),
    "site/live",
)
"""The rooms of the package that the pages run."""
DATA = ("machines/", "claim-path.toml", "references.toml")
"""The files of data/ that they read, a folder by its name with a slash."""
LICENCES = ("README.txt", "MPL-2.0.txt", "Python.txt")


def pinned() -> dict[str, Any]:
    """Pyodide's "version", its "python", and the SHA-256 of each of its "files" by name."""
    return tomllib.loads((files("devmemkit.site") / "pyodide.toml").read_text("utf-8"))


def pyodide(folder: Path | None = None) -> dict[str, bytes]:
    """Pyodide's pinned files from a folder, or from the package that npm fetches.

    SourceError without npm, where npm fails, and for a file other than the pinned one.
    """
    told = pinned()
    version, digests = told["version"], told["files"]
    if folder:
        found = {
            name: read(folder / name, pipes=False, texts=(), most=LARGEST, what="a file of Pyodide")
            for name in digests
        }
    else:
        found = _from_npm(f"pyodide@{version}", digests)
    for name, digest in digests.items():
        if (got := hashlib.sha256(found[name]).hexdigest()) != digest:
            raise SourceError(f"{name}: expected that of Pyodide {version}, {digest}; got {got}")
    return found


def _from_npm(package: str, names: dict[str, str]) -> dict[str, bytes]:
    if (npm := shutil.which("npm")) is None:
        raise SourceError(f"expected npm on PATH to fetch {package}, or --pyodide DIR; got neither")
    with scratch() as folder:
        done = subprocess.run(
            [npm, "pack", package, "--silent", "--pack-destination", str(folder)],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        packed = next(folder.glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = " ".join(done.stderr.split())[-200:] or "no message"
            raise SourceError(f"npm pack {package}: expected a package, got: {said}")
        found = {}
        with tarfile.open(packed) as archive:
            for name in names:
                file = archive.extractfile(f"package/{name}")
                if file is None:
                    raise SourceError(f"npm pack {package}: expected {name} in it, got none")
                found[name] = file.read(LARGEST)
        return found


def contents(found: Mapping[str, bytes], package: bytes) -> dict[str, bytes]:
    """The files of the site's folder runtime/, from Pyodide's and the package."""
    info = json.loads(found["pyodide-lock.json"])["info"]
    lock = json.dumps({"info": info, "packages": {}}, sort_keys=True)
    return {
        "runtime/pyodide.mjs": found["pyodide.mjs"].partition(b"//# sourceMappingURL")[0],
        "runtime/pyodide.asm.mjs": found["pyodide.asm.mjs"],
        "runtime/wasm.js": _script(found["pyodide.asm.wasm"]),
        "runtime/stdlib.js": _script(found["python_stdlib.zip"]),
        "runtime/package.js": _script(package),
        "runtime/lock.js": f"export default {lock};\n".encode(),
    }


def licences() -> dict[str, bytes]:
    """The site's folder licences/: the texts, and which of them is for what."""
    root, kept = data_dir().parent, files("devmemkit.site") / "licences"
    made = {name: (kept / name).read_bytes() for name in LICENCES}
    made |= {"MIT.txt": (root / "LICENSE").read_bytes()}
    made |= {"CC-BY-4.0.txt": (root / "data" / "LICENSE").read_bytes()}
    return {f"licences/{name}": content for name, content in made.items()}


def _script(content: bytes) -> bytes:
    """A module whose default export is the content, compressed and in base64."""
    packed = base64.b64encode(gzip.compress(content, 9, mtime=0))
    return b'export default "' + packed + b'";\n'


def package() -> bytes:
    """A zip of the package's rooms that the pages run, and of the data that they read."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in sorted(_members()):
            archive.writestr(zipfile.ZipInfo(name), content)  # stored, and dated 1980
    return made.getvalue()


def _members() -> Iterator[tuple[str, bytes]]:
    root = files("devmemkit")
    yield "devmemkit/__init__.py", (root / "__init__.py").read_bytes()
    yield "devmemkit/site/__init__.py", (root / "site/__init__.py").read_bytes()
    for room in ROOMS:
        yield from _below(root / room, f"devmemkit/{room}")
    data = data_dir()
    for name in DATA:
        if name.endswith("/"):
            yield from _below(data / name, f"data/{name.removesuffix('/')}")
        else:
            yield f"data/{name}", (data / name).read_bytes()


def _below(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    """The files below a folder, but what Python compiled."""
    for one in folder.iterdir():
        if one.is_dir() and one.name != "__pycache__":
            yield from _below(one, f"{name}/{one.name}")
        elif one.is_file():
            yield f"{name}/{one.name}", one.read_bytes()
