"""The machines of recordings: their origin, and their address space as text, idle and bound.

The texts go to data/machines, where the scenarios read them as model states.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.guest.initramfs import initramfs
from devmemkit.lab.guest.machine import BOARDS, cmdline, machine, qemu
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.scenarios.machines import LABS, data_dir, drivers, label

ARCHITECTURES = {"x86_64": "x86-64", "arm64": "arm64"}
"""The architectures as recordings spell them."""
MACHINES = {
    ("2g", 64): "pc-2g",
    ("2g", 1024): "pc-2g-large-bar",
    ("5g", 64): "pc-5g",
    ("arm64", 64): "virt-2g",
    ("arm64", 1024): "virt-2g-large-bar",
    ("arm64-16k", 64): "virt-2g-16k",
}
"""The machines of recordings, by name of LABS and size of the largest BAR in MiB."""


def lab_named(machine: str) -> str:
    """The name in LABS of a recording's machine."""
    return next(lab for (lab, _), name in MACHINES.items() if name == machine)


SYSFS = "/sys/bus/pci/devices"
PROPERTIES = ("class", "device", "resource", "vendor")


def binds(lab: str) -> Iterator[dict[str, str]]:
    """The calls that bind every driver of a machine of the lab."""
    for bdf, driver in drivers(lab).items():
        yield {"operation": "bind", "bdf": bdf, "driver": driver}


def largest_bar(scenario: str) -> int:
    """The largest BAR of the machine on which a scenario is recorded, in MiB."""
    return 1024 if scenario.startswith("mmap-vs-claim") else 64


def machine_name(scenario: str, lab: str) -> str:
    """The machine on which a scenario is recorded."""
    return MACHINES[lab, largest_bar(scenario)]


def about(kernel: Kernel, scenario: str, lab: str = "2g") -> dict[str, Any]:
    """The origin of a recording of a scenario, made now; GuestError without QEMU."""
    shared_mib = largest_bar(scenario)
    arch = LABS[lab].arch
    said = subprocess.run(
        [qemu(LABS[lab].flavour), "--version"], capture_output=True, text=True
    ).stdout
    names = ("version", "release", "suite", "packages", "config", "sha256")
    return {
        "architecture": ARCHITECTURES[arch],
        "machine": machine_name(scenario, lab),
        "kernel": {name: getattr(kernel, name) for name in names},
        "qemu": {"version": said.splitlines()[0], "arguments": list(machine(shared_mib, lab=lab))},
        "cmdline": cmdline(lab),
        "initramfs": hashlib.sha256(initramfs(kernel.modules, arch=arch)).hexdigest(),
        "taken": date.today().isoformat(),
    }


def take(kernel: Kernel, lab: str = "2g") -> Path:
    """Boot `kernel` and write its machine to a folder of data/machines; GuestError if it fails."""
    name = f"qemu-{label(kernel.version, lab)}"
    with boot(kernel, lab=lab) as guest:
        texts = {name: guest.read(f"/proc/{name}") for name in ("version", "cpuinfo")}
        files = _state(guest, "idle")
        guest.do(*binds(lab))
        files |= _state(guest, "bound")
    files["machine.json"] = _json(
        {
            "name": name,
            **about(kernel, "machine", lab),
            "version": texts["version"].strip(),
            **_address_sizes(texts["cpuinfo"], lab),
            "sha256": {
                name: hashlib.sha256(text.encode()).hexdigest()
                for name, text in sorted(files.items())
            },
        }
    )
    folder = data_dir() / "machines" / name
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def _address_sizes(cpuinfo: str, lab: str) -> dict[str, str | int]:
    """What mmap of /dev/mem asks: the width that the board has, or that the CPU says."""
    if bits := BOARDS[LABS[lab].flavour].phys_bits:
        return {"physical_address_bits": bits}
    sizes = re.search(r"^address sizes\s*: (\d+) bits physical.*", cpuinfo, re.M)
    assert sizes is not None
    return {"address_sizes": sizes[0], "physical_address_bits": int(sizes[1])}


def devices(guest: Guest) -> dict[str, dict[str, Any]]:
    """The PCI devices by bdf: class, device, vendor, the text of `resource`, driver or None."""
    links = [path.split("/")[-2:] for path in guest.glob("/sys/bus/pci/drivers/*/0*")]
    bound = {bdf: driver for driver, bdf in links}
    found: dict[str, dict[str, Any]] = {}
    for path in guest.glob(f"{SYSFS}/*"):
        read = {name: guest.read(f"{path}/{name}") for name in PROPERTIES}
        short = {name: text if name == "resource" else text.strip() for name, text in read.items()}
        bdf = path.rpartition("/")[2]
        found[bdf] = {**short, "driver": bound.get(bdf)}
    return found


def _state(guest: Guest, state: str) -> dict[str, str]:
    texts = {f"{state}/{name}": guest.read(f"/proc/{name}") for name in ("iomem", "ioports")}
    return {**texts, f"{state}/pci.json": _json(devices(guest), sort=True)}


def _json(value: Any, *, sort: bool = False) -> str:
    return json.dumps(value, indent=1, sort_keys=sort) + "\n"
