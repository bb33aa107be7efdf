"""The explorer beside SPIN, end to end: the same question, one run, one machine.

    python benchmarks/explore.py [--most N] [--seconds S]

N processes map and unmap twice while M drivers claim and release twice (scenario mmap-vs-claim, one
page, Linux 6.12 without PAT), all states. Ours begins with the scenario and ends with the result,
with all reductions and with none. SPIN generates, compiles with -O2 and runs: once the model that
ours exports, once a smaller one written by hand (benchmarks/race.pml), with its own partial order
reduction and collapse compression. What takes longer than S seconds is given up. "growth" compares
with one process less, "x ours" SPIN's time with our best.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from devmemkit.explore.check import explore
from devmemkit.explore.export import promela
from devmemkit.explore.search import search
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent

BY_HAND = Path(__file__).with_name("race.pml")
FLAGS = ("-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=8000")
MOST_STATES = 50_000_000
"""Where our search gives up; SPIN does after a time."""
Row = tuple[str, int | None, float]
"""What was measured, states (None: given up), seconds."""


def scenario(users: int, drivers: int) -> Concurrent:
    kernel = KernelProfile("6.12", cmdline="nopat")
    made = mmap_vs_claim(kernel, users=users, drivers=drivers, rounds=2, pages=1, claimed=1)
    return replace(made, properties=())


def ours(users: int, drivers: int, *, reduced: bool) -> Row:
    began = time.perf_counter()
    made = scenario(users, drivers)
    result = explore(made, MOST_STATES, partial_order=reduced, symmetry=reduced)
    name = "devmemkit" if reduced else "devmemkit, no reductions"
    states = None if result.bound else result.states
    return name, states, time.perf_counter() - began


def spin(name: str, text: Callable[[], str], seconds: float, *defines: str) -> Row:
    """Generate, compile and run; the time to make `text` counts."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pml").write_text(text())
        commands = [
            ["spin", "-a", *defines, "model.pml"],
            ["gcc", *FLAGS, "-o", "pan", "pan.c"],
            ["./pan", "-m1000000"],
        ]
        said = ""
        for command in commands:
            left = seconds - (time.perf_counter() - began)
            try:
                said = subprocess.run(
                    command, cwd=folder, check=True, capture_output=True, text=True,
                    timeout=max(left, 0.01),
                ).stdout  # fmt: skip
            except subprocess.TimeoutExpired:
                return name, None, time.perf_counter() - began
    states = re.search(r"(\d+) states, stored", said)
    whole = states is not None and "Search not completed" not in said
    found = int(states[1]) if states and whole else None
    return name, found, time.perf_counter() - began


def exported(users: int, drivers: int) -> str:
    made = scenario(users, drivers)
    return promela(search(made)[0])


def measure(users: int, drivers: int, seconds: float) -> list[Row]:
    rows = [ours(users, drivers, reduced=True)]
    if users < 4:  # beyond, there are millions of states
        rows.append(ours(users, drivers, reduced=False))
    if users < 4:  # what is to be exported is searched without reductions
        rows.append(spin("SPIN, exported", lambda: exported(users, drivers), seconds))
    sizes = (f"-DUSERS={users}", f"-DDRIVERS={drivers}")
    rows.append(spin("SPIN, by hand", BY_HAND.read_text, seconds, *sizes))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=6, metavar="N")
    parser.add_argument("--seconds", type=float, default=120, metavar="S")
    options = parser.parse_args()
    if shutil.which("spin") is None:
        print("spin: not found; install the package spin", file=sys.stderr)
        return 2
    print(f"{'N':>2} {'M':>2}  {'':26}{'states':>12}{'seconds':>10}{'growth':>8}{'x ours':>8}")
    for drivers in (1, 2):
        before: dict[str, float] = {}
        for users in range(2, options.most + 1):
            rows = measure(users, drivers, options.seconds)
            best = rows[0][2]
            for name, states, seconds in rows:
                shown = f"{states:,}" if states is not None else "given up"
                growth = f"{seconds / before[name]:.1f}" if name in before else "-"
                times = f"{seconds / best:.1f}"
                print(
                    f"{users:2} {drivers:2}  {name:26}{shown:>12}{seconds:10.2f}"
                    f"{growth:>8}{times:>8}",
                    flush=True,
                )
                if states is not None:
                    before[name] = seconds
    return 0


if __name__ == "__main__":
    sys.exit(main())
