"""The findings of this project as stand-alone programs: compiled, and run in a guest.

Each is a C file in data/reproducers. It ends with 0 when it reproduced its finding, 1 when not, 2
when it could not be tried; run as its control, without what causes the finding, it must end with 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import Bootable, Guest, GuestError, boot
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.script import IVSHMEM, IVSHMEM_BAR, PMEM

RAMOOPS = "/sys/bus/platform/drivers/ramoops ramoops"
PROGRAM = "/program"
ENDINGS = {0: "reproduced", 1: "not reproduced", 2: "could not be tried"}
NOBODY = 0xE000_0000
"""In the window of the PCI bus, and no device answers: every bit reads 1, and ipmi_si gives up."""
BIG_MIB, BIG_BAR = 1024, 0x8000_0000
"""A BAR that takes a while to be mapped, and where the firmware puts it."""


@dataclass(frozen=True)
class Run:
    """How a program is called, once `acts` have prepared the guest."""

    arguments: str
    acts: tuple[Mapping[str, Any], ...] = ()
    shared_mib: int = 64


def _claims(arguments: str, start: int, size: int, **more: int) -> Run:
    """A run in which ramoops claims the range when it is bound; it is loaded with it here."""
    act = {"operation": "request_mem_region", "start": start, "size": size, "name": "ramoops"}
    return Run(f"{arguments} {RAMOOPS}", (act,), **more)


def _made(length: int, late: str = "") -> Run:
    run = _claims(f"/dev/mem {BIG_BAR:#x} {length:#x}", BIG_BAR, 0x1000, shared_mib=BIG_MIB)
    return replace(run, arguments=f"{run.arguments} {late}".strip())


def _first_page(start: int) -> Run:
    page = 0x5000
    arguments = f"/sys/bus/pci/devices/{IVSHMEM}/resource2 {page:#x} {IVSHMEM_BAR + page:#x}"
    return _claims(arguments, start, 0x8000)


def _nd_pmem(address: int) -> Run:
    bound = {"bdf": "namespace0.0", "driver": "nd_pmem"}
    acts = ({"operation": "bind", **bound}, {"operation": "unbind", **bound})
    return Run(f"/dev/mem {address:#x} /sys/bus/nd/drivers/nd_pmem namespace0.0", acts)


def _low_megabyte(address: int) -> Run:
    """ipmi_si looks for a controller there, claims its registers for it, and lets go again."""
    module = {"operation": "load_module", "name": "ipmi_si", "parameters": "unload_when_empty=0"}
    told = "/sys/module/ipmi_si/parameters/hotmod"
    return Run(f"/dev/mem {address:#x} {told} add,kcs,mem,{address:#x}", (module,))


RUNS: dict[str, tuple[Run, Run | None]] = {
    "mapping-in-the-making": (_made(BIG_MIB << 20), _made(0x1000, late="200000")),
    "unaligned-claim": (
        _claims(f"/dev/mem {PMEM + 0x1800:#x} 0x1000", PMEM + 0x1800, 0x1000),
        _claims(f"/dev/mem {PMEM + 0x1000:#x} 0x2000", PMEM + 0x1000, 0x2000),
    ),
    "first-page-check": (_first_page(IVSHMEM_BAR + 0x4000), _first_page(IVSHMEM_BAR)),
    "removal-leaves-mapped": (Run(f"/sys/bus/pci/devices/{IVSHMEM} 2"), None),
    "low-megabyte": (
        _low_megabyte(0xB0000),
        _low_megabyte(NOBODY),
    ),
    "dead-mapping": (
        _claims(f"/dev/mem {PMEM:#x}", PMEM, 0x1000),
        Run(f"/dev/mem {PMEM:#x} {RAMOOPS} uncached", _claims("", PMEM, 0x1000).acts),
    ),
    "nd-pmem-gaps": (
        _nd_pmem(PMEM),
        _claims(f"/dev/mem {PMEM:#x}", PMEM, 0x1000),  # a driver that claims once
    ),
}
"""By name: the run that reproduces, and its control (None: kernels that do not do it are it)."""


def source(name: str) -> Path:
    """The C file of a reproducer; ValueError for one that does not exist."""
    if name not in RUNS:
        raise ValueError(f"reproducer: expected one of {', '.join(RUNS)}; got {name!r}")
    return data_dir() / "reproducers" / f"{name}.c"


def digest(name: str) -> str:
    """The SHA-256 of its source."""
    return hashlib.sha256(source(name).read_bytes()).hexdigest()


def reproduce(kernel: Bootable, progress: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Run every program, and its control, in a guest of its own each.

    Each has name, sha256 (of the source), runs: arguments, control (bool), status, output.
    GuestError when a guest fails or cannot be prepared.
    """
    for name, (real, control) in RUNS.items():
        done = [_run(kernel, name, real, control=False)]
        if control is not None:
            done.append(_run(kernel, name, control, control=True))
        for one in done:
            label = f"{name}, control" if one["control"] else name
            progress(f"{label}: {ended(one)}: {one['output']}")
        yield {"name": name, "sha256": digest(name), "runs": done}


def ended(run: Mapping[str, Any]) -> str:
    """How a run ended, in words."""
    return ENDINGS.get(run["status"], f"ended with status {run['status']}")


def _run(kernel: Bootable, name: str, run: Run, control: bool) -> dict[str, Any]:
    with boot(kernel, shared_mib=run.shared_mib, program=source(name)) as guest:
        for act, answer in zip(run.acts, guest.play([*map(dict, run.acts)]), strict=True):
            if {"cannot", "errno"} & answer.keys():
                raise GuestError(f"{name}: expected {act['operation']} to work, got {answer}")
        status, output = _program(guest, run.arguments)
    return {"arguments": run.arguments, "control": control, "status": status, "output": output}


def _program(guest: Guest, arguments: str) -> tuple[int, str]:
    act = {"operation": "run_program", "path": PROGRAM, "arguments": arguments}
    answer = guest.play([act], limit=120)[0]
    said = bytes.fromhex(answer["bytes"]).decode(errors="replace")
    status, _, output = said.partition("\n")
    return int(status), output.strip()


def on_model(name: str, kernel: KernelProfile) -> bool:
    """Whether the model has the finding: what each program shows, by the rule that it rests on."""
    if kernel["policy"] not in ("RevokeDevmem", "RevokeAll"):
        return False
    since = {
        "removal-leaves-mapped": kernel["attribute_mapping"] != "own",
        "dead-mapping": kernel["memtype_lives"] == "until VMA dies",
    }
    return bool(since.get(name, True))


def judge(
    entries: Iterable[Mapping[str, Any]], version: str
) -> Iterator[tuple[str, Verdict, int, tuple[str, ...]]]:
    """Each program's name, verdict, outcomes compared with the model, and what differs."""
    for entry in entries:
        expected = ENDINGS[0 if on_model(entry["name"], KernelProfile(version)) else 1]
        found = verdict(entry)
        differs = () if found == expected else (f"expected {expected}, got: {found}",)
        told = Verdict.FAILED if differs else Verdict.PASSED
        yield entry["name"], told, len(entry["runs"]), differs


def verdict(entry: Mapping[str, Any]) -> str:
    """What a program and its control came to: "reproduced", or why not."""
    (real,) = (run for run in entry["runs"] if not run["control"])
    for run in entry["runs"]:
        if run["control"] and ended(run) != ENDINGS[1]:
            return f"its control {ended(run)}"
    return ended(real)
