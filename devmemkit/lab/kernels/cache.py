"""The kernels that the lab boots: found in Debian's suites, kept in a cache, or passed by hand."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devmemkit.host.files import read
from devmemkit.lab.kernels.apt import Package, Suite, digest
from devmemkit.lab.kernels.catalogue import Progress, find, parts, unknown
from devmemkit.lab.kernels.image import identify
from devmemkit.lab.kernels.kernel import Kernel, config_facts, custom
from devmemkit.lab.kernels.programs import OTHERWISE, KernelError, run

__all__ = ["Kernel", "KernelError", "custom", "get"]


def cache_dir() -> Path:
    """The folder of the kernels, below $XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "devmemkit" / "kernels"


def home(flavour: str) -> Path:
    """The folder of the kernels of a flavour; those of x86_64 are where they always were."""
    return cache_dir() if flavour == "x86_64" else cache_dir() / flavour


def cached(version: str, flavour: str = "x86_64") -> Kernel | None:
    """The cached kernel of a version, None if it is missing or its image is damaged."""
    folder = home(flavour) / version
    try:
        told = json.loads(read(folder / "kernel.json", pipes=False, texts=(), most=1 << 20))
        if not _is_kernel(told) or told["version"] != version:
            return None
        kernel = Kernel(vmlinuz=folder / "vmlinuz", modules=folder / "modules", **told)
        whole = kernel.modules.is_dir() and digest(kernel.vmlinuz) == kernel.sha256
        return kernel if whole and kernel.flavour == flavour else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _is_kernel(told: Any) -> bool:
    """Whether the facts have the types that Kernel declares; Kernel itself checks their names."""
    texts, tables = ("version", "release", "suite", "sha256"), ("packages", "config")
    return (
        isinstance(told, dict)
        and all(isinstance(told.get(name), str) for name in texts)
        and all(isinstance(told.get(name), dict) for name in tables)
        and all(isinstance(one, str) for name in tables for one in told[name].values())
    )


def get(version: str, progress: Progress = print, flavour: str = "x86_64") -> Kernel:
    """The kernel of a version: from the cache, else the newest of its suite, checked and kept.

    `progress` gets lines of text, `flavour` is one of FLAVOURS. KernelError when the kernel cannot
    be had.
    """
    if not re.fullmatch(r"\d+\.\d+", version):
        raise unknown(version, set())
    if kernel := cached(version, flavour):
        return kernel
    with filling(progress):
        return cached(version, flavour) or _take(version, progress, flavour)


@contextmanager
def filling(progress: Progress) -> Iterator[None]:
    """Let one process at a time fill the cache, and remove what a killed one left half-made.

    KernelError for an OSError meanwhile.
    """
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        with (cache_dir() / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another devmemkit that fills the cache")
                fcntl.flock(lock, fcntl.LOCK_EX)
            for left in cache_dir().glob(".new-*"):
                shutil.rmtree(left)
            yield
    except BrokenPipeError:  # the reader of our progress is gone
        raise
    except OSError as error:
        raise KernelError(f"{error.filename or cache_dir()}: {error.strerror}") from None


def _take(version: str, progress: Progress, flavour: str) -> Kernel:
    run("dpkg", "dpkg-deb", "--version")  # fail before the download, not after it
    suite, packages, image = find(version, home(flavour) / "apt", progress, flavour)
    wanted = parts(image, packages)
    files = list(download(suite, wanted, f"kernel {version}", progress))
    progress(f"{image.name}: unpacking")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache_dir()) as work:
        new = _assemble(version, suite.name, wanted, files, Path(work))
        folder = home(flavour) / version
        if folder.exists():  # a damaged one
            folder.rename(Path(work) / "damaged")
        new.rename(folder)
    for file in files:
        file.unlink()
    kernel = cached(version, flavour)
    assert kernel is not None
    return kernel


def download(
    suite: Suite, packages: list[Package], what: str, progress: Progress
) -> Iterator[Path]:
    """Download packages into the cache; KernelError, before, when the disk is too full for them."""
    debs = cache_dir() / "debs"
    debs.mkdir(exist_ok=True)
    need = sum(one.size + one.installed for one in packages)
    free = shutil.disk_usage(debs).free
    if free < need:
        raise KernelError(
            f"{cache_dir()}: expected {need >> 20} MiB free for {what}, "
            f"got {free >> 20}; make room or set XDG_CACHE_HOME"
        )
    return suite.download(packages, debs, progress)


def _assemble(
    version: str, suite: str, packages: list[Package], debs: list[Path], work: Path
) -> Path:
    """Unpack a kernel's packages below `work` and return a folder as the cache keeps it."""
    root, new = work / "root", work / "new"
    for deb in debs:
        run(deb.name, "dpkg-deb", "-x", str(deb), str(root))
    new.mkdir(mode=0o755)
    found = [path for path in root.rglob("vmlinuz*") if path.is_file() and not path.is_symlink()]
    arch, release = identify(found[0]) if len(found) == 1 else ("", "*")
    folders = [path.parent for path in root.glob(f"**/lib/modules/{release}/kernel")]
    configs = [*root.glob(f"boot/config-{release}"), *(folder / "config" for folder in folders)]
    configs = [path for path in configs if path.is_file()]
    if not len(found) == len(folders) == len(configs) == 1:
        names = ", ".join(one.name for one in packages)
        raise KernelError(
            f"kernel {version}: expected one image, its modules and its configuration in {names}, "
            f"got {len(found)}, {len(folders)} and {len(configs)}; use another version {OTHERWISE}"
        )
    found[0].rename(new / "vmlinuz")
    configs[0].rename(new / "config")
    folders[0].rename(new / "modules")
    facts = {
        "version": version,
        "release": release,
        "suite": suite,
        "packages": {one.name: one.version for one in packages},
        "config": config_facts(arch, new / "config"),
        "sha256": digest(new / "vmlinuz"),
        "arch": arch,
    }
    (new / "kernel.json").write_text(json.dumps(facts, indent=1) + "\n")
    return new
