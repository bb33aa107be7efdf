"""A kernel that the lab can boot: its image, its modules, its release and configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from devmemkit.lab.kernels import modules as ko
from devmemkit.lab.kernels.apt import digest
from devmemkit.lab.kernels.image import identify
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.printable import printable
from devmemkit.text.architecture import flavour, page_shift_of

DEVMEM = ("DEVMEM", "STRICT_DEVMEM", "IO_STRICT_DEVMEM")
OPTIONS = {
    "x86_64": (*DEVMEM, "X86_PAT", "SECURITY_LOCKDOWN_LSM"),
    "arm64": (
        *DEVMEM,
        "ARM64_PA_BITS",
        "ARM64_4K_PAGES",
        "ARM64_16K_PAGES",
        "SECURITY_LOCKDOWN_LSM",
    ),
}
"""The options that matter here, by architecture."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted.

    `version` is that of the model ("6.12"), `release` the kernel's own (uname -r). `packages`
    maps names to exact versions; it is empty, and `suite` too, for a kernel passed by hand.
    `modules` is the folder that lib/modules/RELEASE would be. `config` has the options that
    matter here ("n" when unset; empty when not known). `sha256` is that of `vmlinuz`. `arch` is
    "x86_64" or "arm64".
    """

    version: str
    release: str
    suite: str
    packages: dict[str, str]
    vmlinuz: Path
    modules: Path
    config: dict[str, str]
    sha256: str
    arch: str = "x86_64"

    @property
    def flavour(self) -> str:
        """The architecture, with the size of a page where that is not 4 KiB: one of FLAVOURS."""
        return flavour(self.arch, page_shift_of(self.config, self.release) or PAGE_SHIFT)


def config_facts(arch: str, *files: Path) -> dict[str, str]:
    """The OPTIONS in the first of `files` that exists, "n" when unset; {} if none does."""
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return {}
    text = ko.contents(file, "a configuration").decode(errors="replace")
    values = dict(re.findall(r"^CONFIG_(\w+)=(.*)", text, re.MULTILINE))
    return {f"CONFIG_{name}": values.get(name, "n") for name in OPTIONS[arch]}


def custom(vmlinuz: Path, modules: Path) -> Kernel:
    """A kernel passed by hand: its image and its own lib/modules/RELEASE, or a copy.

    KernelError when one of them is not there, or the modules are for another release.
    """
    name = printable(str(modules))
    if not modules.is_dir():
        raise KernelError(f"{name}: expected a folder of modules (--modules DIR), found none")
    arch, release = identify(vmlinuz)
    some = next(iter(ko.index(modules).values()), None)
    if some is None:
        raise KernelError(f"{name}: expected modules (*.ko) of {release}, found none")
    magic = ko.modinfo(ko.read_module(some)).get("vermagic", "").split(" ")[0]
    if magic != release:
        raise KernelError(f"{name}: expected modules of {release}, got those of {printable(magic)}")
    names = (f"config-{release}", "config")
    places = (modules / "config", *(vmlinuz.with_name(one) for one in names))
    number = re.match(r"\d+\.\d+", release)
    return Kernel(
        version=number[0] if number else release,
        release=release,
        suite="",
        packages={},
        vmlinuz=vmlinuz.resolve(),
        modules=modules.resolve(),
        config=config_facts(arch, *places, modules / "build" / ".config"),
        sha256=digest(vmlinuz),
        arch=arch,
    )
