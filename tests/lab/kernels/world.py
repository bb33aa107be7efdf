"""A small repository of ours with two kernels, the headers of one, and a toolchain of two files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from devmemkit.lab.kernels import cache
from tests.lab.kernels.debian import Archive, Handler
from tests.lab.kernels.images import arm_image, bzimage

ARM = "6.12.15+deb13-arm64"
ARM_16K = f"{ARM}-16k"
OLD, NEW, SPLIT = "6.12.4+deb13-amd64", "6.12.15+deb13-amd64", "7.3.4+deb13-amd64"
CONFIG = b"CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"


@dataclass
class World:
    """The repository, who serves it, what was said, and the key that signs nothing."""

    archive: Archive
    handler: type[Handler]
    keyring: Path
    other_key: Path
    said: list[str]

    def get(self, version: str) -> cache.Kernel:
        return cache.get(version, self.said.append)

    def served(self) -> list[str]:
        """Names of the packages that were sent since the last time."""
        names = [name for name, _, _ in self.handler.asked if name.endswith(".deb")]
        self.handler.asked.clear()
        return names


def toolchain(archive: Archive, work: Path) -> list[str]:
    """The headers of one kernel, and a compiler which needs a library."""
    common, kbuild = (f"linux-{part}-6.12.15+deb13" for part in ("headers", "kbuild"))
    common += "-common"
    needs = f"linux-base, {common} (= 6.12.15-1), {kbuild} (= 6.12.15-1), gcc-14"
    source = f"usr/src/linux-headers-{NEW}"
    return [
        archive.package(
            work, f"linux-headers-{NEW}", "6.12.15-1", {f"{source}/Makefile": b""}, needs
        ),
        archive.package(work, common, "6.12.15-1", {f"usr/src/{common}/Makefile": b""}),
        archive.package(work, kbuild, "6.12.15-1", {f"usr/lib/{kbuild}/objtool": b""}),
        archive.package(work, "gcc-14", "14.2-1", {"usr/bin/gcc-14": b"gcc"}, "libgcc"),
        archive.package(work, "libgcc", "14.2-1", {"usr/lib/libgcc.so": b"library"}),
        archive.package(work, "unneeded", "1", {"usr/bin/unneeded": b""}),
    ]


def fill(archive: Archive, work: Path) -> None:
    def image(release: str, version: str, content: bytes, more: bytes = b"", **of: str) -> str:
        files = {
            f"boot/vmlinuz-{release}": content,
            f"boot/config-{release}": CONFIG + more,
            f"usr/lib/modules/{release}/kernel/e1000.ko": b"module",
        }
        return archive.package(work, f"linux-image-{release}", version, files, **of)

    stable = [
        image(NEW, "6.12.15-1", bzimage(NEW) + os.urandom(200_000)),
        image(OLD, "6.12.4-1", bzimage(OLD) + os.urandom(200_000)),
        archive.package(work, "linux-image-6.12.99+deb13-rt-amd64", "6.12.99-1", {}),
        archive.package(work, "linux-image-amd64", "6.12.15-1", {}, f"linux-image-{NEW}"),
        archive.package(work, "linux-image-6.5.1-amd64", "6.5.1-1", {"boot/nothing": b""}),
        *toolchain(archive, work),
    ]
    archive.suite("stable", stable)
    base, binary, modules = (f"linux-{part}-{SPLIT}" for part in ("base", "binary", "modules"))
    needs = f"dracut | initramfs-tools, {binary} (= 7.3.4-1), {modules} (= 7.3.4-1)"
    below = f"usr/lib/modules/{SPLIT}"
    backports = [
        archive.package(work, f"linux-image-{SPLIT}", "7.3.4-1", {}, needs),
        archive.package(work, binary, "7.3.4-1", {f"{below}/vmlinuz": bzimage(SPLIT)}),
        archive.package(
            work, modules, "7.3.4-1", {f"{below}/kernel/a.ko": b""}, f"{base} (= 7.3.4-1)"
        ),
        archive.package(work, base, "7.3.4-1", {f"{below}/config": CONFIG}),
    ]
    archive.suite("stable-backports", backports)
    arm = [
        image(name, "6.12.15-1", arm_image(name), more, debian="arm64")
        for name, more in (
            (ARM, b"CONFIG_ARM64_PA_BITS=52\n"),
            (ARM_16K, b"CONFIG_ARM64_16K_PAGES=y\n"),
        )
    ]
    archive.suite("stable-arm", arm, debian="arm64")
