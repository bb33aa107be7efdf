"""What a kernel module is built with: a compiler and the kernel's headers, unpacked in a folder.

The compiler is the one that the kernels of TOOLS_SUITE were built with. It and the build tools of
the headers need that suite's C library, so they run with the folder as their root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from devmemkit.host.child import ending_with_us
from devmemkit.lab.kernels.apt import Package, Suite
from devmemkit.lab.kernels.cache import cache_dir, download
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.kernels.programs import KernelError, run

TOOLS_SUITE = "trixie"
TOOLS = ("base-files", "gcc-14", "make", "dash", "gawk", "libelf1t64", "coreutils", "sed", "grep")
"""Packages of the toolchain; base-files, with the links to /usr, is unpacked first."""
HEADERS = re.compile(r"linux-(?:headers|kbuild)-\d[^\s,]*")

FAULT = re.compile(r"error\b|not found|fatal|denied|permitted")
"""What a line of a failed command has that says why; a warning has none of these."""

ENTER = 'mount --rbind /dev "$0/dev"; mount --rbind /proc "$0/proc"; exec unshare --root="$0" "$@"'
"""The compiler's options are tested with /dev/null; 7.3's objtool reads /proc/self/limits."""


def prepare(kernel: Kernel, progress: Progress) -> Path:
    """A root folder with the toolchain and the kernel's headers, fetched where they are missing.

    A package is verified, unpacked whole, and then noted; what was interrupted is done again. The
    caller must hold cache.filling(). KernelError when something cannot be had.
    """
    if not kernel.suite:
        raise KernelError(
            f"{kernel.release}: expected a kernel of Debian's suites, whose headers can be "
            "fetched, got one passed by hand"
        )
    if kernel.arch != "x86_64":
        raise KernelError(f"{kernel.release}: expected an x86_64 kernel, got {kernel.arch}")
    suites = {name: Suite(name, cache_dir() / "apt") for name in (kernel.suite, TOOLS_SUITE)}
    for name, suite in suites.items():
        progress(f"{name}: reading the package lists")
        suite.update()
    headers = _headers(kernel, suites[kernel.suite])
    tools = suites[TOOLS_SUITE].with_needs(*TOOLS)
    tools.sort(key=lambda one: one.name != TOOLS[0])
    folder = cache_dir() / "build"
    _unpack(suites[TOOLS_SUITE], tools, folder, progress)
    _unpack(suites[kernel.suite], headers, folder, progress)
    return folder / "root"


def _headers(kernel: Kernel, suite: Suite) -> list[Package]:
    """The packages with the headers of exactly this kernel."""
    name = f"linux-headers-{kernel.release}"
    there = suite.names(r"^linux-headers-[0-9].*[0-9]-amd64$")
    if name not in there:
        raise KernelError(
            f"kernel {kernel.version}: expected its headers, {name}, in {kernel.suite}, which has "
            f"{', '.join(sorted(there)) or 'none'}; to have a newer release of the same version, "
            f"remove {cache_dir() / kernel.version}"
        )
    (main,) = suite.show(name, newest=True)
    return [main, *suite.show(*sorted(set(HEADERS.findall(main.depends))), newest=True)]


def _unpack(suite: Suite, packages: list[Package], folder: Path, progress: Progress) -> None:
    done = folder / "unpacked"
    done.mkdir(parents=True, exist_ok=True)
    missing = [one for one in packages if not (done / one.file).exists()]
    for file in download(suite, missing, "building a module", progress):
        run(file.name, "dpkg-deb", "-x", str(file), str(folder / "root"))
        (done / file.name).touch()
        file.unlink()


def run_in(root: Path, *command: str) -> str:
    """Run a command with `root` as its root folder; gives its output, or KernelError when it fails.

    It sees the machine's /dev and /proc, in a mount namespace that goes with it.
    """
    program = shutil.which("unshare")
    if program is None:
        raise KernelError("unshare: not found; install the package util-linux")
    mapped = () if os.geteuid() == 0 else ("--map-root-user",)
    done = subprocess.run(
        ending_with_us(
            *(program, *mapped, "--mount", "/bin/sh", "-ec", ENTER, str(root)),
            *("/usr/bin/env", "-i", "PATH=/usr/bin", "LC_ALL=C", *command),
        ),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise _failure(command[0], done.stderr + done.stdout)
    return done.stdout


def _failure(program: str, output: str) -> KernelError:
    """The output of a failed command in one sentence."""
    lines = output.splitlines()
    said = [line for line in lines if FAULT.search(line)] or lines or ["failed without a word"]
    if said[0].startswith(("unshare:", "mount:")):
        return KernelError(
            f"a root folder for the compiler: expected permission, got {said[0]}; run it as root, "
            "or allow user namespaces"
        )
    return KernelError(f"{program}: {said[0]}")
