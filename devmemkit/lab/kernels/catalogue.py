"""Which kernels Debian's suites have, and the packages that each is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from devmemkit.lab.kernels.apt import Package, Suite
from devmemkit.lab.kernels.programs import KernelError, NoSuchSuite

SUITES = ("trixie-backports", "trixie", "bookworm-backports", "bookworm", "bullseye")
"""The suites to look in; a version comes from the first suite that has it."""

IMAGE = re.compile(r"linux-image-(\d+\.\d+)\.\d[\d.+-]*(?:deb\d[\d.+]*)?-(?:amd64|arm64(?:-16k)?)")
PART = re.compile(r"(linux-(?:base|binary|modules)-\d[^\s,|]*)(?: \(= ([^)]+)\))?")

Progress = Callable[[str], None]

_UNLISTED = """\
base 6.19.14 1070396 f12c1bdb44f0d820e6b740638cf88dfc570854938a250bfe58376250fe337590
modules 6.19.14 155982588 bea4d9513e8055d8f98644ef866dc30b70568b46b63843197404399d5e47b8ab
base 7.0.13 1098152 3771568c09e1265030da34c0b998fb81d92b933667db0ec5d018c158a86f3706
modules 7.0.13 159300524 787ac652f5fac4805092ed951a6ae617d448684f5f399659f0e5dcfa544fabf4
base 7.1.13 1133372 7676c768de8ac2e8936e402f72c577adff64080c099a5dea246112c7ae7710b2
modules 7.1.13 158434164 613b3e774eec036688ea3b3693d33de4ccb8d721ae10ab8697eb2854a99aadc8
"""
UNLISTED = tuple(
    Package(
        name=f"linux-{part}-{release}+deb13-amd64",
        version=f"{release}-1~bpo13+1",
        size=int(size),
        installed=int(size),  # modules are compressed already
        sha256=sha256,
        folder="pool/main/l/linux",
    )
    for part, release, size, sha256 in map(str.split, _UNLISTED.splitlines())
)
"""Packages that trixie-backports no longer lists, though its signed list names images that need
them, and the archive has them. Their digests were taken on 29 November 2026; all modules of these
kernels that the lab loads bear the signature of the image's own build (module.sig_enforce=1)."""


def by_number(version: str) -> list[int]:
    """Sort key for versions: of kernels, and of one kernel's packages in one suite."""
    return [int(number) for number in re.findall(r"\d+", version)]


def images(packages: Iterable[Package]) -> dict[str, Package]:
    """The newest image package of each kernel version in one suite."""
    found: dict[str, Package] = {}
    for one in sorted(packages, key=lambda one: by_number(one.version)):
        if name := IMAGE.fullmatch(one.name):
            found[name[1]] = one
    return found


def parts(image: Package, packages: Iterable[Package]) -> list[Package]:
    """The packages that an image is made of, itself first, by following Depends.

    A package that is not in the suite is skipped: older backports depend on a linux-base package
    that is gone, and do without. If something is really missing, cache.get() notices.
    """
    known = {(one.name, one.version): one for one in (*UNLISTED, *packages)}
    wanted = [image]
    for one in wanted:
        for name, version in PART.findall(one.depends):
            more = known.get((name, version or image.version))
            if more and more not in wanted:
                wanted.append(more)
    return wanted


def is_whole(image: Package, packages: Iterable[Package]) -> bool:
    """Whether the archive has all parts of an image, but for linux-base packages."""
    wanted = parts(image, packages)
    needed = {name for one in wanted for name, _ in PART.findall(one.depends)}
    there = {one.name for one in wanted}
    return all(name in there or name.startswith("linux-base-") for name in needed)


def listed(
    folder: Path, progress: Progress, *, refresh: bool, flavour: str = "x86_64"
) -> Iterator[tuple[Suite, list[Package]]]:
    """Each suite that the repository has, with its packages; `refresh` reads its lists first.

    `folder` has the suites' private apt roots, for one of FLAVOURS.
    """
    for name in SUITES:
        suite = Suite(name, folder, flavour)
        try:
            if refresh:
                progress(f"{name}: reading the package lists")
                suite.update()
        except NoSuchSuite as error:
            progress(str(error))
            continue
        yield suite, suite.packages()


def find(
    version: str, folder: Path, progress: Progress, flavour: str = "x86_64"
) -> tuple[Suite, list[Package], Package]:
    """The suite, its packages, and the newest image of a version among them."""
    known: set[str] = set()
    for suite, packages in listed(folder, progress, refresh=True, flavour=flavour):
        found = images(packages)
        if version in found:
            return suite, packages, found[version]
        known |= found.keys()
    raise unknown(version, known)


def unknown(version: str, known: set[str]) -> KernelError:
    """The error for a version that is none of the `known`."""
    names = ", ".join(sorted(known, key=by_number)) or "one like 6.12"
    return KernelError(
        f"kernel: expected {names}; got {version!r} (or --kernel VMLINUZ --modules DIR)"
    )
