"""What a run was made on: commit, versions, digests of the data, seed."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from html import escape
from importlib import metadata
from pathlib import Path

import devmemkit
from devmemkit.host.files import read
from devmemkit.text.columns import columns

PACKAGES = ("anywidget", "bokeh", "ipykernel", "ipywidgets", "nbclient", "nbconvert", "papermill")
ARCHIVED = ".git_archival.txt"
ROOT = Path(devmemkit.__file__).resolve().parents[1]


class Provenance(dict[str, str]):
    """Facts and their values, in the order in which they are shown; a table in a notebook."""

    def __repr__(self) -> str:
        return columns(list(self.items()))

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escape(fact)}</th><td><code>{escape(value)}</code></td></tr>'
            for fact, value in self.items()
        )
        return f'<table class="facts">{rows}</table>'


def checkout(start: Path) -> Path | None:
    """The checkout of devmemkit at or above `start`, else the one that the package lies in."""
    for folder in (start, *start.parents, ROOT):
        # anyone may have put one there; other projects' files are passed over
        with suppress(ValueError, RecursionError):
            file = folder / "pyproject.toml"
            text = read(file, pipes=False, texts=(), most=1 << 20, what="TOML")
            project = tomllib.loads(text.decode()).get("project")
            if isinstance(project, dict) and project.get("name") == "devmemkit":
                return folder
    return None


def here() -> Path:
    """The checkout around the current folder, where notebooks run; else that of the package."""
    return checkout(Path.cwd()) or ROOT


def made_on(files: Iterable[Path | str] = (), seed: int | None = None) -> Provenance:
    """The commit, versions, SHA-256 of each data file, and seed that a result depends on."""
    root = here()
    facts = Provenance()
    facts["commit"] = commit(root)
    there = root / "devmemkit"
    if root != ROOT and there.exists() and code_digest(there) != code_digest():
        facts["commit"] += "; the installed package differs from it"
    facts["devmemkit"] = devmemkit.__version__
    facts["python"] = f"{platform.python_version()} ({platform.python_implementation()})"
    facts["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    for package in PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[package] = "not installed"
    for file in map(Path, files):
        path = file.resolve()
        # Elsewhere, enough of the path to tell files apart, and no more of this machine's.
        name = path.relative_to(root) if path.is_relative_to(root) else Path(*path.parts[-3:])
        facts[f"sha256 of {name}"] = sha256(path)
    if seed is not None:
        facts["seed"] = str(seed)
    return facts


def digest_of(parts: Mapping[str, str]) -> str:
    """One digest of many: the SHA-256 of their sorted `DIGEST  NAME` lines."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(parts.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def data_files(root: Path) -> dict[str, str]:
    """The SHA-256 of every file of the checkout's data, by its path in the checkout."""
    paths = sorted(path for path in (root / "data").rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): sha256(path) for path in paths}


def code_digest(package: Path = ROOT / "devmemkit") -> str:
    """One digest of a package, the one in use: its modules, scripts, styles and templates."""
    paths = (path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return digest_of({path.relative_to(package).as_posix(): sha256(path) for path in paths})


def versions() -> dict[str, str]:
    """The commit, and the version of each package that a result depends on, by its name."""
    return {fact: value for fact, value in made_on().items() if fact != "system"}


def state(root: Path) -> dict[str, str]:
    """Everything that a result depends on, by name: commit, code, versions, each data file."""
    return {**versions(), "code": code_digest(), **data_files(root)}


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def commit(root: Path) -> str:
    """The commit checked out in `root` and whether tracked files were changed since.

    An unpacked archive names its commit in ARCHIVED, which git fills in. Any other folder that is
    not the top of a checkout is "not a git checkout": a package installed below another project's
    checkout must not report that project's commit.
    """
    if not (root / ".git").exists():
        with suppress(OSError):
            told = (root / ARCHIVED).read_text("utf-8").strip()
            if re.fullmatch("[0-9a-f]{40}", told):
                return f"{told} (archive)"
        return "not a git checkout"
    try:
        head = git(root, "rev-parse", "HEAD").decode().strip()
        status = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules")
        changes = git(root, *status).strip()
    except FileNotFoundError:
        return "unknown: git is not installed"
    except subprocess.CalledProcessError as error:
        return f"unknown: {said_by(error)}"
    return head + (" with local changes" if changes else "")


def said_by(error: subprocess.CalledProcessError) -> str:
    """The first line of git's error message."""
    lines: list[str] = error.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"git ended with status {error.returncode}"


def git(root: Path, *arguments: str) -> bytes:
    """The output of git in a checkout whose configuration must not make git run other programs."""
    safe = {"core.fsmonitor": "false", "core.hooksPath": os.devnull}
    with suppress(subprocess.CalledProcessError):
        named = _run(root, safe, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
        for name in filter(None, named.decode().split("\0")):
            safe[name] = "false" if name.endswith(".required") else ""
    return _run(root, safe, *arguments)


def _run(root: Path, settings: Mapping[str, str], *arguments: str) -> bytes:
    # Inside a git hook, GIT_DIR and its kin point to the repository that runs the hook.
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return subprocess.run(
        ["git", "-C", str(root), *options, *arguments],
        env=env | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    ).stdout
