"""Where a recording comes from: architecture, machine, kernel, QEMU, command line, initramfs."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import date
from typing import Any

from devmemkit.lab.guest.boot import CMDLINE, machine, qemu
from devmemkit.lab.guest.initramfs import initramfs
from devmemkit.lab.kernels.kernel import Kernel

ARCHITECTURE = "x86-64"
MACHINES = {64: "pc-2g", 1024: "pc-2g-large-bar"}
"""The lab's machines by the size of their largest BAR in MiB; both have 2 GiB of memory."""


def largest_bar(scenario: str) -> int:
    """The largest BAR of the machine on which a scenario is recorded, in MiB."""
    return 1024 if scenario == "mmap-vs-claim" else 64


def about(kernel: Kernel, scenario: str) -> dict[str, Any]:
    """The origin of a recording of a scenario, made now; GuestError without QEMU."""
    shared_mib = largest_bar(scenario)
    said = subprocess.run([qemu(), "--version"], capture_output=True, text=True).stdout
    names = ("version", "release", "suite", "packages", "config", "sha256")
    return {
        "architecture": ARCHITECTURE,
        "machine": MACHINES[shared_mib],
        "kernel": {name: getattr(kernel, name) for name in names},
        "qemu": {"version": said.splitlines()[0], "arguments": list(machine(shared_mib))},
        "cmdline": CMDLINE,
        "initramfs": hashlib.sha256(initramfs(kernel.modules)).hexdigest(),
        "taken": date.today().isoformat(),
    }
