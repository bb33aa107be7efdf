"""A kernel that the lab can boot: its image, its modules, its release and configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from devmemkit.lab.kernels import modules as ko
from devmemkit.lab.kernels.apt import digest
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.model.printable import printable

OPTIONS = ("DEVMEM", "STRICT_DEVMEM", "IO_STRICT_DEVMEM", "X86_PAT", "SECURITY_LOCKDOWN_LSM")


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted.

    `version` is that of the model ("6.12"), `release` the kernel's own (uname -r). `packages`
    maps names to exact versions; it is empty, and `suite` too, for a kernel passed by hand.
    `modules` is the folder that lib/modules/RELEASE would be. `config` has the options that
    matter here ("n" when unset; empty when not known). `sha256` is that of `vmlinuz`.
    """

    version: str
    release: str
    suite: str
    packages: dict[str, str]
    vmlinuz: Path
    modules: Path
    config: dict[str, str]
    sha256: str


def release_of(vmlinuz: Path) -> str:
    """The release in a bzImage's header; KernelError for a truncated image or another file.

    The header is that of the kernel's Documentation/arch/x86/boot.rst.
    """
    name = printable(str(vmlinuz))
    image = ko.contents(vmlinuz, "a kernel image", most=1 << 16)

    def number(at: int, width: int) -> int:
        return int.from_bytes(image[at : at + width], "little")

    if image[0x202:0x206] != b"HdrS" or number(0x1FE, 2) != 0xAA55:
        got = "another file; a build makes it as arch/x86/boot/bzImage, beside vmlinux"
        raise KernelError(f"{name}: expected a Linux bzImage, got {got}")
    # setup_sects, where 0 is 4, and the boot sector; syssize. A signature may follow.
    whole = ((image[0x1F1] or 4) + 1) * 512 + number(0x1F4, 4) * 16
    size = vmlinuz.stat().st_size
    if size < whole:
        raise KernelError(
            f"{name}: expected a Linux bzImage, got {size} of its {whole} bytes: it is truncated"
        )
    at = number(0x20E, 2) + 0x200
    said = re.match(rb"[\w.+~-]+", image[at : at + 256])
    if said is None:
        raise KernelError(f"{name}: expected a Linux bzImage, got one without a release")
    return said[0].decode()


def config_facts(*files: Path) -> dict[str, str]:
    """The OPTIONS in the first of `files` that exists, "n" when unset; {} if none does."""
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return {}
    text = ko.contents(file, "a configuration").decode(errors="replace")
    values = dict(re.findall(r"^CONFIG_(\w+)=(.*)", text, re.MULTILINE))
    return {f"CONFIG_{name}": values.get(name, "n") for name in OPTIONS}


def custom(vmlinuz: Path, modules: Path) -> Kernel:
    """A kernel passed by hand: its image and its own lib/modules/RELEASE, or a copy.

    KernelError when one of them is not there, or the modules are for another release.
    """
    name = printable(str(modules))
    if not modules.is_dir():
        raise KernelError(f"{name}: expected a folder of modules (--modules DIR), found none")
    release = release_of(vmlinuz)
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
        config=config_facts(*places, modules / "build" / ".config"),
        sha256=digest(vmlinuz),
    )
