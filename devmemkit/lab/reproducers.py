"""This project's findings as stand-alone C programs (data/reproducers), run in a guest.

A program ends with 0 when it reproduced its finding, 1 when it did not, 2 when it could not try.
Its control is a run without the cause of the finding, and must end with 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from devmemkit.explore.check import explore_each
from devmemkit.lab.compare import Finding, Verdict
from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings import manifest
from devmemkit.lab.runs import BIG_BAR, BIG_MIB, RUNS, Run
from devmemkit.model import flags as fl
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.pci.device import Bar
from devmemkit.model.resource.tree import Resource, release_resource, request_resource_conflict
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import PC, data_dir
from devmemkit.scenarios.play import play, processes
from devmemkit.scenarios.races.properties import NOBODY_REACHES
from devmemkit.scenarios.stories.reproducer import NOT_REPRODUCED, NOT_TRIED, REPRODUCED, Told
from devmemkit.scenarios.stories.reproducers import REPRODUCERS

ENDINGS = {
    REPRODUCED: "reproduced",
    NOT_REPRODUCED: "not reproduced",
    NOT_TRIED: "could not be tried",
}


def source(name: str) -> Path:
    """The C file of a reproducer; ValueError for one that does not exist."""
    if name not in RUNS:
        raise ValueError(f"reproducer: expected one of {', '.join(RUNS)}; got {name!r}")
    return data_dir() / "reproducers" / f"{name}.c"


def reproduce(kernel: Kernel, progress: Progress) -> list[dict[str, Any]]:
    """Run every program and every control, each in its own guest.

    Each has name, sha256 (of the source), runs: arguments, control (bool), status, output.
    GuestError when a guest fails or cannot be prepared.
    """
    done = []
    for name, runs in RUNS.items():
        made = [_run(kernel, name, run, number > 0) for number, run in enumerate(runs)]
        for one in made:
            label = f"{name}, control" if one["control"] else name
            progress(f"{kernel.version}: {label}: {_said(one)}")
        done.append({"name": name, "sha256": manifest.digest(source(name)), "runs": made})
    return done


def ended(run: Mapping[str, Any]) -> str:
    """How a run ended, in words."""
    return ENDINGS.get(run["status"], f"ended with status {run['status']}")


def _run(kernel: Kernel, name: str, run: Run, control: bool) -> dict[str, Any]:
    with boot(kernel, shared_mib=run.shared_mib, program=source(name)) as guest:
        guest.do(*run.calls)
        status, output = run_program(guest, run.arguments)
    return {"arguments": run.arguments, "control": control, "status": status, "output": output}


def run_program(guest: Guest, arguments: str) -> Told:
    """The status and the output of the program that a guest was booted with."""
    call = {"operation": "run_program", "path": "/program", "arguments": arguments}
    (answer,) = guest.play([call], limit=120)
    status, _, output = bytes.fromhex(answer["bytes"]).decode(errors="replace").partition("\n")
    return int(status), output.strip()


def on_model(name: str, kernel: KernelProfile) -> bool:
    """Whether the program reproduces its finding on the model, and its control does not."""
    return verdict(modelled(name, kernel)) == ENDINGS[REPRODUCED]


def modelled(name: str, kernel: KernelProfile) -> dict[str, Any]:
    """The same as from reproduce(), but on the model; an output is "" if it depends on timing."""
    runs = [_played(name, run, number > 0, kernel) for number, run in enumerate(RUNS[name])]
    return {"name": name, "sha256": manifest.digest(source(name)), "runs": runs}


def _played(name: str, run: Run, control: bool, kernel: KernelProfile) -> dict[str, Any]:
    program = REPRODUCERS[name](run.arguments.split(), run.device)
    machine = before(processes(program.acts), kernel)
    played = play(_with_big_bar(machine) if run.shared_mib == BIG_MIB else machine, program.acts)
    status, output = program.rule(played)
    if program.race is not None and status != NOT_TRIED and played.outcomes["open"].ok:
        found = explore_each(program.race(kernel))[NOBODY_REACHES].counterexample
        status, output = (REPRODUCED, "") if found else (status, output)
    return {"arguments": run.arguments, "control": control, "status": status, "output": output}


def _with_big_bar(machine: Machine) -> Machine:
    """The machine of a guest with 1 GiB of shared memory, whose BAR lies elsewhere."""
    device, tree = machine["pci", PC.ivshmem], machine["iomem"].copy()
    big = Bar(2, BIG_BAR, BIG_BAR + (BIG_MIB << 20) - 1, fl.IORESOURCE_MEM)
    old = next(node for node in tree.walk() if node.start == PC.ivshmem_bar)
    release_resource(old)
    # The larger BAR lies in the same window of the PCI bus, where nothing else is.
    window = next(node for node in tree.children if node.start <= big.start and big.end <= node.end)
    request_resource_conflict(window, Resource(big.start, big.end, PC.ivshmem, big.flags))
    bars = tuple(big if bar.index == big.index else bar for bar in device.bars)
    return machine.with_({"iomem": tree, ("pci", PC.ivshmem): replace(device, bars=bars)})


def judge(entries: Iterable[Mapping[str, Any]], version: str) -> Iterator[Finding]:
    """Hold each program's runs against the model.

    It compares how each run ended and what it printed, unless that depends on timing. A race that
    the model has, and that did not happen in the guest, is UNDECIDED and not compared.
    """
    for entry in entries:
        name, model = entry["name"], modelled(entry["name"], KernelProfile(version))
        if entry["sha256"] != model["sha256"]:
            yield Finding.of(name, 0, (f"expected a run of today's {name}.c, got another",))
            continue
        compared, missed, differs = 0, False, list[str]()
        for wanted, got in zip_longest(model["runs"], entry["runs"]):
            if _called(wanted) != _called(got):
                differs.append(f"expected {_called(wanted)}, got {_called(got)}")
                continue
            statuses = wanted["status"], got["status"]
            if not wanted["output"] and statuses == (REPRODUCED, NOT_REPRODUCED):
                missed = True
                continue
            compared += 1
            if statuses[0] != statuses[1] or wanted["output"] not in ("", got["output"]):
                control = "control: " if got["control"] else ""
                differs.append(f"{control}expected {_said(wanted)}, got {_said(got)}")
        found = Finding.of(name, compared, differs)
        yield found._replace(verdict=Verdict.UNDECIDED) if missed and not differs else found


def _called(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "no run"
    return f"{'a control' if run['control'] else 'a run'} with {run['arguments']}"


def _said(run: Mapping[str, Any]) -> str:
    return f"{ended(run)}: {run['output']}" if run["output"] else ended(run)


def verdict(entry: Mapping[str, Any]) -> str:
    """The verdict on a program and its control: "reproduced", or why not."""
    by_control = {run["control"]: run for run in entry["runs"]}
    if False not in by_control:
        return "its run is missing"
    said = ended(by_control[False])
    if True in by_control:
        control = ended(by_control[True])
        return said if control == ENDINGS[NOT_REPRODUCED] else f"its control {control}"
    missing = len(RUNS[entry["name"]]) > 1 and said == ENDINGS[REPRODUCED]
    return "its control is missing" if missing else said
