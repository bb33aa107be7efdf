"""Kernel modules as files: where they are, what they need, and the order they load in."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devmemkit.host.files import SourceError, open_file
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.model.printable import printable

FORMATS = ("", ".xz", ".zst", ".gz")


def module_name(file: str) -> str:
    """The kernel's name for the module in a file: without folder and suffix, "_" for "-"."""
    return os.path.basename(file).split(".ko")[0].replace("-", "_")


def index(folder: Path) -> dict[str, Path]:
    """The module files below `folder`, compressed or not, by module name."""
    endings = tuple(f".ko{ending}" for ending in FORMATS)
    return {
        module_name(file): Path(where, file)
        for where, _, files in os.walk(folder)
        for file in files
        if file.endswith(endings) and Path(where, file).is_file()
    }


def built_in(folder: Path) -> frozenset[str]:
    """Names of the modules that the kernel has built in, as `modules.builtin` lists them."""
    path = folder / "modules.builtin"
    if not path.is_file():
        return frozenset()
    return frozenset(map(module_name, contents(path).decode(errors="replace").split()))


def contents(path: Path, what: str = "a module", most: int = -1) -> bytes:
    """The bytes of a file, up to `most`; KernelError, which names `what`, for an unreadable one."""
    try:
        with open_file(path) as file:
            return file.read(most)
    except SourceError as error:
        raise KernelError(str(error)) from None
    except OSError as error:
        name = printable(str(path))
        raise KernelError(f"{name}: expected {what}, got: {error.strerror}") from None


def read_module(path: Path) -> bytes:
    """A module's ELF image, decompressed; KernelError when it cannot be."""
    data = contents(path)
    try:
        if path.suffix == ".zst":
            data = _unzstd(path, data)
        elif path.suffix == ".xz":
            data = lzma.decompress(data)
        elif path.suffix == ".gz":
            data = gzip.decompress(data)
    except (lzma.LZMAError, OSError, EOFError) as error:
        raise KernelError(f"{path}: expected a compressed module, got: {error}") from None
    if not data.startswith(b"\x7fELF\2\1"):
        raise KernelError(f"{path}: expected a 64-bit ELF module, got {data[:6]!r}")
    return data


def _unzstd(path: Path, data: bytes) -> bytes:
    program = shutil.which("zstd") or shutil.which("unzstd")
    if program is None:
        raise KernelError(f"{path}: expected zstd to read it; install the package zstd")
    done = subprocess.run([program, "-dcq"], input=data, capture_output=True)
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def modinfo(image: bytes) -> dict[str, str]:
    """The last value of each key in the `.modinfo` section of a module; {} without one."""
    try:
        (table,) = struct.unpack_from("<Q", image, 0x28)
        size, count, names = struct.unpack_from("<HHH", image, 0x3A)
        # Elf64_Shdr: name, type, flags, address, offset, size
        sections = [struct.unpack_from("<IIQQQQ", image, table + size * n) for n in range(count)]
        text = sections[names][4]
        for name, _, _, _, start, length in sections:
            if image.startswith(b".modinfo\0", text + name):
                words = image[start : start + length].decode(errors="replace").split("\0")
                return dict(word.split("=", 1) for word in words if "=" in word)
    except (struct.error, IndexError):
        raise KernelError("module: expected an ELF section table, got a damaged one") from None
    return {}


def load_order(folder: Path, names: Iterable[str]) -> list[Path]:
    """The files of `names` and their dependencies in load order, without built-in modules.

    Follows `depends=` as depmod does. KernelError for a missing module.
    """
    files, inside = index(folder), built_in(folder)
    order: dict[str, Path] = {}

    def add(name: str, *above: str) -> None:
        name = name.replace("-", "_")
        if name in order or name in inside:
            return
        if name in above:
            raise KernelError(
                f"{folder}: expected modules in an order, got {name}, which needs itself"
            )
        if name not in files:
            raise KernelError(f"{folder}: expected a module {name}, found none")
        needs = modinfo(read_module(files[name])).get("depends", "")
        for other in filter(None, needs.split(",")):
            add(other, name, *above)
        order[name] = files[name]

    for name in names:
        add(name)
    return list(order.values())
