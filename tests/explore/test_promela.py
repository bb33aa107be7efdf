"""SPIN, asked the same question: as many stored states, and the same verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.explore.check import explore, searched
from devmemkit.explore.promela import promela
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.boot import attribute_creation, early_claim
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.scenario import Concurrent

SCENARIOS = {
    "6.12": mmap_vs_claim(KernelProfile("6.12")),
    "7.3, two users": mmap_vs_claim(KernelProfile("7.3"), users=2),
    "6.12, recheck": mmap_vs_claim(KernelProfile("6.12", repair="recheck"), users=2),
    "sysfs, two drivers": mmap_vs_claim(KernelProfile("6.12"), via="sysfs", drivers=2),
    "release": claim_vs_release(KernelProfile("6.12")),
    "early": early_claim(KernelProfile("6.12")),
    "attributes": attribute_creation(KernelProfile("6.12"), buses=2),
    "nd_pmem": nd_pmem(KernelProfile("7.3")),
}


def spin(folder: Path, text: str) -> str:
    """What SPIN's verifier says of a model, without any reduction of its own."""
    (folder / "model.pml").write_text(text)
    compile_ = ["gcc", "-O1", "-w", "-DNOREDUCE", "-DSAFETY", "-o", "pan", "pan.c"]
    for command in (["spin", "-a", "model.pml"], compile_):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["./pan", "-m100000"], cwd=folder, capture_output=True, text=True)
    return done.stdout


# an outside checker, not a need of ours; .ci/run installs it, and fails on a skip
@pytest.mark.skipif(shutil.which("spin") is None, reason="spin is not installed")
@pytest.mark.parametrize("made", SCENARIOS.values(), ids=SCENARIOS)
def test_spin_stores_as_many_states_and_says_the_same(made: Concurrent, tmp_path: Path) -> None:
    system, found = searched(made, partial_order=False, symmetry=False, asks=False)
    said = spin(tmp_path, promela(system))
    assert "errors: 0" in said
    assert re.findall(r"(\d+) states, stored", said) == [str(len(found.before))]
    always = tuple(one for one in made.properties if one.kind == "always")
    asking = replace(made, properties=always)
    system.ask(always)
    for state in found.before:
        system.broken(state, "always")
    checked = spin(tmp_path, promela(system, check=True))
    verdict = explore(asking, partial_order=False, symmetry=False).verdict
    assert ("assertion violated" in checked) == (verdict == "found")


def test_a_clock_is_no_tasks_step() -> None:
    made = mmap_vs_claim(KernelProfile("6.12", policy_name="RevokeAfterGrace"))
    system, _ = searched(made, partial_order=False, symmetry=False, asks=False)
    with pytest.raises(ValueError, match="C0: expected a scenario without a clock"):
        promela(system)
