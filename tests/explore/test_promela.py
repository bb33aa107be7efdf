"""SPIN on the exported model: the same number of stored states, and the same verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.explore.check import explore
from devmemkit.explore.export import promela
from devmemkit.explore.learn import Tree
from devmemkit.explore.search import search
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.boot import attribute_creation, early_claim
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.pmem import nd_pmem
from devmemkit.scenarios.races.scenario import Concurrent

SCENARIOS = {
    "6.12": mmap_vs_claim(KernelProfile("6.12")),
    "6.12, recheck": mmap_vs_claim(KernelProfile("6.12", repair="recheck"), users=2),
    "nd_pmem": nd_pmem(KernelProfile("7.3")),
}
MORE = {
    "7.3, two users": mmap_vs_claim(KernelProfile("7.3"), users=2),
    "sysfs, two drivers": mmap_vs_claim(KernelProfile("6.12"), via="sysfs", drivers=2),
    "release": claim_vs_release(KernelProfile("6.12")),
    "early": early_claim(KernelProfile("6.12")),
    "attributes": attribute_creation(KernelProfile("6.12"), buses=2),
}


def verifier(folder: Path, text: str) -> Path:
    """SPIN's verifier of a model, without any reduction of its own."""
    (folder / "model.pml").write_text(text)
    compile_ = ["gcc", "-O1", "-w", "-DNOREDUCE", "-DSAFETY", "-o", "pan", "pan.c"]
    for command in (["spin", "-a", "model.pml"], compile_):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "pan"


def said(pan: Path, *options: str) -> str:
    done = subprocess.run(
        [pan, "-m100000", *options], cwd=pan.parent, capture_output=True, text=True
    )
    return done.stdout


# an outside checker, not a need of ours; .ci/run installs it, and fails on a skip
@pytest.mark.skipif(shutil.which("spin") is None, reason="spin is not installed")
@pytest.mark.parametrize(
    "made",
    [
        *(pytest.param(made, id=name) for name, made in SCENARIOS.items()),
        *(pytest.param(made, id=name, marks=pytest.mark.slow) for name, made in MORE.items()),
    ],
)
def test_spin_stores_as_many_states_and_agrees_on_the_verdict(
    made: Concurrent, tmp_path: Path
) -> None:
    system, found = search(made)
    always = tuple(one for one in made.properties if one.kind == "always")
    trees = {one.name: Tree(system.space, one.holds) for one in always}
    for state in found.parent:
        for tree in trees.values():
            tree.at(state)
    pan = verifier(tmp_path, promela(system, trees))
    all_states = said(pan, "-A")  # assertions are passed over
    assert "errors: 0" in all_states
    assert re.findall(r"(\d+) states, stored", all_states) == [str(len(found.parent))]
    asking = replace(made, properties=always)
    verdict = explore(asking, partial_order=False, symmetry=False).verdict
    assert ("assertion violated" in said(pan)) == (verdict == "found")


def test_a_scenario_with_a_clock_is_refused() -> None:
    made = mmap_vs_claim(KernelProfile("6.12", policy_name="RevokeAfterGrace"))
    system, _ = search(made)
    with pytest.raises(ValueError, match="C0: expected a scenario without a clock"):
        promela(system)


@pytest.mark.parametrize("how", [{"symmetry": True}, {"partial_order": True}])
def test_steps_that_a_reduction_left_out_are_missed(how: dict[str, bool]) -> None:
    system, _ = search(mmap_vs_claim(KernelProfile("6.12"), users=2), **how)
    with pytest.raises(ValueError, match="system: expected a search without reductions"):
        promela(system)
