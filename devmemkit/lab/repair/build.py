"""The module that puts a repair into a running kernel, built once for each kernel and source."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from devmemkit.lab.guest.boot import Guest
from devmemkit.lab.kernels import modules as ko
from devmemkit.lab.kernels.cache import cache_dir, filling
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.lab.kernels.toolchain import prepare, run_in

SOURCE = Path(__file__).with_name("module.c")
NAME = "devmemkit_repair"
MAKEFILE = f"obj-m := {NAME}.o\nccflags-y := -fno-optimize-sibling-calls\n"
"""The module knows its own calls by their return addresses, which a sibling call has not."""
SETTINGS = ("AWK=gawk", "DEB_BUILD_ARCH=amd64", "CONFIG_DEBUG_INFO_BTF_MODULES=")
"""No vmlinux with type information is there to build the module's from."""


def source_digest() -> str:
    """The SHA-256 digest of what is compiled, in hexadecimal."""
    return hashlib.sha256(SOURCE.read_bytes() + MAKEFILE.encode()).hexdigest()


def kept(kernel: Kernel) -> Path:
    """Where the cache keeps the module for a kernel, once it is built."""
    return cache_dir() / "build" / f"{kernel.release}-{source_digest()[:16]}.ko"


def build(kernel: Kernel, progress: Progress) -> bytes:
    """The module for a kernel, as a file's bytes, from the cache or built now.

    KernelError when it cannot be built, for want of headers or of a compiler, or for another cause.
    """
    path = kept(kernel)
    if not path.exists():
        with filling(progress):
            if not path.exists():
                _build(kernel, path, progress)
    image = ko.read_module(path)
    magic = ko.modinfo(image).get("vermagic", "").split(" ")[0]
    if magic != kernel.release:
        raise KernelError(f"{path}: expected a module of {kernel.release}, got one of {magic!r}")
    return image


def put_in(guest: Guest, repair: str, window: int = 0) -> None:
    """Load the module, which the guest was booted with; GuestError when it refuses."""
    words = f"repair={repair} window={window}"
    guest.do({"operation": "load_module", "name": NAME, "parameters": words})


def _build(kernel: Kernel, path: Path, progress: Progress) -> None:
    root = prepare(kernel, progress)
    progress(f"{kernel.release}: building the module of the repairs")
    work = root / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "Makefile").write_text(MAKEFILE)
    shutil.copy(SOURCE, work / f"{NAME}.c")
    headers = f"/usr/src/linux-headers-{kernel.release}"
    run_in(root, "make", "-C", headers, "M=/work", *SETTINGS, "modules")
    (work / f"{NAME}.ko").replace(path)
    shutil.rmtree(work)
