"""Ways past a claim that were tried (data/attempts.toml), run in guests, and what was seen.

python -m devmemkit.lab.attempts VERSION... [NAME...] runs them and keeps the results in
data/attempts.json.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.guest.initramfs import digest
from devmemkit.lab.kernels import cache
from devmemkit.lab.kernels.catalogue import by_number
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.kernels.modules import load_order, module_name, read_module
from devmemkit.lab.recordings import manifest
from devmemkit.lab.reproducers import run_program
from devmemkit.scenarios.machines import PC, data_dir

MODES = ("late", "claim", "none")
"""The order in which a program's runs are made: the attempt is the second."""
PLACES = {"bar": PC.ivshmem_bar + (32 << 20), "memory": PC.pmem + (2 << 20)}
REACHED, NOT_REACHED = range(2)
"""The exit statuses of a run that could be made."""

Seen = Mapping[str, Mapping[str, Any]]
"""By mode: the status and the output of a run."""


def attempts() -> list[dict[str, Any]]:
    """The table of attempts, in its order."""
    return list(_table()["attempt"])


def untried() -> list[dict[str, str]]:
    """Ideas that could not be tried, and why."""
    return list(_table()["untried"])


def _table() -> dict[str, Any]:
    return tomllib.loads((data_dir() / "attempts.toml").read_text("utf-8"))


def results() -> dict[str, Any]:
    """What was seen: by kernel version the release, and the runs by the attempt's name."""
    found: dict[str, Any] = json.loads((data_dir() / "attempts.json").read_text("utf-8"))
    return found


def source(name: str) -> Path:
    """The C file of an attempt."""
    return data_dir() / "attempts" / f"{name}.c"


def verdict(runs: Seen) -> str:
    """What the runs say of the attempt.

    "stopped": it reaches the page without a claim and not with one. "past": it reaches the claimed
    page. "never": it does not even work without a claim. "untried": a run could not be made.
    "undecided": the claim does not stop a process that begins after it, or only a claim helps.
    """
    claim, none, late = (runs[mode]["status"] for mode in ("claim", "none", "late"))
    if not {claim, none, late} <= {REACHED, NOT_REACHED}:
        return "untried"
    if late == REACHED or claim < none:
        return "undecided"
    if claim == REACHED:
        return "past"
    return "stopped" if none == REACHED else "never"


def run(kernel: Kernel, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Run an attempt and its controls, each in its own guest if it says so; GuestError."""
    each = [(mode,) for mode in MODES] if attempt.get("fresh") else [MODES]
    runs = {mode: one for modes in each for mode, one in _in_guest(kernel, attempt, modes)}
    return {"sha256": digest(source(attempt["name"])), "runs": runs}


def _in_guest(
    kernel: Kernel, attempt: Mapping[str, Any], modes: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    paths = load_order(kernel.modules, attempt["modules"]) if "modules" in attempt else []
    own = tuple((module_name(path.name), read_module(path)) for path in paths)
    program, devices = source(attempt["name"]), tuple(attempt.get("devices", ()))
    cmdline = attempt.get("cmdline", "")
    with boot(kernel, cmdline, program=program, own=own, devices=devices) as guest:
        guest.do(*({"operation": "load_module", "name": name} for name, _ in own))
        page = _page(guest, attempt["place"])
        if "claimed_by" not in attempt:
            claims = {"start": page, "size": 0x1000, "name": "ramoops"}
            guest.do({"operation": "request_mem_region", **claims})
        if "binds" in attempt:
            guest.do({"operation": "bind", **attempt["binds"]})
        for mode in modes:
            status, output = run_program(guest, f"{mode} {page:#x}")
            yield mode, {"status": status, "output": output.splitlines()}


def _page(guest: Guest, place: str) -> int:
    """The address of the page that the driver is to claim."""
    if place in PLACES:
        return PLACES[place]
    device, _, bar = place.partition("/")
    lines = guest.read(f"/sys/bus/pci/devices/{device}/resource").splitlines()
    return int(lines[int(bar)].split()[0], 16)


def main(*words: str) -> None:
    """Run the attempts of these names (default: all) on these kernels, and keep what was seen."""
    path = data_dir() / "attempts.json"
    kept: dict[str, Any] = results() if path.exists() else {}
    names = [one["name"] for one in attempts()]
    for version in (word for word in words if word not in names):
        kernel = cache.get(version)
        seen = kept.get(version, {}).get("attempts", {})
        for attempt in attempts():
            name = attempt["name"]
            if name in words or not set(names) & set(words):
                seen[name] = run(kernel, attempt)
                print(f"{version}: {name}: {verdict(seen[name]['runs'])}", flush=True)
            found = {name: seen[name] for name in names if name in seen}
            kept[version] = {"release": kernel.release, "attempts": found}
            kept = {one: kept[one] for one in sorted(kept, key=by_number)}
            path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    manifest.write(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
