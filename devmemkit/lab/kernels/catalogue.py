"""Which kernels Debian's suites have, and the packages that each is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from devmemkit.lab.kernels.apt import Package, Suite
from devmemkit.lab.kernels.programs import KernelError, NoSuchSuite

SUITES = ("trixie-backports", "trixie", "bookworm-backports", "bookworm", "bullseye")
"""Where kernels are looked for; the first suite with a version is the one that it comes from."""

IMAGE = re.compile(r"linux-image-(\d+\.\d+)\.\d[\d.+-]*(?:deb\d[\d.+]*)?-amd64")
PART = re.compile(r"(linux-(?:base|binary|modules)-\d[^\s,|]*)(?: \(= ([^)]+)\))?")

Progress = Callable[[str], None]


def by_number(version: str) -> list[int]:
    """The order of versions: of kernels, and of the packages of one kernel in one suite."""
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

    One that left the suite is left out: older backports lack their linux-base package, which the
    old ones do not need. What is then missing shows when the kernel is put together.
    """
    known = {(one.name, one.version): one for one in packages}
    wanted = [image]
    for one in wanted:
        for name, version in PART.findall(one.depends):
            more = known.get((name, version or image.version))
            if more and more not in wanted:
                wanted.append(more)
    return wanted


def find(version: str, folder: Path, progress: Progress) -> tuple[Suite, list[Package], Package]:
    """The suite, its packages, and the newest image of a version among them."""
    known: set[str] = set()
    for suite in suites(folder):
        progress(f"{suite.name}: reading the package lists")
        try:
            suite.update()
        except NoSuchSuite as error:
            progress(str(error))
            continue
        packages = suite.packages() or []
        found = images(packages)
        if version in found:
            return suite, packages, found[version]
        known |= found.keys()
    raise unknown(version, known)


def unknown(version: str, known: set[str]) -> KernelError:
    names = ", ".join(sorted(known, key=by_number)) or "one like 6.12"
    return KernelError(
        f"kernel: expected {names}; got {version!r} (or --kernel VMLINUZ --modules DIR)"
    )


def suites(folder: Path) -> list[Suite]:
    """The private apt roots of SUITES, below `folder`."""
    return [Suite(name, folder) for name in SUITES]
